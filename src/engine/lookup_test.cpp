// Helper calls that an engine may do without a call: lookups in arrays, the number of the CPU.
#include <gtest/gtest.h>

#include <vector>

#include "engine/each_engine_test_support.h"
#include "image/target_registry.h"
#include "map/map_types.h"
#include "program/test_program.h"

namespace graft {
namespace {

using namespace test;

struct Lookups : EachEngine {
    TargetRegistry targets{engine(), test::run_state()};
    IdTable<Map> ids;
    MapEnvironment environment{.ids = ids, .possible_cpus = 4};

    Ref<Map> map(uint32_t type, uint32_t value_size) {
        MapSpec spec;
        spec.type = type;
        spec.key_size = 4;
        spec.value_size = value_size;
        spec.max_entries = 5;
        return find_map_type(type)->create(std::move(spec), environment).value();
    }
    uint64_t run_on_cpu(const std::vector<Insns>& functions, uint32_t cpu) {
        const Ref<Program> program = make_program(functions, {}, engine());
        EXPECT_TRUE(targets.link(*program).ok());
        RunContext context;
        context.cpu = cpu;
        const RunScope scope(context);
        const rcu::ReadGuard guard;
        return graft::run(*program, nullptr, context);
    }
    static Insns load_map(int reg, const Ref<Map>& map) { return ld_imm64(reg, reinterpret_cast<uint64_t>(map.get()), BPF_PSEUDO_MAP_FD); }
    // R0 = the address of element `index`.
    static Insns look_up(const Ref<Map>& map, uint32_t index) {
        return Insns{insn(BPF_ST | BPF_MEM | BPF_W, 10, 0, -4, static_cast<int>(index)), mov_reg(2, 10), add(2, -4)} + load_map(1, map) +
               Insns{helper(BPF_FUNC_map_lookup_elem), exit()};
    }
    static uint64_t address(const Ref<Map>& map, uint32_t index, uint32_t cpu) {
        return reinterpret_cast<uint64_t>(map->lookup_element(&index, cpu));
    }
};

TEST_P(Lookups, ElementsOfArrays) {
    for (const uint32_t type : {BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_PERCPU_ARRAY, BPF_MAP_TYPE_HASH}) {
        for (const uint32_t value_size : {1U, 8U, 24U, 64U}) {
            const Ref<Map> of = map(type, value_size);
            for (const uint32_t index : {0U, 1U, 4U, 5U, 0x80000000U, ~0U}) {
                for (const uint32_t cpu : {0U, 3U}) {
                    EXPECT_EQ(run_on_cpu({look_up(of, index)}, cpu), address(of, index, cpu)) << type << " " << value_size << " " << index;
                }
            }
        }
    }
}

// Which map it is depends on the way that the program came.
TEST_P(Lookups, InOneOfTwoMaps) {
    const Ref<Map> a = map(BPF_MAP_TYPE_ARRAY, 8), b = map(BPF_MAP_TYPE_ARRAY, 8);
    for (const int choice : {0, 1}) {
        const Insns code = Insns{insn(BPF_ST | BPF_MEM | BPF_W, 10, 0, -4, 1), mov_reg(2, 10), add(2, -4), mov(3, choice)} +
                           load_map(1, a) + Insns{insn(BPF_JMP | BPF_JEQ | BPF_K, 3, 0, 2, 0)} + load_map(1, b) +
                           Insns{helper(BPF_FUNC_map_lookup_elem), exit()};
        EXPECT_EQ(run_on_cpu({code}, 0), address(choice == 0 ? a : b, 1, 0));
    }
}

TEST_P(Lookups, TheMapComesThroughOtherRegisters) {
    const Ref<Map> a = map(BPF_MAP_TYPE_ARRAY, 8), b = map(BPF_MAP_TYPE_ARRAY, 8);
    const Insns store{insn(BPF_ST | BPF_MEM | BPF_W, 10, 0, -4, 2)}, key{mov_reg(2, 10), add(2, -4)};
    const Insns swap{mov_reg(3, 6), mov_reg(6, 7), mov_reg(7, 3)};
    const Insns code = store + load_map(6, a) + load_map(7, b) + swap + key + Insns{mov_reg(1, 6), helper(BPF_FUNC_map_lookup_elem)} +
                       Insns{mov_reg(8, 0)} + key +
                       Insns{mov_reg(1, 7), helper(BPF_FUNC_map_lookup_elem), insn(BPF_ALU64 | BPF_SUB | BPF_X, 0, 8, 0, 0), exit()};
    EXPECT_EQ(run_on_cpu({code}, 0), address(a, 2, 0) - address(b, 2, 0));
}

TEST_P(Lookups, TheCpuIsTheSlotThatTheRunHolds) {
    EXPECT_EQ(run_on_cpu({{helper(BPF_FUNC_get_smp_processor_id), exit()}}, 3), 3U);
    EXPECT_EQ(run_on_cpu({{call(1), exit()}, {helper(BPF_FUNC_get_smp_processor_id), add(0, 1), exit()}}, 2), 3U);
}

GRAFT_ON_EACH_ENGINE(Lookups);

}  // namespace
}  // namespace graft
