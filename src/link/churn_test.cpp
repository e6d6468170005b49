// Links change at random while packets run: each packet takes a path that existed while it was in flight, and in the end nothing is left.
//
// A chain of ten functions, extensions for them, fentry and fexit programs on both.  A program writes its number into the packet, so that a
// packet holds its path.  The test keeps a model of what is attached: it foretells the answer of every operation, and the path after it.

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <random>
#include <thread>

#include "engine/each_engine_test_support.h"
#include "link/transaction.h"
#include "program/test_program.h"

namespace graft {
namespace {

using namespace test;

constexpr uint32_t slots = 10, extension_count = 6, trace_count = 6;
constexpr uint32_t operations = 100'000, packet_threads = 4;

struct Packet {
    uint64_t count = 0;
    uint64_t path[64];
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

// One function or extension, and the tracing programs around it in the order in which they were attached.
struct Node {
    std::vector<uint32_t> traces;
};

// What is attached, as the test knows it.
class Model {
public:
    std::array<int, slots> extension{};  // -1: none
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
    // Odd tracing programs are fexit.
    static void append(Path& path, const Node& node, uint64_t number) {
        for (auto each = node.traces.rbegin(); each != node.traces.rend(); ++each) {
            if (*each % 2 == 0) path.push_back(200 + *each);
        }
        path.push_back(number);
        for (auto each = node.traces.rbegin(); each != node.traces.rend(); ++each) {
            if (*each % 2 == 1) path.push_back(200 + *each);
        }
    }
};

uint64_t hash_of(const uint64_t* numbers, size_t count) {
    uint64_t hash = 1469598103934665603U;
    for (size_t i = 0; i < count; ++i) hash = (hash ^ numbers[i]) * 1099511628211U;
    return hash;
}

class Churn : public EachEngine {
protected:
    TargetRegistry targets{engine(), run_state()};
    Ref<Program> target = load_target();
    std::vector<Ref<Program>> extensions = load_all(extension_count, BPF_PROG_TYPE_EXT, 100);
    std::vector<Ref<Program>> traces = load_all(trace_count, BPF_PROG_TYPE_TRACING, 200);

    Model model;
    std::mt19937 random{20201};
    std::vector<uint64_t> history = std::vector<uint64_t>(operations + 2);  // the path's hash after so many operations
    std::atomic<uint64_t> started{0}, effective{0};

    Ref<Program> load(VerifiedProgram code, ProgramFacts facts) {
        Ref<Program> program = make_program(std::move(code), std::move(facts), {}, engine());
        EXPECT_TRUE(targets.link(*program).ok());
        return program;
    }
    Ref<Program> load_target() {
        std::vector<Insns> functions{{mov_reg(6, 1)}};
        for (int i = 1; i <= static_cast<int>(slots); ++i) {
            functions[0] = functions[0] + Insns{mov_reg(1, 6), call(i)};
            functions.push_back(write_down(i) + leave);
        }
        functions[0] = functions[0] + leave;
        return load(verified(functions), {});
    }
    std::vector<Ref<Program>> load_all(uint32_t count, uint32_t type, int first_number) {
        std::vector<Ref<Program>> programs;
        for (uint32_t i = 0; i < count; ++i) {
            ProgramFacts facts;
            facts.type = type;
            Insns code = write_down(first_number + static_cast<int>(i)) + leave;
            if (type == BPF_PROG_TYPE_TRACING) {
                facts.expected_attach_type = i % 2 == 0 ? BPF_TRACE_FENTRY : BPF_TRACE_FEXIT;
                code = Insns{load64(1, 1, 0)} + code;  // the traced function's argument
            }
            programs.push_back(load(verified({code}), std::move(facts)));
        }
        return programs;
    }

