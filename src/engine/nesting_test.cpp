// The deepest that the verifier admits: a target of eight frames, in the last of which sits an extension of eight frames, which makes 33
// tail calls; fentry and fexit programs around it.
#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "engine/each_engine_test_support.h"
#include "image/target_registry.h"
#include "map/tail_callee.h"
#include "program/test_program.h"

namespace graft {
namespace {

using namespace test;

constexpr uint32_t frames = abi::max_call_frames;

struct Seen {
    uint64_t calls = 0;
    uint64_t frame_pointers[64] = {};
};

// Writes R10 into the context's next place; R2 and R3 are lost.
const Insns note_frame{insn(BPF_LDX | BPF_MEM | BPF_DW, 2, 1, 0, 0),  add(2, 1),     insn(BPF_STX | BPF_MEM | BPF_DW, 1, 2, 0, 0),
                       insn(BPF_ALU64 | BPF_LSH | BPF_K, 2, 0, 0, 3), mov_reg(3, 1), add_reg(3, 2),
                       insn(BPF_STX | BPF_MEM | BPF_DW, 3, 10, 0, 0)};

// Each function keeps a number in R6 and on its stack, calls the next one and adds up; the last one does `last`.
std::vector<Insns> chain(const Insns& last) {
    std::vector<Insns> functions;
    for (uint32_t i = 0; i + 1 < frames; ++i) {
        functions.push_back({mov(6, 100), insn(BPF_STX | BPF_MEM | BPF_DW, 10, 6, -8, 0), call(static_cast<int>(i) + 1), add_reg(0, 6),
                             insn(BPF_LDX | BPF_MEM | BPF_DW, 1, 10, -8, 0), add_reg(0, 1), exit()});
    }
    functions.push_back(last);
    return functions;
}

class OneProgram final : public Map {
public:
    explicit OneProgram(IdTable<Map>& ids) : Map(MapSpec{}, ids) {}
    const TailCallee* tail_callee(uint32_t) const override { return program.get(); }
    Ref<Program> program;

    void* lookup_element(const void*, uint32_t) override { return nullptr; }
    long update_element(const void*, const void*, uint64_t, uint32_t) override { return -EINVAL; }
    long delete_element(const void*) override { return -EINVAL; }
    Result<void> lookup(Bytes, MutableBytes, uint64_t) override { return fail(EINVAL); }
    Result<void> update(Caller&, Bytes, Bytes, uint64_t) override { return fail(EINVAL); }
    Result<void> erase(Bytes) override { return fail(EINVAL); }
    Result<void> next_key(std::optional<Bytes>, MutableBytes) override { return fail(EINVAL); }
    uint64_t memory() const override { return 0; }
};

struct Nesting : EachEngine {
    TargetRegistry targets{engine(), test::run_state()};
    IdTable<Map> ids;
    OneProgram table{ids};

    ~Nesting() override { table.program = nullptr; }

    Ref<Program> load(const std::vector<Insns>& functions, uint32_t type = BPF_PROG_TYPE_XDP, uint32_t attach_type = 0) {
        ProgramFacts facts;
        facts.type = type;
        facts.expected_attach_type = attach_type;
        Ref<Program> program = make_program(functions, facts, engine());
        EXPECT_TRUE(targets.link(*program).ok());
        return program;
    }
    Insns tail_call() {
        return ld_imm64(2, reinterpret_cast<uint64_t>(static_cast<Map*>(&table)), BPF_PSEUDO_MAP_FD) +
               Insns{mov(3, 0), helper(BPF_FUNC_tail_call)};
    }
};

TEST_P(Nesting, TheDeepestThatIsLegal) {
    // Uses all of R6 to R9, so that what it saves must be restored before it is left for itself.
    const Insns counting = note_frame + Insns{mov(6, 1), mov(7, 2), mov(8, 3), mov(9, 4)} + tail_call() + Insns{mov(0, 7), exit()};
    table.program = load({counting});
    const Ref<Program> extension = load(chain(note_frame + tail_call() + Insns{mov(0, 1000), exit()}), BPF_PROG_TYPE_EXT);
    const Ref<Program> target = load(chain({mov(0, 0), exit()}));
    const Ref<Program> before = load({{mov(6, 77), mov(0, 0), exit()}}, BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY);
    const Ref<Program> after = load({{mov(6, 78), mov(0, 0), exit()}}, BPF_PROG_TYPE_TRACING, BPF_TRACE_FEXIT);
    const Place last{target.get(), frames - 1};
    ASSERT_TRUE(targets.attach(last, {extension}).ok());
    for (const Ref<Program>& trace : {before, after}) ASSERT_TRUE(targets.attach({extension.get(), 0}, {trace, 0, 1}).ok());

    for (int i = 0; i < 3; ++i) {
        Seen seen;
        // The last tail call falls through in the program that counts: 7.  Then each frame of both chains adds its 100 twice.
        EXPECT_EQ(run(*target, &seen), 7U + 2 * 100 * 2 * (frames - 1));
        EXPECT_EQ(seen.calls, 1 + uint64_t{abi::max_tail_calls});
        // The callee takes the caller's place: the stack does not grow from one to the next.
        const std::set<uint64_t> places(seen.frame_pointers + 1, seen.frame_pointers + seen.calls);
        EXPECT_EQ(places.size(), 1U);
    }
    targets.detach(last, *extension);
    for (const Ref<Program>& trace : {before, after}) targets.detach({extension.get(), 0}, *trace);
    EXPECT_EQ(run(*target, nullptr), 2U * 100 * (frames - 1));
}

GRAFT_ON_EACH_ENGINE(Nesting);

}  // namespace
}  // namespace graft
