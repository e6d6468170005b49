// Links come, change, are pinned and go at random while packets run: each packet takes a path that existed while it was in flight, and in
// the end nothing is left, neither attached nor in memory.
//
// A chain of ten functions, extensions for them, fentry and fexit programs on both, all through bpf(2).  A program writes its number into
// the packet, so that a packet holds its path.  The test keeps a model of what is attached: it foretells the answer of every operation,
// and the path after it.

#include <gtest/gtest.h>
#include <malloc.h>

#include <atomic>
#include <map>
#include <random>
#include <thread>

#include "abi/graft.h"
#include "engine/each_engine_test_support.h"
#include "program/test_target.h"
#include "syscall/test_caller.h"

namespace graft {
namespace {

using namespace test;

constexpr uint32_t slots = 10, extension_count = 6, most_traces = 6;
constexpr uint32_t operations = 100'000, packet_threads = 4;
// What malloc keeps for itself, and liburcu for its threads.
constexpr size_t memory_slack = 128 << 10;

struct Packet {
    uint64_t count = 0;
    uint64_t path[slots * (1 + 2 * most_traces)];
};
using Path = std::vector<uint64_t>;

constexpr bpf_insn load64(int dst, int src, int off) { return insn(BPF_LDX | BPF_MEM | BPF_DW, dst, src, off, 0); }
constexpr bpf_insn store64(int dst, int src, int off) { return insn(BPF_STX | BPF_MEM | BPF_DW, dst, src, off, 0); }
// Appends to the packet in R1; R1 to R4 are lost.
Insns write_down(int number) {
    return {load64(2, 1, 0), mov_reg(3, 2),  add(3, 1),       store64(1, 3, 0), insn(BPF_ALU64 | BPF_LSH | BPF_K, 2, 0, 0, 3),
            add_reg(1, 2),   mov(4, number), store64(1, 4, 8)};
}
const Insns leave{mov(0, 0), exit()};

// A link, held by a descriptor or by a pin.
struct Held {
    long fd = -1;
    std::string pin;
};
struct TraceLink {
    uint64_t number;  // even: fentry
    Held link;
};
// One function or extension, and the tracing programs around it in the order in which they were attached.
struct Node {
    std::vector<TraceLink> traces;
};

// What is attached, as the test knows it.
struct Model {
    std::array<int, slots> extension{};  // -1: none
    std::array<Held, slots> link;        // of the extension
    std::array<Node, slots> functions;
    std::array<Node, extension_count> extensions;

    Model() { extension.fill(-1); }
    [[nodiscard]] Path path() const {
        Path path;
        for (uint32_t i = 0; i < slots; ++i) {
            if (extension[i] < 0) {
                append(path, functions[i], i + 1);
            } else {
                append(path, extensions[static_cast<size_t>(extension[i])], 100 + static_cast<uint64_t>(extension[i]));
            }
        }
        return path;
    }

private:
    static void append(Path& path, const Node& node, uint64_t number) {
        for (auto each = node.traces.rbegin(); each != node.traces.rend(); ++each) {
            if (each->number % 2 == 0) path.push_back(each->number);
        }
        path.push_back(number);
        for (auto each = node.traces.rbegin(); each != node.traces.rend(); ++each) {
            if (each->number % 2 == 1) path.push_back(each->number);
        }
    }
};

uint64_t hash_of(const uint64_t* numbers, size_t count) {
    uint64_t hash = 1469598103934665603U;
    for (size_t i = 0; i < count; ++i) hash = (hash ^ numbers[i]) * 1099511628211U;
    return hash;
}

struct OwnAttr {
    bpf_attr linux_part;
    alignas(8) std::byte between[GRAFT_ATTR_OFFSET - sizeof(bpf_attr)];
    graft_attr own;
};
static_assert(offsetof(OwnAttr, own) == GRAFT_ATTR_OFFSET);

class Churn : public EachEngine {
protected:
    std::unique_ptr<Kernel> kernel = std::move(Kernel::create(engine())).value();
    TestCaller caller;
    uint32_t context_type = 0;
    std::vector<uint32_t> function_ids;
    Ref<Program> target = load_target();
    std::vector<Ref<Program>> extensions;
    long target_fd = caller.install({target});
    std::vector<long> extension_fds;
    uint32_t extension_id = 0;

