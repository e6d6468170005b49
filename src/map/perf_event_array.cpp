#include "map/perf_event_array.h"

#include "base/rcu.h"
#include "map/array.h"
#include "map/map_flags.h"

namespace graft {

Result<void> PerfEventArrayMap::check(const MapSpec& spec, const MapEnvironment&) {
    if (spec.value_size != 4) return fail(EINVAL, "the value of a perf event array is a descriptor of 4 bytes");
    if ((spec.flags & (BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG)) != 0) {
        return fail(EINVAL, "programs do not access a perf event array's values");
    }
    return check_array(spec, BPF_F_NUMA_NODE | map_access_flags | BPF_F_PRESERVE_ELEMS);
}

Result<Ref<Map>> PerfEventArrayMap::create(MapSpec spec, MapEnvironment& environment) {
    auto slots = TRY(PointerArray<PerfRing>::create(spec.max_entries));
    return Ref<Map>(Ref<PerfEventArrayMap>::adopt(new PerfEventArrayMap(std::move(spec), environment, std::move(slots))));
}

PerfEventArrayMap::PerfEventArrayMap(MapSpec spec, MapEnvironment& environment, PointerArray<PerfRing> slots)
    : IndexedMap(std::move(spec), environment.ids), slots_(std::move(slots)) {}

PerfEventArrayMap::~PerfEventArrayMap() { clear(); }

void PerfEventArrayMap::users_gone() {
    if ((spec().flags & BPF_F_PRESERVE_ELEMS) == 0) clear();
}

long PerfEventArrayMap::output(uint32_t index, uint32_t cpu, std::span<const Bytes> parts) {
    if (!in_range(index)) return -E2BIG;
    PerfRing* const ring = slots_.load(index);
    if (ring == nullptr) return -ENOENT;
    if (ring->cpu() != cpu) return -EOPNOTSUPP;
    return ring->output(parts);
}

Result<void> PerfEventArrayMap::lookup(Bytes, MutableBytes, uint64_t) {
    return fail(abi::enotsupp, "what is in a perf event array cannot be read");
}

Result<void> PerfEventArrayMap::update(Caller& caller, Bytes key, Bytes value, uint64_t flags) {
    const uint32_t index = index_of(key.data());
    if (flags != BPF_ANY) return fail(EINVAL, "a perf event array takes no update flags");
    if (!in_range(index)) return fail(E2BIG, "the index is not below max_entries");
    int fd;
    std::memcpy(&fd, value.data(), sizeof fd);
    const auto found = caller.descriptor(fd);
    if (!found.ok() || found->object->object_kind() != ObjectKind::perf_event) {
        return fail(EBADF, "the descriptor is not of a perf event for the output of programs");
    }
    exchange(index, static_ref_cast<PerfRing>(found->object).release());
    return {};
}

Result<void> PerfEventArrayMap::erase(Bytes key) {
    const uint32_t index = index_of(key.data());
    if (!in_range(index)) return fail(E2BIG, "the index is not below max_entries");
    if (!exchange(index, nullptr)) return fail(ENOENT, "there is no perf event at that index");
    return {};
}

bool PerfEventArrayMap::exchange(uint32_t index, PerfRing* ring) {
    PerfRing* const old = slots_.exchange(index, ring);
    if (old == nullptr) return false;
    rcu::retire(Ref<PerfRing>::adopt(old));
    return true;
}

void PerfEventArrayMap::clear() {
    slots_.for_each([this](uint64_t index) { exchange(static_cast<uint32_t>(index), nullptr); });
}

}  // namespace graft
