#include "map/prog_array.h"

#include "base/rcu.h"
#include "map/array.h"
#include "map/map_flags.h"

namespace graft {

Result<void> SharedKind::agree(const TailCallee::Kind& kind) {
    const std::lock_guard guard(lock_);
    if (!kind_) kind_ = kind;
    if (*kind_ != kind) return fail(EINVAL, "the map's programs are of another kind");
    return {};
}

Result<void> ProgArrayMap::check(const MapSpec& spec, const MapEnvironment&) {
    if (spec.value_size != 4) return fail(EINVAL, "the value of a program array is a descriptor of 4 bytes");
    if ((spec.flags & (BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG)) != 0) return fail(EINVAL, "programs do not access a program array's values");
    return check_array(spec, BPF_F_NUMA_NODE | map_access_flags);
}

Result<Ref<Map>> ProgArrayMap::create(MapSpec spec, MapEnvironment& environment) {
    auto slots = TRY(PointerArray<TailCallee>::create(spec.max_entries));
    return Ref<Map>(Ref<ProgArrayMap>::adopt(new ProgArrayMap(std::move(spec), environment, std::move(slots))));
}

ProgArrayMap::ProgArrayMap(MapSpec spec, MapEnvironment& environment, PointerArray<TailCallee> slots)
    : IndexedMap(std::move(spec), environment.ids), slots_(std::move(slots)) {}

ProgArrayMap::~ProgArrayMap() { clear(); }

const TailCallee* ProgArrayMap::tail_callee(uint32_t index) const { return in_range(index) ? slots_.load(index) : nullptr; }

void* ProgArrayMap::lookup_element(const void*, uint32_t) { return nullptr; }
long ProgArrayMap::update_element(const void*, const void*, uint64_t, uint32_t) { return -EINVAL; }
long ProgArrayMap::delete_element(const void*) { return -EINVAL; }

Result<void> ProgArrayMap::lookup(Bytes key, MutableBytes value, uint64_t) {
    const uint32_t index = index_of(key.data());
    const rcu::ReadGuard reading;
    const TailCallee* const program = tail_callee(index);
    if (program == nullptr) return fail(ENOENT, "there is no program at that index");
    const uint32_t id = program->program_id();
    std::memcpy(value.data(), &id, sizeof id);
    return {};
}

Result<void> ProgArrayMap::update(Caller& caller, Bytes key, Bytes value, uint64_t flags) {
    const uint32_t index = index_of(key.data());
    if (flags != BPF_ANY) return fail(EINVAL, "a program array takes no update flags");
    if (!in_range(index)) return fail(E2BIG, "the index is not below max_entries");
    int fd;
    std::memcpy(&fd, value.data(), sizeof fd);
    DescriptorRef found = TRY(caller.descriptor(fd));
    if (found.object->object_kind() != ObjectKind::program) return fail(EINVAL, "the descriptor is not of a program");
    Ref<TailCallee> program = static_ref_cast<TailCallee>(std::move(found.object));
    if (!program->may_be_in_map()) return fail(EINVAL, "an extension, or a program that is bound to an interface, cannot be tail-called");
    TRY(kind_.agree(program->tail_call_kind()));
    TRY(program->enter_program_array());
    exchange(index, program.release());
    // The last descriptor may have been closed while this call was on its way.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (lost_users_.load(std::memory_order_seq_cst) && user_count() == 0) clear();
    return {};
}

Result<void> ProgArrayMap::erase(Bytes key) {
    const uint32_t index = index_of(key.data());
    if (!in_range(index)) return fail(E2BIG, "the index is not below max_entries");
    if (!exchange(index, nullptr)) return fail(ENOENT, "there is no program at that index");
    return {};
}

bool ProgArrayMap::exchange(uint32_t index, TailCallee* program) {
    TailCallee* const old = slots_.exchange(index, program);
    if (old == nullptr) return false;
    old->leave_program_array();
    old->drop_ref();  // a program outlives its last reference by a grace period
    return true;
}

void ProgArrayMap::clear() {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    slots_.for_each([this](uint64_t index) { exchange(static_cast<uint32_t>(index), nullptr); });
}

}  // namespace graft
