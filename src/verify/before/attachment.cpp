// What an EXT or tracing program attaches to: the question itself is attach_target's.
#include "verify/attach_target.h"
#include "verify/before/before.h"

namespace graft::verify {
namespace {

bool attaches_by_btf(uint32_t type) { return type == BPF_PROG_TYPE_EXT || type == BPF_PROG_TYPE_TRACING || type == BPF_PROG_TYPE_LSM; }

}  // namespace

Result<void> check_attachment(Env& env) {
    const VerifyRequest& request = env.request;
    env.type = find_prog_type(request.type);
    // The other types that may sleep (uprobes, iterators, struct_ops) are none of graft's.
    const bool may_sleep =
        request.type == BPF_PROG_TYPE_TRACING || request.type == BPF_PROG_TYPE_LSM || request.type == BPF_PROG_TYPE_SYSCALL;
    if ((request.flags & BPF_F_SLEEPABLE) != 0 && !may_sleep) {
        return env.reject(EINVAL, "Only fentry/fexit/fmod_ret, lsm, iter, uprobe, and struct_ops programs can be sleepable");
    }
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
    env.attach = TRY(check_attach_target(attacher, request.target, request.attach_btf_id, request.vmlinux, env.log));
    // An extension lives by the rules of the program it becomes a part of.
    if (request.type == BPF_PROG_TYPE_EXT) {
        env.type = find_prog_type(env.attach.target_type);
    }
    return {};
}

}  // namespace graft::verify