    Model model;
    std::mt19937 random{20201};
    std::vector<uint64_t> history = std::vector<uint64_t>(operations + 2);  // the path's hash after so many operations
    std::atomic<uint64_t> started{0}, effective{0};
    std::atomic<uint64_t> seen{0}, impossible{0};
    std::atomic<bool> stop{false};
    uint64_t pins = 0;
    long counting = -1;  // the descriptor of BPF_ENABLE_STATS

    void SetUp() override {
        for (uint32_t i = 0; i < extension_count; ++i) {
            extensions.push_back(load_extension(i));
            extension_fds.push_back(caller.install({extensions.back()}));
        }
    }
    Ref<Program> load(VerifiedProgram code, ProgramFacts facts, TargetFunction primed = {}) {
        Ref<Program> program = make_program(std::move(code), std::move(facts), std::move(primed), engine(), kernel->run_state);
        EXPECT_TRUE(kernel->targets.link(*program).ok());
        program->register_in(kernel->programs);
        return program;
    }
    // int NAME(struct __sk_buff *)
    static uint32_t function_type(BtfBuilder& builder) {
        const uint32_t int_ = builder.integer("int", 4, BTF_INT_SIGNED);
        return builder.func_proto(int_, {{"ctx", builder.pointer(builder.structure("__sk_buff", 4, {{"len", int_, 0}}))}});
    }
    Ref<Program> load_target() {
        BtfBuilder builder;
        const uint32_t type = function_type(builder);
        std::vector<Insns> functions{{mov_reg(6, 1)}};
        for (int i = 1; i <= static_cast<int>(slots); ++i) {
            functions[0] = functions[0] + Insns{mov_reg(1, 6), call(i)};
            functions.push_back(write_down(i) + leave);
        }
        functions[0] = functions[0] + leave;
        VerifiedProgram code = verified(functions);
        for (uint32_t i = 0; i <= slots; ++i) {
            const std::string name = "step_" + std::to_string(i);
            function_ids.push_back(builder.func(name, type));
            TargetProgram::name(code, i, name.c_str(), function_ids.back());
        }
        ProgramFacts facts;
        facts.type = BPF_PROG_TYPE_SCHED_CLS;
        facts.btf = TargetProgram::parse(builder, kernel->btfs);
        return load(std::move(code), std::move(facts));
    }
    Ref<Program> load_extension(uint32_t index) {
        BtfBuilder builder;
        extension_id = builder.func("other", function_type(builder));
        VerifiedProgram code = verified({write_down(100 + static_cast<int>(index)) + leave});
        TargetProgram::name(code, 0, "other", extension_id);
        ProgramFacts facts;
        facts.type = BPF_PROG_TYPE_EXT;
        facts.target_type = BPF_PROG_TYPE_SCHED_CLS;
        facts.btf = TargetProgram::parse(builder, kernel->btfs);
        facts.attach_btf_id = function_ids[1];
        return load(std::move(code), std::move(facts));
    }
    // For one attach: a tracing program has no other target than that of its load.
    Ref<Program> load_trace(uint64_t number, TargetFunction traced) {
        ProgramFacts facts;
        facts.type = BPF_PROG_TYPE_TRACING;
        facts.expected_attach_type = number % 2 == 0 ? BPF_TRACE_FENTRY : BPF_TRACE_FEXIT;
        VerifiedProgram code = verified({Insns{load64(1, 1, 0)} + write_down(static_cast<int>(number)) + leave});
        code.attach.model.args.resize(1);
        return load(std::move(code), std::move(facts), std::move(traced));
    }

    uint32_t pick(uint32_t below) { return static_cast<uint32_t>(random() % below); }
    template <class T>
    long bpf(int command, T attr) {
        return caller.bpf(*kernel, command, attr);
    }
    // Answers a descriptor: 0 for any.
    static long ok_or_error(long answer) { return std::min(answer, 0L); }

