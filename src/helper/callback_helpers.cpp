// Helpers that call a function of the program, once a round, until it returns 1.

#include "helper/callback.h"

#include <array>

#include "abi/bpf.h"
#include "helper/families.h"
#include "helper/run_context.h"
#include "map/map.h"

namespace graft {
namespace {

constexpr uint64_t most_rounds = 8 << 20;

uint64_t loop(uint64_t rounds, uint64_t function, uint64_t context, uint64_t flags, uint64_t) {
    if (flags != 0) return answer(-EINVAL);
    if (rounds > most_rounds) return answer(-E2BIG);
    const auto& callback = *pointer_in<const Callback>(function);
    RunContext& run = *current_run();
    for (uint64_t i = 0; i < rounds; ++i) {
        const std::array<uint64_t, 5> arguments{i, context};
        if (callback.call(callback, arguments.data(), run) != 0) return i + 1;
    }
    return rounds;
}

uint64_t for_each_map_elem(uint64_t map, uint64_t function, uint64_t context, uint64_t flags, uint64_t) {
    if (flags != 0) return answer(-EINVAL);
    const auto& callback = *pointer_in<const Callback>(function);
    RunContext& run = *current_run();
    const auto visit = [&](const void* key, void* value) {
        const std::array<uint64_t, 5> arguments{map, reinterpret_cast<uint64_t>(key), reinterpret_cast<uint64_t>(value), context};
        return callback.call(callback, arguments.data(), run) == 0;
    };
    return answer(pointer_in<Map>(map)->for_each_element(visit, run.cpu));
}

constexpr auto rows = std::to_array<Helper>({
    {.id = BPF_FUNC_loop, .name = "bpf_loop", .function = loop, .args = {Arg::anything, Arg::callback, Arg::stack_or_null, Arg::anything}},
    {.id = BPF_FUNC_for_each_map_elem,
     .name = "bpf_for_each_map_elem",
     .function = for_each_map_elem,
     .args = {Arg::const_map_ptr, Arg::callback, Arg::stack_or_null, Arg::anything}},
});

}  // namespace

std::span<const Helper> callback_helpers() { return rows; }

}  // namespace graft
