// The checks stand in Linux's order, because the first that fails is the one a client sees.

#include "verify/attach_target.h"

#include <optional>

namespace graft {
namespace {

class Check {
public:
    Check(const AttacherFacts& attacher, const TargetFacts* target, uint32_t btf_id, Log& log)
        : attacher_(attacher), target_(target), btf_id_(btf_id), log_(log) {}

    Result<AttachTargetInfo> run(const Btf* vmlinux) {
        if (btf_id_ == 0) return refuse("Tracing programs must provide btf_id\n");
        const Btf* btf = target_ != nullptr ? target_->btf : vmlinux;
        if (btf == nullptr) return refuse("FENTRY/FEXIT program can only be attached to another program annotated with BTF\n");
        const std::optional<BtfType> type = btf->find_type(btf_id_);
        if (!type) return refuse("attach_btf_id {} is invalid\n", btf_id_);
        AttachTargetInfo info;
        info.btf_func_id = btf_id_;
        info.name = type->name();
        if (target_ != nullptr) {
            TRY(is_of_the_same_device());
            TRY(find_function(info));
            if (function(info).catches) {
                return refuse("{} programs cannot attach to exception callback\n", is_extension() ? "Extension" : "FENTRY/FEXIT");
            }
            if (is_extension()) TRY(may_extend(function(info)));
            TRY(may_follow());
        } else if (is_extension()) {
            return refuse("Cannot replace kernel functions\n");
        }
        TRY(attaches_to_functions(*type));
        TRY(agrees_with(*type, info));
        if (target_ == nullptr) return fail(EOPNOTSUPP, "graft's own functions cannot be traced");
        return info;
    }

private:
    template <class... Args>
    [[nodiscard]] Error refuse(fmt::format_string<Args...> format, Args&&... args) {
        log_.print(format, std::forward<Args>(args)...);
        return fail(EINVAL, "the program cannot attach to that target");
    }

    [[nodiscard]] bool is_extension() const { return attacher_.type == BPF_PROG_TYPE_EXT; }
    [[nodiscard]] const TargetFunctionFacts& function(const AttachTargetInfo& info) const { return target_->functions[info.subprogram]; }

    // What is not bound to an interface may become a part of what is.
    Result<void> is_of_the_same_device() {
        const BoundDevice* const device = attacher_.bound_device;
        if (device == nullptr || (device == target_->bound_device && !device->gone())) return {};
        return refuse("Target program bound device mismatch");
    }

    Result<void> find_function(AttachTargetInfo& info) {
        for (uint32_t i = 0; i < target_->functions.size(); ++i) {
            if (target_->functions[i].btf_func_id != btf_id_) continue;
            info.subprogram = i;
            info.target_type = target_->type;
            info.target_expected_attach_type = target_->expected_attach_type;
            info.context_type = target_->type == BPF_PROG_TYPE_EXT ? target_->extended_type : target_->type;
            return {};
        }
        return refuse("Subprog {} doesn't exist\n", info.name);
    }

    Result<void> may_extend(const TargetFunctionFacts& function) {
        if (function.unreliable) return refuse("Cannot replace static functions\n");
        if (!attacher_.jit_requested) return refuse("Extension programs should be JITed\n");
        if (attacher_.changes_packet && !function.changes_packet) {
            return refuse("Extension program changes packet data, while original does not\n");
        }
        return {};
    }

    // What may sit on what: extensions and tracing programs do not nest without end.
    Result<void> may_follow() {
        if (!target_->jited) return refuse("Can attach to only JITed progs\n");
        if (attacher_.type == BPF_PROG_TYPE_TRACING) {
            if (target_->attached_to_tracing) return refuse("Cannot nest tracing program attach more than once\n");
        } else if (target_->type == attacher_.type) {
            return refuse("Cannot recursively attach\n");
        }
        const bool target_traces_calls =
            target_->expected_attach_type == BPF_TRACE_FENTRY || target_->expected_attach_type == BPF_TRACE_FEXIT;
        if (is_extension() && target_->type == BPF_PROG_TYPE_TRACING && target_traces_calls) {
            return refuse("Cannot extend fentry/fexit\n");
        }
        return {};
    }

    // An extension does so with any expected attach type: it has taken over its target's.
    Result<void> attaches_to_functions(const BtfType& type) {
        switch (attacher_.expected_attach_type) {
            case BPF_TRACE_FENTRY:
            case BPF_TRACE_FEXIT:
            case BPF_MODIFY_RETURN:
            case BPF_LSM_MAC:
            case BPF_LSM_CGROUP:
                return {};
            case BPF_TRACE_RAW_TP:
                if (target_ != nullptr) return refuse("Only FENTRY/FEXIT progs are attachable to another BPF prog\n");
                if (!type.is(BTF_KIND_TYPEDEF)) return refuse("attach_btf_id {} is not a typedef\n", btf_id_);
                return fail(EINVAL, "no raw tracepoint of graft has BTF");
            default:
                if (!is_extension()) return fail(EINVAL, "a program with that expected_attach_type does not attach to a function");
                return {};
        }
    }

    Result<void> agrees_with(const BtfType& type, AttachTargetInfo& info) {
        if (!type.is(BTF_KIND_FUNC)) return refuse("attach_btf_id {} is not a function\n", btf_id_);
        if (is_extension()) TRY(compare(type));
        const bool recorded = attacher_.recorded_target_type != 0 || attacher_.recorded_target_expected_attach_type != 0;
        if (recorded && (target_ == nullptr || attacher_.recorded_target_type != target_->type ||
                         attacher_.recorded_target_expected_attach_type != target_->expected_attach_type)) {
            return fail(EINVAL, "the target is of another type than the one the program was verified against");
        }
        const bool conservative = target_ != nullptr && function(info).unreliable;
        info.model = conservative ? unknown_function_model() : TRY(model_function(type.btf(), type.type(), info.name, log_));
        return fits_kind_of_attachment(info);
    }

    Result<void> compare(const BtfType& type) {
        if (attacher_.btf == nullptr || attacher_.main_btf_func_id == 0) return refuse("Program extension requires BTF\n");
        return compare_prototypes(*attacher_.btf, attacher_.main_btf_func_id, type.btf(), type.id(), log_);
    }

    Result<void> fits_kind_of_attachment(const AttachTargetInfo& info) {
        if (attacher_.expected_attach_type == BPF_TRACE_FEXIT && info.model.result.size > sizeof(uint64_t)) {
            log_.print("Attach to function {} with a >8 byte return value is not supported for this attach type\n", info.name);
            return fail(EOPNOTSUPP, "the function returns more than fexit can see");
        }
        if ((attacher_.flags & BPF_F_SLEEPABLE) != 0) return refuse("{} is not sleepable\n", info.name);
        if (attacher_.expected_attach_type == BPF_MODIFY_RETURN && target_ != nullptr) {
            return refuse("can't modify return codes of BPF programs\n");
        }
        return {};
    }

    const AttacherFacts& attacher_;
    const TargetFacts* target_;
    uint32_t btf_id_;
    Log& log_;
};

}  // namespace

Result<AttachTargetInfo> check_attach_target(const AttacherFacts& attacher, const TargetFacts* target, uint32_t btf_id, const Btf* vmlinux,
                                             Log& log) {
    return Check(attacher, target, btf_id, log).run(vmlinux);
}

}  // namespace graft