    // Makes an operation that the model has made already.
    template <class F>
    void make_effective(uint64_t number, F&& operation, long expected) {
        const Path path = model.path();
        history[number] = hash_of(path.data(), path.size());
        started.store(number, std::memory_order_seq_cst);
        EXPECT_EQ(operation(), expected) << "operation " << number;
        effective.store(number, std::memory_order_seq_cst);
    }
    long create_link(Held& held, long program, long on = 0, uint32_t function = 0, uint32_t attach_type = 0) {
        bpf_attr attr = zeroed<bpf_attr>();
        attr.link_create.prog_fd = static_cast<uint32_t>(program);
        attr.link_create.target_fd = static_cast<uint32_t>(on);
        attr.link_create.target_btf_id = function;
        attr.link_create.attach_type = attach_type;
        const long link = bpf(BPF_LINK_CREATE, attr);
        if (link > 0) held.fd = link;
        return ok_or_error(link);
    }
    // From the descriptor to a pin, and back.
    long move(Held& held) {
        bpf_attr attr = zeroed<bpf_attr>();
        if (held.fd >= 0) {
            held.pin = "/sys/fs/bpf/" + std::to_string(++pins);
            attr.pathname = reinterpret_cast<uint64_t>(held.pin.c_str());
            attr.bpf_fd = static_cast<uint32_t>(held.fd);
            const long answer = bpf(BPF_OBJ_PIN, attr);
            caller.close(std::exchange(held.fd, -1));
            return answer;
        }
        attr.pathname = reinterpret_cast<uint64_t>(held.pin.c_str());
        held.fd = bpf(BPF_OBJ_GET, attr);
        caller.pins.erase(std::exchange(held.pin, {}));
        return ok_or_error(held.fd);
    }
    // The last close or unlink: it is detached.
    long drop(Held held) {
        if (held.fd >= 0) caller.close(held.fd);
        if (!held.pin.empty()) caller.pins.erase(held.pin);
        return 0;
    }
    long replace(long link, long program) {
        const long transaction = bpf(GRAFT_TRANSACTION_CREATE, zeroed<bpf_attr>());
        OwnAttr update{};
        update.linux_part.link_update.link_fd = static_cast<uint32_t>(link);
        update.linux_part.link_update.new_prog_fd = static_cast<uint32_t>(program);
        update.own.transaction_fd = static_cast<uint32_t>(transaction);
        EXPECT_EQ(bpf(BPF_LINK_UPDATE, update), 0);
        OwnAttr commit{};
        commit.linux_part.map_fd = static_cast<uint32_t>(transaction);
        const long answer = bpf(GRAFT_TRANSACTION_COMMIT, commit);
        caller.close(transaction);
        return answer;
    }
    void change_extension(uint64_t number);
    void change_trace(uint64_t number);
    void change_holder(uint64_t number);
    void count_or_not(uint64_t number);
    void packets();
    void run_all(uint64_t count);
    void take_all_away();
};

// At a random function: attaches an extension, or replaces or detaches the one that is there.
void Churn::change_extension(uint64_t number) {
    const uint32_t slot = pick(slots), which = pick(extension_count);
    int& there = model.extension[slot];
    Held& held = model.link[slot];
    if (there < 0) {
        const bool traced = !model.functions[slot].traces.empty();
        if (!traced) there = static_cast<int>(which);
        make_effective(
            number, [&] { return create_link(held, extension_fds[which], target_fd, function_ids[slot + 1]); }, traced ? -EBUSY : 0);
    } else if (pick(2) == 0 || held.fd < 0) {
        there = -1;
        make_effective(number, [&] { return drop(std::exchange(held, {})); }, 0);
    } else {
        there = static_cast<int>(which);
        make_effective(number, [&] { return replace(held.fd, extension_fds[which]); }, 0);
    }
}

// Attaches a tracing program to a function of the target or to an extension, or detaches one.
void Churn::change_trace(uint64_t number) {
    const bool at_extension = pick(2) == 0;
    const uint32_t index = pick(at_extension ? extension_count : slots);
    Node& node = at_extension ? model.extensions[index] : model.functions[index];
    if (node.traces.size() == most_traces || (!node.traces.empty() && pick(2) == 0)) {
        const auto which = node.traces.begin() + pick(static_cast<uint32_t>(node.traces.size()));
        const Held held = which->link;
        node.traces.erase(which);
        make_effective(number, [&] { return drop(held); }, 0);
        return;
    }
    const TargetFunction place =
        at_extension ? TargetFunction{extensions[index], 0, extension_id} : TargetFunction{target, index + 1, function_ids[index + 1]};
    const uint64_t id = 200 + pick(1000);
    const long program = caller.install({load_trace(id, place)});
    const uint32_t type = id % 2 == 0 ? BPF_TRACE_FENTRY : BPF_TRACE_FEXIT;
    if (!at_extension && model.extension[index] >= 0) {
        Held none;
        make_effective(number, [&] { return create_link(none, program, 0, 0, type); }, -EBUSY);
    } else {
        node.traces.push_back({id, {}});
        make_effective(number, [&] { return create_link(node.traces.back().link, program, 0, 0, type); }, 0);
    }
    caller.close(program);
}

// Pins a link and closes its descriptor, or the other way round: nothing that a packet sees.
void Churn::change_holder(uint64_t number) {
    const uint32_t slot = pick(slots);
    Held* held = model.extension[slot] >= 0 ? &model.link[slot] : nullptr;
    if (auto& traces = model.functions[slot].traces; held == nullptr && !traces.empty()) held = &traces.front().link;
    make_effective(number, [&] { return held != nullptr ? move(*held) : 0; }, 0);
}

void Churn::count_or_not(uint64_t number) {
    bpf_attr attr = zeroed<bpf_attr>();
    attr.enable_stats.type = BPF_STATS_RUN_TIME;
    const auto toggle = [&] {
        if (counting < 0) return ok_or_error(counting = bpf(BPF_ENABLE_STATS, attr));
        caller.close(std::exchange(counting, -1));
        return 0L;
    };
    make_effective(number, toggle, 0);
}

void Churn::packets() {
    RunContext context;
    const RunScope scope(context);
    while (!stop.load(std::memory_order_relaxed)) {
        const uint64_t first = effective.load(std::memory_order_seq_cst);
        Packet packet;
        {
            const rcu::ReadGuard guard;
            context.generation = RunContext::newest;
            (void)graft::run(*target, &packet, context);
        }
        const uint64_t last = started.load(std::memory_order_seq_cst);
        const uint64_t path = hash_of(packet.path, packet.count);
        bool existed = false;
        for (uint64_t i = first; i <= last && !existed; ++i) existed = history[i] == path;
        if (!existed) impossible.fetch_add(1);
        seen.fetch_add(1, std::memory_order_relaxed);
    }
}

void Churn::run_all(uint64_t count) {
    stop = false;
    std::vector<std::thread> threads;
    for (uint32_t i = 0; i < packet_threads; ++i) threads.emplace_back([this] { packets(); });
    for (uint64_t number = 1; number <= count && !HasFailure(); ++number) {
        const uint32_t kind = pick(100);
        if (kind == 0) {
            count_or_not(number);
        } else if (kind < 40) {
            change_extension(number);
        } else if (kind < 80) {
            change_trace(number);
        } else {
            change_holder(number);
        }
    }
    stop = true;
    for (std::thread& thread : threads) thread.join();
}

void Churn::take_all_away() {
    if (counting >= 0) caller.close(std::exchange(counting, -1));
    for (const Held& held : model.link) drop(held);
    for (const Node& node : model.functions) {
        for (const TraceLink& trace : node.traces) drop(trace.link);
    }
    for (const Node& node : model.extensions) {
        for (const TraceLink& trace : node.traces) drop(trace.link);
    }
    model = {};
    for (int deferred = 0; deferred < 3; ++deferred) rcu::barrier();  // a link its program, a program its image
}

TEST_P(Churn, EveryPacketTakesAPathThatExisted) {
    const Path plain = model.path();
    history[0] = hash_of(plain.data(), plain.size());
    size_t used = 0;
    for (const uint64_t count : {operations / 10, operations}) {  // the first round warms up
        started = effective = 0;
        run_all(count);
        take_all_away();
        EXPECT_EQ(impossible.load(), 0U);
        EXPECT_GT(seen.load(), 0U);
        EXPECT_EQ(kernel->links.size(), 0U);
        EXPECT_EQ(kernel->programs.size(), 1 + extension_count);
        for (const Ref<Program>& program : extensions) EXPECT_EQ(program->ref_count(), 2U);  // ours, and the descriptor's
        Packet packet;
        (void)run(*target, &packet);
        EXPECT_EQ(Path(packet.path, packet.path + packet.count), plain);
        const size_t now = mallinfo2().uordblks;
        EXPECT_LE(now, used == 0 ? now : used + memory_slack);
        used = now;
    }
}

GRAFT_ON_EACH_ENGINE(Churn);

}  // namespace
}  // namespace graft
