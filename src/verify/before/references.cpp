// What ld_imm64 refers to: maps by descriptor or by index into fd_array, symbols of the kernel, functions of the program.
//
// The instructions keep the client's numbers; InsnFacts and Env::maps say what they mean.  On the way every opcode is looked up and the
// reserved fields of loads are checked, as Linux does in this pass.
#include <algorithm>

#include "isa/insn.h"
#include "verify/before/before.h"

namespace graft::verify {
namespace {

constexpr size_t max_used_maps = 64;
constexpr uint32_t max_value_offset = 1U << 29;

bool by_index(const bpf_insn& insn) { return insn.src_reg == BPF_PSEUDO_MAP_IDX || insn.src_reg == BPF_PSEUDO_MAP_IDX_VALUE; }
bool of_value(const bpf_insn& insn) { return insn.src_reg == BPF_PSEUDO_MAP_VALUE || insn.src_reg == BPF_PSEUDO_MAP_IDX_VALUE; }

Result<int32_t> descriptor_of(Env& env, const bpf_insn& insn) {
    if (!by_index(insn)) return insn.imm;
    if (env.request.fd_array == 0) return env.reject(EPROTO, "fd_idx without fd_array is invalid");
    const uint64_t address = env.request.fd_array + static_cast<uint64_t>(int64_t{insn.imm}) * sizeof(int32_t);
    return env.request.caller->read_value<int32_t>(address);
}

Result<Ref<Map>> map_of(Env& env, int32_t fd) {
    const auto found = env.request.caller->descriptor(fd);
    const int code = !found ? found.code() : found->object->object_kind() != ObjectKind::map ? EINVAL : 0;
    if (code != 0) return env.reject(code, "fd {} is not pointing to valid bpf_map", fd);
    return static_ref_cast<Map>(found->object);
}

bool sleepable_may_use(uint32_t map_type) {
    switch (map_type) {
        case BPF_MAP_TYPE_HASH:
        case BPF_MAP_TYPE_LRU_HASH:
        case BPF_MAP_TYPE_ARRAY:
        case BPF_MAP_TYPE_PERCPU_HASH:
        case BPF_MAP_TYPE_PERCPU_ARRAY:
        case BPF_MAP_TYPE_LRU_PERCPU_HASH:
        case BPF_MAP_TYPE_ARRAY_OF_MAPS:
        case BPF_MAP_TYPE_HASH_OF_MAPS:
        case BPF_MAP_TYPE_RINGBUF:
        case BPF_MAP_TYPE_USER_RINGBUF:
        case BPF_MAP_TYPE_INODE_STORAGE:
        case BPF_MAP_TYPE_SK_STORAGE:
        case BPF_MAP_TYPE_TASK_STORAGE:
        case abi::map_type_cgrp_storage:
        case BPF_MAP_TYPE_QUEUE:
        case BPF_MAP_TYPE_STACK:
        case abi::map_type_arena:
            return true;
        default:
            return false;
    }
}

bool traces(uint32_t type) {
    return type == BPF_PROG_TYPE_KPROBE || type == BPF_PROG_TYPE_TRACEPOINT || type == BPF_PROG_TYPE_PERF_EVENT ||
           type == BPF_PROG_TYPE_RAW_TRACEPOINT || type == BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE;
}

// Tracing programs may run anywhere, also where the kernel holds the very lock.
Result<void> check_fields_fit_program(Env& env, const SpecialFields& fields) {
    const uint32_t type = env.request.type;
    const bool lock = fields.has(FieldKind::spin_lock);
    if (traces(type) && (fields.kinds & graph_roots) != 0) {
        return env.reject(EINVAL, "tracing progs cannot use bpf_{{list_head,rb_root}} yet");
    }
    if (lock && type == BPF_PROG_TYPE_SOCKET_FILTER) return env.reject(EINVAL, "socket filter progs cannot use bpf_spin_lock yet");
    if (!traces(type)) return {};
    if (lock) return env.reject(EINVAL, "tracing progs cannot use bpf_spin_lock yet");
    if (fields.has(FieldKind::timer)) return env.reject(EINVAL, "tracing progs cannot use bpf_timer yet");
    if (fields.has(FieldKind::workqueue)) return env.reject(EINVAL, "tracing progs cannot use bpf_wq yet");
    return {};
}

// May a program of this type use a map of that kind at all?
Result<void> check_map_fits_program(Env& env, const Map& map) {
    TRY(check_fields_fit_program(env, map.spec().fields));
    if (map.spec().type == BPF_MAP_TYPE_STRUCT_OPS) return env.reject(EINVAL, "bpf_struct_ops map cannot be used in prog");
    if ((env.request.flags & BPF_F_SLEEPABLE) != 0 && !sleepable_may_use(map.spec().type)) {
        return env.reject(EINVAL, "Sleepable programs can only use array, hash, ringbuf and local storage maps");
    }
    return {};
}

Result<int32_t> use_map(Env& env, Ref<Map> map) {
    const auto known = std::find(env.maps.begin(), env.maps.end(), map);
    if (known != env.maps.end()) return static_cast<int32_t>(known - env.maps.begin());
    if (env.maps.size() >= max_used_maps) {
        return env.reject(E2BIG, "The total number of maps per program has reached the limit of {}", max_used_maps);
    }
    env.maps.push_back(std::move(map));
    return static_cast<int32_t>(env.maps.size() - 1);
}

Result<void> check_value_offset(Env& env, Map& map, uint32_t offset) {
    if (offset >= max_value_offset) return env.reject(EINVAL, "direct value offset of {} is not allowed", offset);
    const auto address = map.direct_value(offset);
    if (address.code() == abi::enotsupp && map.spec().type != BPF_MAP_TYPE_ARRAY) {
        return env.reject(EINVAL, "no direct value access support for this map type");
    }
    if (!address) {
        return env.reject(address.code(), "invalid access to map value pointer, value_size={} off={}", map.spec().value_size, offset);
    }
    return {};
}

Result<void> resolve_map(Env& env, uint32_t index) {
    const bpf_insn& insn = env.insns[index];
    const auto offset = static_cast<uint32_t>(env.insns[index + 1].imm);
    const bool known = of_value(insn) || ((insn.src_reg == BPF_PSEUDO_MAP_FD || by_index(insn)) && offset == 0);
    if (!known) return env.reject(EINVAL, "unrecognized bpf_ld_imm64 insn");

    const int32_t fd = TRY(descriptor_of(env, insn));
    const Ref<Map> map = TRY(map_of(env, fd));
    TRY(check_map_fits_program(env, *map));
    if (of_value(insn)) {
        TRY(check_value_offset(env, *map, offset));
        env.facts[index].map_value_offset = offset;
    }
    env.facts[index].map = TRY(use_map(env, map));
    return {};
}

// A variable or function of the kernel, by id in its BTF.  graft has no such symbols.
Result<void> resolve_kernel_symbol(Env& env, uint32_t index) {
    const auto id = static_cast<uint32_t>(env.insns[index].imm);
    const int32_t module_fd = env.insns[index + 1].imm;
    if (module_fd != 0) return env.reject(EINVAL, "invalid module BTF object FD specified.");
    if (env.request.vmlinux == nullptr) {
        return env.reject(EINVAL, "kernel is missing BTF, make sure CONFIG_DEBUG_INFO_BTF=y is specified in Kconfig.");
    }
    const auto type = env.request.vmlinux->find_type(id);
    if (!type) return env.reject(ENOENT, "ldimm64 insn specifies invalid btf_id {}.", id);
    if (!type->is(BTF_KIND_VAR) && !type->is(BTF_KIND_FUNC)) {
        return env.reject(EINVAL, "pseudo btf_id {} in ldimm64 isn't KIND_VAR or KIND_FUNC", id);
    }
    return env.reject(ENOENT, "ldimm64 failed to find the address for kernel symbol '{}'.", type->name());
}

Result<void> resolve_ld_imm64(Env& env, uint32_t index) {
    const bpf_insn& low = env.insns[index];
    if (index + 1 == env.insns.size()) return env.reject(EINVAL, "invalid bpf_ld_imm64 insn");
    const bpf_insn& high = env.insns[index + 1];
    if (high.code != 0 || high.dst_reg != 0 || high.src_reg != 0 || high.off != 0) return env.reject(EINVAL, "invalid bpf_ld_imm64 insn");
    switch (low.src_reg) {
        case 0:
        case BPF_PSEUDO_FUNC:
            return {};
        case BPF_PSEUDO_BTF_ID:
            return resolve_kernel_symbol(env, index);
        default:
            return resolve_map(env, index);
    }
}

}  // namespace

Result<void> resolve_references(Env& env) {
    for (uint32_t i = 0; i < env.insns.size(); ++i) {
        const bpf_insn& insn = env.insns[i];
        if (BPF_CLASS(insn.code) == BPF_LDX) {
            const bool plain = BPF_MODE(insn.code) == BPF_MEM || BPF_MODE(insn.code) == abi::memsx;
            if (!plain || insn.imm != 0) return env.reject(EINVAL, "BPF_LDX uses reserved fields");
        }
        if (is_ld_imm64(insn)) {
            TRY(resolve_ld_imm64(env, i));
            ++i;
            continue;
        }
        if (!valid_opcode(insn.code)) return env.reject(EINVAL, "unknown opcode {:02x}", insn.code);
    }
    return {};
}

}  // namespace graft::verify
