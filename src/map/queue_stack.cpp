#include "map/queue_stack.h"

#include <cstring>

#include "map/map_flags.h"

namespace graft {

Result<void> QueueStackMap::check(const MapSpec& spec, const MapEnvironment&) {
    if (spec.max_entries == 0 || spec.key_size != 0 || spec.value_size == 0) return fail(EINVAL, "a queue or stack has values and no keys");
    if ((spec.flags & ~(BPF_F_NUMA_NODE | map_access_flags)) != 0) return fail(EINVAL, "map_flags has a flag that this type does not know");
    TRY(check_program_access(spec.flags));
    if (spec.value_size > max_allocation) return fail(E2BIG, "the value is larger than 4 MiB");
    // Linux keeps one place more than there are elements.
    if ((uint64_t{spec.max_entries} + 1) * spec.value_size > UINT32_MAX) return fail(E2BIG, "the values take 4 GiB or more");
    return {};
}

Result<Ref<Map>> QueueStackMap::create(MapSpec spec, MapEnvironment& environment) {
    Memory memory = TRY(Memory::anonymous(uint64_t{spec.max_entries} * spec.value_size));
    return Ref<Map>(Ref<QueueStackMap>::adopt(new QueueStackMap(std::move(spec), environment, std::move(memory))));
}

long QueueStackMap::push_element(const void* value, uint64_t flags) {
    if (flags > BPF_EXIST || flags == BPF_NOEXIST) return -EINVAL;
    const uint32_t most = spec().max_entries;
    const std::lock_guard guard(lock_);
    if (count_ == most) {
        if (flags != BPF_EXIST) return -E2BIG;
        oldest_ = (oldest_ + 1) % most;  // makes room
        --count_;
    }
    std::memcpy(place((uint64_t{oldest_} + count_) % most), value, spec().value_size);
    ++count_;
    return 0;
}

long QueueStackMap::take(void* value, Take mode) {
    const uint32_t most = spec().max_entries;
    const std::lock_guard guard(lock_);
    if (count_ == 0) {
        std::memset(value, 0, spec().value_size);
        return -ENOENT;
    }
    const bool queue = spec().type == BPF_MAP_TYPE_QUEUE;
    std::memcpy(value, place(queue ? oldest_ : (uint64_t{oldest_} + count_ - 1) % most), spec().value_size);
    if (mode == Take::keep) return 0;
    if (queue) oldest_ = (oldest_ + 1) % most;
    --count_;
    return 0;
}

// --- the syscall face --------------------------------------------------------------------------------------------------------------------

Result<void> QueueStackMap::lookup(Bytes, MutableBytes value, uint64_t) { return as_result(peek_element(value.data())); }
Result<void> QueueStackMap::update(Caller&, Bytes, Bytes value, uint64_t flags) { return as_result(push_element(value.data(), flags)); }
Result<void> QueueStackMap::erase(Bytes) { return fail(EINVAL, "values of a queue or stack are popped"); }
Result<void> QueueStackMap::next_key(std::optional<Bytes>, MutableBytes) { return fail(EINVAL, "a queue or stack has no keys"); }
Result<void> QueueStackMap::lookup_and_delete(Bytes, MutableBytes value, uint64_t flags) {
    if (flags != 0) return fail(EINVAL, "a queue or stack takes no flags here");
    return as_result(pop_element(value.data()));
}

}  // namespace graft
