// The context of fentry, fexit and struct_ops programs: the traced function's arguments, 64 bits each, and behind them, for fexit, its
// result.
//
// The function's BTF says what they are: numbers may be read in any size; the context of the target's program type is a pointer to the
// kernel's struct of it.  Where the BTF is not reliable all are numbers.
#include <algorithm>
#include <iterator>

#include "verify/pointer/pointer.h"

namespace graft::verify {
namespace {

using Value = FunctionModel::Value;

constexpr uint32_t slot = sizeof(uint64_t);
constexpr uint32_t most_slots = abi::max_func_args;

bool is_operation(const Env& env) { return env.effective_type() == BPF_PROG_TYPE_STRUCT_OPS; }

// Null: the function has no such argument, or the program does not see the result.
const Value* value_at(const Env& env, uint32_t index) {
    const FunctionModel& model = env.attach.model;
    if (index < model.args.size()) return &model.args[index];
    const bool sees_result = !is_operation(env) && env.request.expected_attach_type == BPF_TRACE_FEXIT;
    return index == model.args.size() && sees_result ? &model.result : nullptr;
}

// The context that a function of the target was called with, as a struct of vmlinux BTF.
std::optional<CtxAccess> context_pointer(const Env& env, const BtfType& pointee) {
    const ProgType* type = find_prog_type(env.attach.context_type);
    if (type == nullptr || env.request.vmlinux == nullptr || !is_context_of(*type, pointee)) return std::nullopt;
    const auto found = env.request.vmlinux->find(type->kernel_ctx_struct, BTF_KIND_STRUCT);
    if (!found.ok()) return CtxAccess{};  // that of a program which graft only verifies: a number
    return CtxAccess{.field = CtxField::btf_pointer, .btf_id = found.value().id()};
}

}  // namespace

std::optional<CtxAccess> traced_value(Env& env, uint32_t offset, uint32_t size, bool is_write) {
    if (is_write || offset >= most_slots * slot || offset % size != 0) return std::nullopt;
    const std::string& function = env.attach.name;
    if (offset % slot != 0) {
        env.log.print("func '{}' offset {} is not multiple of 8\n", function, offset);
        return std::nullopt;
    }
    const Value* value = value_at(env, offset / slot);
    if (value == nullptr) {
        // All that lies behind the result of a function counts as one.
        const auto behind = env.attach.model.raw ? most_slots : static_cast<uint32_t>(env.attach.model.args.size()) + 1;
        env.log.print("func '{}' doesn't have {}-th argument\n", function, std::min(offset / slot, behind) + 1);
        return std::nullopt;
    }
    if (value->kind == FunctionModel::Kind::structure || (value->kind == FunctionModel::Kind::scalar && value->size <= slot)) {
        return CtxAccess{};
    }
    const BtfType type = (is_operation(env) ? env.request.vmlinux : env.request.target->btf)->type(value->type);
    if (value->kind != FunctionModel::Kind::pointer) {
        env.log.print("func '{}' arg{} type {} is not a pointer\n", function, offset / slot, kind_name(type.kind()));
        return std::nullopt;
    }
    if (size != slot) {
        env.log.print("func '{}' size {} must be 8\n", function, size);
        return std::nullopt;
    }
    const BtfType pointee = type.btf().skip_modifiers(type.type());
    if (pointee.is_void() || pointee.is(BTF_KIND_INT)) return CtxAccess{};
    if (!is_operation(env)) return context_pointer(env, pointee);
    if (!pointee.is(BTF_KIND_STRUCT)) return std::nullopt;
    const bool nullable = (env.nullable_args & (1U << offset / slot)) != 0;
    return CtxAccess{.field = CtxField::btf_pointer, .btf_id = pointee.id(), .trusted = true, .nullable = nullable};
}

std::optional<CtxAccess> netfilter_value(const Env& env, uint32_t offset, uint32_t size, bool is_write) {
    constexpr const char* members[] = {"nf_hook_state", "sk_buff"};
    if (is_write || size != slot || offset % slot != 0 || offset / slot >= std::size(members)) return std::nullopt;
    if (env.request.vmlinux == nullptr) return std::nullopt;
    const auto found = env.request.vmlinux->find(members[offset / slot], BTF_KIND_STRUCT);
    if (!found.ok()) return std::nullopt;
    return CtxAccess{.field = CtxField::btf_pointer, .btf_id = found->id(), .trusted = true};
}

}  // namespace graft::verify
