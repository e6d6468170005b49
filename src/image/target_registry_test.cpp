#include "image/target_registry.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <thread>

#include "engine/each_engine_test_support.h"
#include "program/test_program.h"

namespace graft {
namespace {

using namespace test;

// main: returns callee 1 * 1000 + callee 2; the callees return 1 and 2.
const std::vector<Insns> two_callees{
    {mov(1, 0), call(1), insn(BPF_ALU64 | BPF_MUL | BPF_K, 0, 0, 0, 1000), mov_reg(6, 0), call(2), add_reg(0, 6), exit()},
    {mov(0, 1), exit()},
    {mov(0, 2), exit()}};

ProgramFacts extension_facts() {
    ProgramFacts facts;
    facts.type = BPF_PROG_TYPE_EXT;
    return facts;
}
ProgramFacts trace_facts(uint32_t attach_type) {
    ProgramFacts facts;
    facts.type = BPF_PROG_TYPE_TRACING;
    facts.expected_attach_type = attach_type;
    return facts;
}

struct Relink : EachEngine {
    TargetRegistry targets{engine(), test::run_state()};

    Ref<Program> load(const std::vector<Insns>& functions, ProgramFacts facts = {}) {
        Ref<Program> program = make_program(functions, std::move(facts), engine());
        EXPECT_TRUE(targets.link(*program).ok());
        return program;
    }
};

TEST_P(Relink, AnExtensionReplacesOneFunctionUntilItIsDetached) {
    const Ref<Program> target = load(two_callees);
    const Ref<Program> extension = load({{call(1), add(0, 5), exit()}, {mov(0, 70), exit()}}, extension_facts());
    EXPECT_EQ(run(*target), 1002U);
    ASSERT_TRUE(targets.attach({target.get(), 2}, {extension}).ok());
    EXPECT_EQ(run(*target), 1075U);
    EXPECT_EQ(targets.extension_at({target.get(), 2}), extension);
    EXPECT_FALSE(targets.extension_at({target.get(), 1}));
    targets.detach({target.get(), 2}, *extension);
    EXPECT_EQ(run(*target), 1002U);
    rcu::barrier();
    EXPECT_EQ(extension->ref_count(), 1U);
}

TEST_P(Relink, OneExtensionSitsInManyPlaces) {
    const Ref<Program> a = load(two_callees), b = load(two_callees);
    const Ref<Program> extension = load({{mov(0, 9), exit()}}, extension_facts());
    ASSERT_TRUE(targets.attach({a.get(), 1}, {extension}).ok());
    ASSERT_TRUE(targets.attach({a.get(), 2}, {extension}).ok());
    ASSERT_TRUE(targets.attach({b.get(), 1}, {extension}).ok());
    EXPECT_EQ(run(*a), 9009U);
    EXPECT_EQ(run(*b), 9002U);
    // One instance of it in the image, not one a place.
    EXPECT_EQ(rcu::load(a->image)->functions.size(), 4U);
    targets.detach({a.get(), 1}, *extension);
    EXPECT_EQ(run(*a), 1009U);
    targets.detach({a.get(), 2}, *extension);
    targets.detach({b.get(), 1}, *extension);
    EXPECT_EQ(run(*a), 1002U);
    EXPECT_EQ(run(*b), 1002U);
}

TEST_P(Relink, TheMainFunctionIsReplacedToo) {
    const Ref<Program> target = load(two_callees);
    const Ref<Program> extension = load({{mov(0, 77), exit()}}, extension_facts());
    ASSERT_TRUE(targets.attach({target.get(), 0}, {extension}).ok());
    EXPECT_EQ(run(*target), 77U);
    targets.detach({target.get(), 0}, *extension);
    EXPECT_EQ(run(*target), 1002U);
}

TEST_P(Relink, APlaceIsTakenOnce) {
    const Ref<Program> target = load(two_callees);
    const Ref<Program> first = load({{mov(0, 8), exit()}}, extension_facts()), second = load({{mov(0, 9), exit()}}, extension_facts());
    ASSERT_TRUE(targets.attach({target.get(), 1}, {first}).ok());
    EXPECT_EQ(targets.attach({target.get(), 1}, {second}).code(), EBUSY);
    EXPECT_EQ(targets.attach({target.get(), 1}, {first}).code(), EBUSY);
    EXPECT_EQ(run(*target), 8002U);
    targets.detach({target.get(), 1}, *first);
}

// What programs wrote down while they ran: marks, in order.
struct Marks {
    uint64_t count = 0;
    std::array<uint64_t, 64> marks{};
    [[nodiscard]] std::vector<uint64_t> take() {
        std::vector<uint64_t> taken(marks.begin(), marks.begin() + static_cast<ptrdiff_t>(count));
        count = 0;
        return taken;
    }
};
constexpr bpf_insn load64(int dst, int src, int off) { return insn(BPF_LDX | BPF_MEM | BPF_DW, dst, src, off, 0); }
constexpr bpf_insn store64(int dst, int src, int off) { return insn(BPF_STX | BPF_MEM | BPF_DW, dst, src, off, 0); }
// Writes down R3; R2 and R4 are lost.
Insns write_down(Marks& marks) {
    return ld_imm64(2, reinterpret_cast<uint64_t>(&marks)) + Insns{load64(4, 2, 0),  add(4, 1),
                                                                   store64(2, 4, 0), insn(BPF_ALU64 | BPF_LSH | BPF_K, 4, 0, 0, 3),
                                                                   add_reg(2, 4),    store64(2, 3, 0)};
}
Insns mark(Marks& marks, int number) { return Insns{mov(3, number)} + write_down(marks); }
// Mark, and the 64-bit word of the context at `off`.
Insns mark_word(Marks& marks, int number, int off) { return mark(marks, number) + Insns{load64(3, 1, off)} + write_down(marks); }
const Insns leave{mov(0, 0), exit()};
using Path = std::vector<uint64_t>;

struct Traced : Relink {
    Marks marks;
    // main calls 1 with the argument 5 and returns what it returns, plus 1.
    Ref<Program> target =
        load({Insns{mov(1, 5), call(1)} + Insns{mov_reg(6, 0)} + mark(marks, 10) + Insns{mov_reg(0, 6), add(0, 1), exit()},
              mark(marks, 11) + Insns{mov_reg(0, 1), insn(BPF_ALU64 | BPF_MUL | BPF_K, 0, 0, 0, 2), exit()}});
    Ref<Program> fentry(int number) { return load({mark_word(marks, number, 0) + leave}, trace_facts(BPF_TRACE_FENTRY)); }
    // Of a function with one argument.
    Ref<Program> fexit(int number) { return load({mark_word(marks, number, 8) + leave}, trace_facts(BPF_TRACE_FEXIT)); }
    Path path() {
        (void)run(*target);
        return marks.take();
    }
};

TEST_P(Traced, FentrySeesTheArgumentsAndFexitTheResult) {
    const Ref<Program> before = fentry(40), after = fexit(50);
    ASSERT_TRUE(targets.attach({target.get(), 1}, {before, 0, 1}).ok());
    ASSERT_TRUE(targets.attach({target.get(), 1}, {after, 0, 1}).ok());
    EXPECT_EQ(run(*target), 11U);
    EXPECT_EQ(marks.take(), (Path{40, 5, 11, 50, 10, 10}));
    targets.detach({target.get(), 1}, *before);
    EXPECT_EQ(path(), (Path{11, 50, 10, 10}));
    targets.detach({target.get(), 1}, *after);
    EXPECT_EQ(path(), (Path{11, 10}));
}

TEST_P(Traced, TheLastAttachedRunsFirst) {
    const Ref<Program> a = load({mark(marks, 40) + leave}, trace_facts(BPF_TRACE_FENTRY)),
                       b = load({mark(marks, 41) + leave}, trace_facts(BPF_TRACE_FENTRY)),
                       c = load({mark(marks, 50) + leave}, trace_facts(BPF_TRACE_FEXIT)),
                       d = load({mark(marks, 51) + leave}, trace_facts(BPF_TRACE_FEXIT));
    for (const Ref<Program>& each : {a, b, c, d}) ASSERT_TRUE(targets.attach({target.get(), 1}, {each, 0, 1}).ok());
    EXPECT_EQ(path(), (Path{41, 40, 11, 51, 50, 10}));
    for (const Ref<Program>& each : {b, d, a, c}) targets.detach({target.get(), 1}, *each);
}

TEST_P(Traced, OnAnExtensionWhereverItRuns) {
    const Ref<Program> extension = load({mark(marks, 20) + Insns{mov(0, 3), exit()}}, extension_facts());
    const Ref<Program> before = load({mark(marks, 40) + leave}, trace_facts(BPF_TRACE_FENTRY));
    ASSERT_TRUE(targets.attach({extension.get(), 0}, {before, 0, 1}).ok());
    EXPECT_EQ(path(), (Path{11, 10}));
    ASSERT_TRUE(targets.attach({target.get(), 1}, {extension}).ok());
    EXPECT_EQ(path(), (Path{40, 20, 10}));
    const Ref<Program> later = load({mark(marks, 41) + leave}, trace_facts(BPF_TRACE_FENTRY));
    ASSERT_TRUE(targets.attach({extension.get(), 0}, {later, 0, 1}).ok());
    EXPECT_EQ(path(), (Path{41, 40, 20, 10}));
    targets.detach({extension.get(), 0}, *before);
    targets.detach({extension.get(), 0}, *later);
    EXPECT_EQ(path(), (Path{20, 10}));
    targets.detach({target.get(), 1}, *extension);
}

TEST_P(Traced, ATracingProgramMayBeTracedItself) {
    const Ref<Program> inner = load({mark(marks, 40) + leave}, trace_facts(BPF_TRACE_FENTRY)),
                       outer = load({mark(marks, 41) + leave}, trace_facts(BPF_TRACE_FENTRY));
    ASSERT_TRUE(targets.attach({target.get(), 1}, {inner, 0, 1}).ok());
    ASSERT_TRUE(targets.attach({inner.get(), 0}, {outer, 0, 1}).ok());
    EXPECT_EQ(path(), (Path{41, 40, 11, 10}));
    targets.detach({target.get(), 1}, *inner);
    EXPECT_EQ(path(), (Path{11, 10}));
    targets.detach({inner.get(), 0}, *outer);
}

TEST_P(Traced, APlaceTakesAnExtensionOrTracingProgramsNeverBoth) {
    const Ref<Program> extension = load({{mov(0, 3), exit()}}, extension_facts());
    const Ref<Program> before = fentry(40);
    ASSERT_TRUE(targets.attach({target.get(), 1}, {before, 0, 1}).ok());
    EXPECT_EQ(targets.attach({target.get(), 1}, {extension}).code(), EBUSY);
    EXPECT_EQ(targets.attach({target.get(), 1}, {before, 0, 1}).code(), EBUSY);
    ASSERT_TRUE(targets.attach({target.get(), 0}, {extension}).ok());
    EXPECT_EQ(targets.attach({target.get(), 0}, {before, 0, 1}).code(), EBUSY);
    targets.detach({target.get(), 0}, *extension);
    targets.detach({target.get(), 1}, *before);
    EXPECT_EQ(path(), (Path{11, 10}));
}

TEST_P(Traced, ThirtyEightAtOneFunction) {
    std::vector<Ref<Program>> all;
    for (size_t i = 0; i < TargetRegistry::max_traces; ++i) {
        all.push_back(i % 2 == 0 ? fentry(40) : fexit(50));
        ASSERT_TRUE(targets.attach({target.get(), 1}, {all.back(), 0, 1}).ok());
    }
    const Ref<Program> further = fentry(41);
    EXPECT_EQ(targets.attach({target.get(), 1}, {further, 0, 1}).code(), E2BIG);
    for (const Ref<Program>& each : all) targets.detach({target.get(), 1}, *each);
    EXPECT_EQ(path(), (Path{11, 10}));
}

TEST_P(Traced, SeveralChangesAreMadeTogetherOrNotAtAll) {
    const Ref<Program> old = load({mark(marks, 20) + Insns{mov(0, 3), exit()}}, extension_facts());
    const Ref<Program> fresh = load({mark(marks, 21) + Insns{mov(0, 4), exit()}}, extension_facts());
    const Ref<Program> before = load({mark(marks, 40) + leave}, trace_facts(BPF_TRACE_FENTRY));
    const Place place{target.get(), 1}, main{target.get(), 0};
    ASSERT_TRUE(targets.attach(place, {old}).ok());
    const auto change = [&](const std::vector<PlaceChange>& steps) { return targets.change(steps).code(); };
    const Image* const image = rcu::load(target->image);
    ASSERT_EQ(change({{place, {fresh}, old.get()}, {main, {before, 0, 1}}}), 0);
    EXPECT_EQ(rcu::load(target->image)->previous, image);  // three changes, one image
    EXPECT_EQ(path(), (Path{40, 21, 10}));
    // The second step is refused: the first does not happen either.
    EXPECT_EQ(change({{place, {old}, fresh.get()}, {main, {old}}}), EBUSY);
    EXPECT_EQ(path(), (Path{40, 21, 10}));
    ASSERT_EQ(change({{place, {}, fresh.get()}, {main, {}, before.get()}}), 0);
    EXPECT_EQ(path(), (Path{11, 10}));
    rcu::barrier();
    for (const Ref<Program>& each : {old, fresh, before}) EXPECT_EQ(each->ref_count(), 2U);  // ours and the loop's
}

TEST_P(Traced, MembersAreCountedWhileSomebodyAsks) {
    const Ref<Program> extension = load({mark(marks, 20) + Insns{mov(0, 3), exit()}}, extension_facts());
    const Ref<Program> before = load({mark(marks, 40) + leave}, trace_facts(BPF_TRACE_FENTRY));
    const Place place{target.get(), 1};
    ASSERT_TRUE(targets.attach(place, {extension}).ok());
    ASSERT_TRUE(targets.attach({extension.get(), 0}, {before, 0, 1}).ok());
    const size_t uncounted = rcu::load(target->image)->functions.size();
    EXPECT_EQ(path(), (Path{40, 20, 10}));
    const auto counters = targets.members(*target).at(0).attachment.counters;
    EXPECT_EQ(counters->runs, 0U);
    ASSERT_TRUE(targets.start_counting().ok());
    EXPECT_EQ(path(), (Path{40, 20, 10}));
    EXPECT_EQ(path(), (Path{40, 20, 10}));
    EXPECT_EQ(counters->runs, 2U);
    EXPECT_EQ(counters->verdicts[3], 2U);
    targets.stop_counting();
    EXPECT_EQ(path(), (Path{40, 20, 10}));
    EXPECT_EQ(counters->runs, 2U);
    EXPECT_EQ(rcu::load(target->image)->functions.size(), uncounted);
    targets.detach(place, *extension);
    targets.detach({extension.get(), 0}, *before);
}

// A packet that passes several programs sees a change at all of them or, if it had entered one before, at none.
TEST_P(Traced, APacketThatHasEnteredSeesWhatWasThereThen) {
    const Ref<Program> other = load(two_callees);
    const Ref<Program> extension = load({{mov(0, 9), exit()}}, extension_facts());
    RunContext packet, later;
    const RunScope scope(packet);
    const rcu::ReadGuard guard;
    EXPECT_EQ(graft::run(*target, nullptr, packet), 11U);
    const std::vector<PlaceChange> both{{{target.get(), 1}, {extension}}, {{other.get(), 1}, {extension}}};
    ASSERT_TRUE(targets.change(both).ok());
    EXPECT_EQ(graft::run(*target, nullptr, packet), 11U);
    EXPECT_EQ(graft::run(*other, nullptr, packet), 1002U);
    EXPECT_EQ(graft::run(*other, nullptr, later), 9002U);
    EXPECT_EQ(graft::run(*target, nullptr, later), 10U);
    targets.detach({target.get(), 1}, *extension);
    EXPECT_EQ(graft::run(*target, nullptr, packet), 11U);
    EXPECT_EQ(graft::run(*target, nullptr, later), 10U);
    targets.detach({other.get(), 1}, *extension);
    EXPECT_EQ(graft::run(*other, nullptr, later), 9002U);
    EXPECT_EQ(graft::run(*other, nullptr, packet), 1002U);
}

TEST_P(Relink, AProgramArrayAndAnExtensionExcludeEachOther) {
    const Ref<Program> target = load(two_callees);
    const Ref<Program> extension = load({{mov(0, 8), exit()}}, extension_facts());
    ASSERT_TRUE(target->enter_program_array().ok());
    EXPECT_EQ(targets.attach({target.get(), 1}, {extension}).code(), EBUSY);
    EXPECT_FALSE(targets.extension_at({target.get(), 1}));
    target->leave_program_array();
    ASSERT_TRUE(targets.attach({target.get(), 1}, {extension}).ok());
    EXPECT_EQ(target->enter_program_array().code(), EBUSY);
    targets.detach({target.get(), 1}, *extension);
    ASSERT_TRUE(target->enter_program_array().ok());
    target->leave_program_array();
}

// An engine that runs out of memory on demand.
class Failing final : public Engine {
public:
    explicit Failing(const Engine& real) : real_(real) {}
    const char* name() const override { return "failing"; }
    Result<std::unique_ptr<EngineCode>> compile(const VerifiedProgram& program) const override { return real_.compile(program); }
    Result<void> link(Image& image) const override {
        if (failures > 0) {
            --failures;
            return fail(ENOMEM);
        }
        return real_.link(image);
    }
    mutable int failures = 0;

private:
    const Engine& real_;
};

TEST_P(Relink, WithoutMemoryAnAttachChangesNothing) {
    const Failing failing(engine());
    TargetRegistry registry(failing, test::run_state());
    const Ref<Program> target = make_program(two_callees, {}, engine()),
                       extension = make_program(std::vector<Insns>{{mov(0, 8), exit()}}, extension_facts(), engine());
    ASSERT_TRUE(registry.link(*target).ok());
    const Image* before = rcu::load(target->image);
    failing.failures = 1;
    EXPECT_EQ(registry.attach({target.get(), 1}, {extension}).code(), ENOMEM);
    EXPECT_EQ(rcu::load(target->image), before);
    EXPECT_FALSE(registry.extension_at({target.get(), 1}));
    EXPECT_EQ(extension->ref_count(), 1U);
    ASSERT_TRUE(target->enter_program_array().ok());  // not left as extended
    target->leave_program_array();

    ASSERT_TRUE(registry.attach({target.get(), 1}, {extension}).ok());
    failing.failures = 3;
    registry.detach({target.get(), 1}, *extension);  // waits until there is memory
    EXPECT_EQ(failing.failures, 0);
    EXPECT_EQ(run(*target), 1002U);
}

// Each run sees one whole image: the callees are replaced together or not at all... a pair of runs may differ, a run is never mixed within
// a place.
TEST_P(Relink, PacketsRunWhileExtensionsComeAndGo) {
    const Ref<Program> target = load(two_callees);
    const Ref<Program> extension = load({{mov(0, 9), exit()}}, extension_facts());
    std::atomic<bool> stop{false};
    std::atomic<uint64_t> runs{0}, wrong{0};
    std::thread reader([&] {
        while (!stop.load(std::memory_order_relaxed)) {
            const uint64_t result = run(*target);
            if (result != 1002 && result != 9002) wrong.fetch_add(1);
            runs.fetch_add(1, std::memory_order_relaxed);
        }
    });
    for (int i = 0; i < 200 || runs.load() < 1000; ++i) {
        ASSERT_TRUE(targets.attach({target.get(), 1}, {extension}).ok());
        targets.detach({target.get(), 1}, *extension);
    }
    stop = true;
    reader.join();
    EXPECT_EQ(wrong.load(), 0U);
}

GRAFT_ON_EACH_ENGINE(Relink);
GRAFT_ON_EACH_ENGINE(Traced);

}  // namespace
}  // namespace graft
