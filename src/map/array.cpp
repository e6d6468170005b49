#include "map/array.h"

#include <climits>

#include "base/rcu.h"
#include "map/map_flags.h"
#include "map/value_copy.h"

namespace graft {

Result<void> check_array(const MapSpec& spec, uint32_t allowed_flags) {
    if (spec.max_entries == 0) return fail(EINVAL, "max_entries is 0");
    if (spec.key_size != 4) return fail(EINVAL, "the key of an array has 4 bytes");
    if (spec.value_size == 0) return fail(EINVAL, "value_size is 0");
    if ((spec.flags & ~allowed_flags) != 0) return fail(EINVAL, "map_flags has a flag that this type does not know");
    TRY(check_program_access(spec.flags));
    if (spec.value_size > INT_MAX) return fail(E2BIG, "value_size is above 2^31 - 1");
    return {};
}

// --- BPF_MAP_TYPE_ARRAY
// ---------------------------------------------------------------------------------------------------------------------

Result<void> ArrayMap::check(const MapSpec& spec, const MapEnvironment&) {
    return check_array(spec, BPF_F_NUMA_NODE | map_access_flags | BPF_F_MMAPABLE | BPF_F_INNER_MAP);
}

Result<Ref<Map>> ArrayMap::create(MapSpec spec, MapEnvironment& environment) {
    const uint64_t size = uint64_t{spec.max_entries} * ((spec.value_size + 7U) & ~7U);
    // What the kernel keeps in values is not for clients' hands.
    const bool mmapable = (spec.flags & BPF_F_MMAPABLE) != 0 && spec.fields.empty();
    Memory memory = TRY(mmapable ? Memory::shared(size) : Memory::anonymous(size));
    // Programs may not write it, so nobody but bpf(2) may.
    if (mmapable && (spec.flags & BPF_F_RDONLY_PROG) != 0) TRY(memory.forbid_new_writers());
    return Ref<Map>(Ref<ArrayMap>::adopt(new ArrayMap(std::move(spec), environment, std::move(memory))));
}

ArrayMap::ArrayMap(MapSpec spec, MapEnvironment& environment, Memory memory)
    : IndexedMap(std::move(spec), environment.ids), memory_(std::move(memory)) {}

std::optional<ElementArray> ArrayMap::element_array() const {
    return ElementArray{.base = memory_.get(), .stride = value_stride(), .count = spec().max_entries, .cpu_stride = 0};
}

void* ArrayMap::lookup_element(const void* key, uint32_t) {
    const uint32_t index = index_of(key);
    return in_range(index) ? memory_.get() + uint64_t{index} * value_stride() : nullptr;
}

long ArrayMap::update_element(const void* key, const void* value, uint64_t flags, uint32_t cpu) {
    if ((flags & ~uint64_t{BPF_F_LOCK}) > BPF_EXIST) return -EINVAL;
    void* const element = lookup_element(key, cpu);
    if (element == nullptr) return -E2BIG;
    if ((flags & BPF_NOEXIST) != 0) return -EEXIST;
    if ((flags & BPF_F_LOCK) == 0) {
        store_value(element, value, spec().value_size, spec().fields);
        give_up_fields(element);
        return 0;
    }
    const std::optional<uint32_t> lock = spec().fields.offset_of(FieldKind::spin_lock);
    if (!lock) return -EINVAL;
    {
        const ValueLock guard(element, *lock);
        store_value(element, value, spec().value_size, spec().fields);
    }
    give_up_fields(element);
    return 0;
}

long ArrayMap::delete_element(const void*) { return -EINVAL; }

Result<void> ArrayMap::lookup(Bytes key, MutableBytes value, uint64_t flags) {
    void* const element = lookup_element(key.data(), 0);
    if (element == nullptr) return fail(ENOENT, "the index is not below max_entries");
    const std::optional<uint32_t> lock = spec().fields.offset_of(FieldKind::spin_lock);
    std::optional<ValueLock> guard;
    if ((flags & BPF_F_LOCK) != 0 && lock) guard.emplace(element, *lock);
    load_value(value.data(), element, spec().value_size, spec().fields);
    return {};
}

Result<void> ArrayMap::update(Caller&, Bytes key, Bytes value, uint64_t flags) {
    return as_result(update_element(key.data(), value.data(), flags, 0));
}

Result<void> ArrayMap::erase(Bytes) { return fail(EINVAL, "an element of an array cannot be deleted"); }

Result<void*> ArrayMap::direct_value(uint32_t offset) {
    if (spec().max_entries != 1) return fail(abi::enotsupp, "only an array of one element has an addressable value");
    if (offset >= spec().value_size) return fail(EINVAL, "the offset is outside of the value");
    return static_cast<void*>(memory_.get() + offset);
}

Result<void> ArrayMap::seal(Caller& caller) {
    if (memory_.fd() < 0) return {};
    if (!program_may_write()) return memory_.make_read_only();
    // The host could tell a client's writable mapping from our own only by a seal that would stop the programs.  Unlike on Linux, one in
    // another process than the caller's does not stop the freeze.
    if (TRY(caller.shares_writably(memory_.fd(), memory_.get()))) return fail(EBUSY, "the caller maps the map for writing");
    return memory_.forbid_new_writers();
}

// --- BPF_MAP_TYPE_PERCPU_ARRAY
// --------------------------------------------------------------------------------------------------------------

namespace {

uint64_t bytes_per_cpu(const MapSpec& spec) {
    // Whole pages, so that CPUs do not share cache lines and untouched ones take no memory.
    return (uint64_t{spec.max_entries} * ((spec.value_size + 7U) & ~7U) + 4095) & ~uint64_t{4095};
}

}  // namespace

Result<void> PercpuArrayMap::check(const MapSpec& spec, const MapEnvironment&) {
    if (spec.numa_node >= 0) return fail(EINVAL, "a per-CPU map has no NUMA node");
    TRY(check_array(spec, BPF_F_NUMA_NODE | map_access_flags));
    return check_percpu_value(spec.value_size);
}

Result<Ref<Map>> PercpuArrayMap::create(MapSpec spec, MapEnvironment& environment) {
    Memory memory = TRY(Memory::anonymous(bytes_per_cpu(spec) * environment.possible_cpus));
    return Ref<Map>(Ref<PercpuArrayMap>::adopt(new PercpuArrayMap(std::move(spec), environment, std::move(memory))));
}

PercpuArrayMap::PercpuArrayMap(MapSpec spec, MapEnvironment& environment, Memory memory)
    : IndexedMap(std::move(spec), environment.ids),
      cpus_(environment.possible_cpus),
      cpu_stride_(bytes_per_cpu(this->spec())),
      memory_(std::move(memory)) {}

std::optional<ElementArray> PercpuArrayMap::element_array() const {
    return ElementArray{.base = memory_.get(), .stride = value_stride(), .count = spec().max_entries, .cpu_stride = cpu_stride_};
}

void* PercpuArrayMap::lookup_element(const void* key, uint32_t cpu) {
    const uint32_t index = index_of(key);
    return in_range(index) && cpu < cpus_ ? element(index, cpu) : nullptr;
}

long PercpuArrayMap::check_update(uint32_t index, uint64_t flags) const {
    if (flags > BPF_EXIST) return -EINVAL;
    if (!in_range(index)) return -E2BIG;
    return flags == BPF_NOEXIST ? -EEXIST : 0;
}

long PercpuArrayMap::update_element(const void* key, const void* value, uint64_t flags, uint32_t cpu) {
    const uint32_t index = index_of(key);
    if (const long error = check_update(index, flags); error != 0) return error;
    store_value(element(index, cpu), value, spec().value_size, spec().fields);
    return 0;
}

long PercpuArrayMap::delete_element(const void*) { return -EINVAL; }

Result<void> PercpuArrayMap::lookup(Bytes key, MutableBytes value, uint64_t) {
    const uint32_t index = index_of(key.data());
    if (!in_range(index)) return fail(ENOENT, "the index is not below max_entries");
    for (uint32_t cpu = 0; cpu < cpus_; ++cpu) {
        load_value(value.data() + size_t{cpu} * value_stride(), element(index, cpu), value_stride(), spec().fields);
    }
    return {};
}

Result<void> PercpuArrayMap::update(Caller&, Bytes key, Bytes value, uint64_t flags) {
    const uint32_t index = index_of(key.data());
    TRY(as_result(check_update(index, flags)));
    for (uint32_t cpu = 0; cpu < cpus_; ++cpu) {
        store_value(element(index, cpu), value.data() + size_t{cpu} * value_stride(), value_stride(), spec().fields);
    }
    return {};
}

Result<void> PercpuArrayMap::erase(Bytes) { return fail(EINVAL, "an element of an array cannot be deleted"); }

}  // namespace graft
