// What an EXT or tracing program attaches to: the question itself is attach_target's.
#include <optional>
#include <string>

#include "verify/attach_target.h"
#include "verify/before/before.h"

namespace graft::verify {
namespace {

bool attaches_by_btf(uint32_t type) { return type == BPF_PROG_TYPE_EXT || type == BPF_PROG_TYPE_TRACING || type == BPF_PROG_TYPE_LSM; }

// The structure of operations that attach_btf_id names: one that the kernel has a map's value for.
std::optional<BtfType> operations(const Btf& vmlinux, uint32_t id) {
    const auto type = vmlinux.find_type(id);
    if (!type || !type->is(BTF_KIND_STRUCT)) return std::nullopt;
    if (!vmlinux.find("bpf_struct_ops_" + std::string(type->name()), BTF_KIND_STRUCT).ok()) return std::nullopt;
    return type;
}

// The arguments that may be null are called so in the function that stands in for the member: struct__member(...__nullable).
uint32_t nullable_args(const Btf& vmlinux, std::string_view structure, std::string_view member) {
    constexpr std::string_view suffix = "__nullable";
    const auto stand_in = vmlinux.find(std::string(structure) + "__" + std::string(member), BTF_KIND_FUNC);
    if (!stand_in.ok()) return 0;
    uint32_t mask = 0;
    const BtfType proto = vmlinux.type(stand_in->type());
    for (uint32_t i = 0; i < proto.vlen(); ++i) {
        if (vmlinux.name(proto.params()[i].name_off).ends_with(suffix)) mask |= 1U << i;
    }
    return mask;
}

// A program for a member of such a structure; the member's number is the expected_attach_type.
Result<void> check_operation(Env& env) {
    const VerifyRequest& request = env.request;
    if (!request.gpl_compatible) return env.reject(EINVAL, "struct ops programs must have a GPL compatible license");
    if (request.attach_btf_id == 0 || request.vmlinux == nullptr) return fail(abi::enotsupp, "attach_btf_id is missing");
    const auto structure = operations(*request.vmlinux, request.attach_btf_id);
    if (!structure) return env.reject(abi::enotsupp, "attach_btf_id {} is not a supported struct", request.attach_btf_id);
    const uint32_t index = request.expected_attach_type;
    if (index >= structure->vlen()) {
        return env.reject(EINVAL, "attach to invalid member idx {} of struct {}", index, structure->name());
    }
    const BtfMember member = structure->member(index);
    const BtfType pointer = request.vmlinux->skip_modifiers(member.type);
    const bool is_function = pointer.is(BTF_KIND_PTR) && request.vmlinux->skip_modifiers(pointer.type()).is(BTF_KIND_FUNC_PROTO);
    if (!is_function) {
        return env.reject(EINVAL, "attach to invalid member {}(@idx {}) of struct {}", member.name, index, structure->name());
    }
    const bool sleeps = (request.flags & BPF_F_SLEEPABLE) != 0;
    if (sleeps && !member.name.ends_with("_sleepable")) {
        return env.reject(EINVAL, "attach to unsupported member {} of struct {}", member.name, structure->name());
    }
    env.nullable_args = nullable_args(*request.vmlinux, structure->name(), member.name);
    env.attach.name = member.name;
    env.attach.model = TRY(model_function(*request.vmlinux, pointer.type(), member.name, env.log));
    return {};
}

bool may_sleep(uint32_t type, uint32_t attach_type) {
    switch (type) {
        case BPF_PROG_TYPE_TRACING:
            return attach_type == BPF_TRACE_FENTRY || attach_type == BPF_TRACE_FEXIT || attach_type == BPF_MODIFY_RETURN ||
                   attach_type == BPF_TRACE_ITER;
        case BPF_PROG_TYPE_LSM:
            return attach_type != BPF_LSM_CGROUP;
        case BPF_PROG_TYPE_KPROBE:  // uprobes; they load as such
        case BPF_PROG_TYPE_STRUCT_OPS:
        case BPF_PROG_TYPE_SYSCALL:
            return true;
        default:
            return false;
    }
}

}  // namespace

Result<void> check_attachment(Env& env) {
    const VerifyRequest& request = env.request;
    env.type = find_prog_type(request.type);
    if (request.type == BPF_PROG_TYPE_SYSCALL && (request.flags & BPF_F_SLEEPABLE) == 0) {
        return env.reject(EINVAL, "Syscall programs can only be sleepable");
    }
    if ((request.flags & BPF_F_SLEEPABLE) != 0 && !may_sleep(request.type, request.expected_attach_type)) {
        return env.reject(EINVAL, "Only fentry/fexit/fmod_ret, lsm, iter, uprobe, and struct_ops programs can be sleepable");
    }
    if (request.type == BPF_PROG_TYPE_STRUCT_OPS) return check_operation(env);
    if (!attaches_by_btf(request.type)) return {};
    AttacherFacts attacher;
    attacher.type = request.type;
    attacher.expected_attach_type = request.expected_attach_type;
    attacher.flags = request.flags;
    attacher.name = request.name;
    attacher.btf = request.btf.get();
    attacher.main_btf_func_id = env.functions[0].btf_func_id;
    attacher.changes_packet = env.functions[0].changes_packet;
    attacher.might_sleep = env.functions[0].might_sleep;
    attacher.bound_device = request.bound_device.get();
    env.attach = TRY(check_attach_target(attacher, request.target, request.attach_btf_id, request.vmlinux, env.log));
    // An extension lives by the rules of the program it becomes a part of.
    if (request.type == BPF_PROG_TYPE_EXT) {
        env.type = find_prog_type(env.attach.target_type);
    }
    return {};
}

}  // namespace graft::verify
