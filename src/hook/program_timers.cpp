#include "hook/program_timers.h"

#include <array>

#include "engine/engine.h"
#include "map/map.h"

namespace graft {
namespace {

// The key of a value: it lies in front of it in a hash map's element; in an array it is a number, made in `index`.
const void* key_of(const Map& map, const void* value, uint32_t& index) {
    const auto* const at = static_cast<const std::byte*>(value);
    if (const auto array = map.element_array()) {
        index = static_cast<uint32_t>((at - array->base) / array->stride);
        return &index;
    }
    return at - ((map.spec().key_size + 7U) & ~7U);
}

}  // namespace

TimerCallee ProgramTimers::keep(const Callback& callback) {
    const LinkedFunction& function = linked(callback);
    if (!function.program->try_add_ref()) return {};
    return {Ref<Object>::adopt(const_cast<Program*>(function.program)), function.subprogram};
}

void ProgramTimers::run_due(Timers& timers) {
    Stay stay(runtime_);
    const std::optional<TimerCall> call = timers.begin();
    if (!call) return;
    uint32_t index = 0;
    const void* const key = key_of(*call->map, call->value, index);
    const std::array arguments{reinterpret_cast<uint64_t>(call->map), reinterpret_cast<uint64_t>(key),
                               reinterpret_cast<uint64_t>(call->value), uint64_t{0}, uint64_t{0}};
    call_function(static_cast<const Program&>(*call->callee.program), call->callee.function, arguments.data(), stay.context);
    timers.end();
}

}  // namespace graft