    uint32_t pick(uint32_t below) { return static_cast<uint32_t>(random() % below); }
    // Makes an operation that the model has made already.
    template <class F>
    void make_effective(uint64_t number, F&& operation, int expected) {
        const Path path = model.path();
        history[number] = hash_of(path.data(), path.size());
        started.store(number, std::memory_order_seq_cst);
        EXPECT_EQ(operation(), expected) << "operation " << number;
        effective.store(number, std::memory_order_seq_cst);
    }
    void change_extension(uint64_t number);
    void change_trace(uint64_t number);
    void packets();
    std::atomic<uint64_t> seen{0}, impossible{0};
    std::atomic<bool> stop{false};
};

// At a random slot: attaches an extension, or replaces or detaches the one that is there.
void Churn::change_extension(uint64_t number) {
    const uint32_t slot = pick(slots), which = pick(extension_count);
    const Place place{target.get(), slot + 1};
    int& there = model.extension[slot];
    if (there < 0) {
        const bool traced = !model.functions[slot].traces.empty();
        if (!traced) there = static_cast<int>(which);
        make_effective(number, [&] { return targets.attach(place, {extensions[which]}).code(); }, traced ? EBUSY : 0);
        return;
    }
    const Program* old = extensions[static_cast<size_t>(there)].get();
    if (pick(2) == 0) {
        there = -1;
        make_effective(number, [&] { return targets.detach(place, *old), 0; }, 0);
    } else {
        there = static_cast<int>(which);
        const PlaceChange replace{place, {extensions[which]}, old};
        make_effective(number, [&] { return targets.change({&replace, 1}).code(); }, 0);
    }
}

// Attaches or detaches a tracing program at a function of the target or at an extension.
void Churn::change_trace(uint64_t number) {
    const uint32_t which = pick(trace_count);
    const bool at_extension = pick(2) == 0;
    const uint32_t index = at_extension ? pick(extension_count) : pick(slots);
    Node& node = at_extension ? model.extensions[index] : model.functions[index];
    const Place place = at_extension ? Place{extensions[index].get(), 0} : Place{target.get(), index + 1};
    const auto found = std::find(node.traces.begin(), node.traces.end(), which);
    if (found != node.traces.end()) {
        node.traces.erase(found);
        make_effective(number, [&] { return targets.detach(place, *traces[which]), 0; }, 0);
        return;
    }
    const bool replaced = !at_extension && model.extension[index] >= 0;
    if (!replaced) node.traces.push_back(which);
    make_effective(number, [&] { return targets.attach(place, {traces[which], 0, 1}).code(); }, replaced ? EBUSY : 0);
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

TEST_P(Churn, EveryPacketTakesAPathThatExisted) {
    const Path plain = model.path();
    history[0] = hash_of(plain.data(), plain.size());
    std::vector<std::thread> threads;
    for (uint32_t i = 0; i < packet_threads; ++i) threads.emplace_back([this] { packets(); });
    bool counting = false;
    for (uint64_t number = 1; number <= operations; ++number) {
        const uint32_t kind = pick(100);
        if (kind == 0) {
            counting = !counting;
            make_effective(number, [&] { return counting ? targets.start_counting().code() : (targets.stop_counting(), 0); }, 0);
        } else if (kind < 50) {
            change_extension(number);
        } else {
            change_trace(number);
        }
        if (HasFailure()) break;
    }
    stop = true;
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(impossible.load(), 0U);
    EXPECT_GT(seen.load(), 0U);

    // And back: nothing is left.
    if (counting) targets.stop_counting();
    for (uint32_t slot = 0; slot < slots; ++slot) {
        if (model.extension[slot] >= 0) targets.detach({target.get(), slot + 1}, *extensions[static_cast<size_t>(model.extension[slot])]);
        for (uint32_t trace : model.functions[slot].traces) targets.detach({target.get(), slot + 1}, *traces[trace]);
    }
    for (uint32_t i = 0; i < extension_count; ++i) {
        for (uint32_t trace : model.extensions[i].traces) targets.detach({extensions[i].get(), 0}, *traces[trace]);
    }
    rcu::barrier();
    for (const auto& all : {std::cref(extensions), std::cref(traces)}) {
        for (const Ref<Program>& program : all.get()) EXPECT_EQ(program->ref_count(), 1U);
    }
    Packet packet;
    (void)run(*target, &packet);
    EXPECT_EQ(Path(packet.path, packet.path + packet.count), plain);
}

GRAFT_ON_EACH_ENGINE(Churn);

}  // namespace
}  // namespace graft
