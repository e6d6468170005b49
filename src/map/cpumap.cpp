#include "map/cpumap.h"

#include "base/rcu.h"
#include "map/map_flags.h"

namespace graft {
namespace {

constexpr uint32_t most_cpus = 8192;  // of Debian's kernel
constexpr uint32_t longest_queue = 16384;

}  // namespace

Result<void> CpumapMap::check(const MapSpec& spec, const MapEnvironment&) {
    constexpr uint32_t with_program = sizeof(bpf_cpumap_val), without = sizeof(bpf_cpumap_val::qsize);
    if (spec.max_entries == 0 || spec.key_size != 4) return fail(EINVAL, "the key of a cpumap has 4 bytes");
    if (spec.value_size != without && spec.value_size != with_program)
        return fail(EINVAL, "the value is a queue's size, or that and a program");
    if ((spec.flags & ~uint32_t{BPF_F_NUMA_NODE}) != 0) return fail(EINVAL, "map_flags has a flag that this type does not know");
    if (spec.max_entries > most_cpus) return fail(E2BIG, "there are no more than 8192 CPUs");
    return {};
}

Result<Ref<Map>> CpumapMap::create(MapSpec spec, MapEnvironment& environment) {
    auto slots = TRY(PointerArray<CpumapEntry>::create(spec.max_entries));
    return Ref<Map>(Ref<CpumapMap>::adopt(new CpumapMap(std::move(spec), environment, std::move(slots))));
}

CpumapMap::~CpumapMap() {
    slots_.for_each([this](uint64_t index) { delete slots_.load(index); });
}

void CpumapMap::put(uint32_t index, std::unique_ptr<CpumapEntry> entry) {
    CpumapEntry* const old = slots_.exchange(index, entry.release());
    if (old != nullptr) rcu::defer([old] { delete old; });
}

Result<Ref<TailCallee>> CpumapMap::program_of(Caller& caller, int fd) {
    Result<DescriptorRef> found = caller.descriptor(fd);
    if (!found.ok() || found->object->object_kind() != ObjectKind::program) {
        return fail(EINVAL, "the value's descriptor is not of a program");
    }
    Ref<TailCallee> program = static_ref_cast<TailCallee>(std::move(found->object));
    const TailCallee::Kind kind = program->tail_call_kind();
    if (!program->may_be_in_map() || kind.prog_type != BPF_PROG_TYPE_XDP || kind.expected_attach_type != BPF_XDP_CPUMAP) {
        return fail(EINVAL, "the value's program is not an XDP program for cpumaps (BPF_XDP_CPUMAP)");
    }
    TRY(agree(kind));
    return program;
}

Result<void> CpumapMap::lookup(Bytes key, MutableBytes value, uint64_t) {
    const rcu::ReadGuard reading;
    const CpumapEntry* const found = entry(index_of(key.data()));
    if (found == nullptr) return fail(ENOENT, "there is no such entry");
    std::memcpy(value.data(), &found->value, value.size());
    return {};
}

Result<void> CpumapMap::update(Caller& caller, Bytes key, Bytes value, uint64_t flags) {
    const uint32_t index = index_of(key.data());
    bpf_cpumap_val wanted{};
    std::memcpy(&wanted, value.data(), value.size());
    if (flags > BPF_EXIST) return fail(EINVAL, "unknown update flags");
    if (!in_range(index)) return fail(E2BIG, "the index is not below max_entries");
    if (flags == BPF_NOEXIST) return fail(EEXIST, "BPF_NOEXIST was given, and the slots of a cpumap exist");
    if (wanted.qsize > longest_queue) return fail(EOVERFLOW, "a queue has at most 16384 places");
    if (index >= cpus_) return fail(ENODEV, "there is no such CPU");
    if (wanted.qsize == 0) {
        put(index, nullptr);
        return {};
    }
    auto fresh = std::make_unique<CpumapEntry>();
    fresh->value.qsize = wanted.qsize;
    if (wanted.bpf_prog.fd > 0) {
        fresh->program = TRY(program_of(caller, wanted.bpf_prog.fd));
        fresh->value.bpf_prog.id = fresh->program->program_id();
    }
    put(index, std::move(fresh));
    return {};
}

Result<void> CpumapMap::erase(Bytes key) {
    const uint32_t index = index_of(key.data());
    if (!in_range(index)) return fail(EINVAL, "the index is not below max_entries");
    put(index, nullptr);
    return {};
}

}  // namespace graft
