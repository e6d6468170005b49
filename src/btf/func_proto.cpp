#include "btf/func_proto.h"

namespace graft {
namespace {

// A FUNC with its prototype.
struct Side {
    const Btf& btf;
    std::string_view name;
    BtfType func;
    BtfType proto;
};

Result<Side> side_of(const Btf& btf, uint32_t func_id) {
    const auto func = btf.find_type(func_id);
    if (!func || !func->is(BTF_KIND_FUNC)) return fail(EFAULT, "the BTF id is not that of a function");
    return Side{btf, func->name(), *func, btf.type(func->type())};
}

class PrototypeComparison {
public:
    PrototypeComparison(const Side& extension, const Side& target, Log& log) : extension_(extension), target_(target), log_(log) {}

    Result<void> run() {
        TRY(require_global(extension_));
        TRY(require_global(target_));
        const size_t count = extension_.proto.vlen();
        const size_t target_count = target_.proto.vlen();
        if (count != target_count) {
            log_.print("{}() has {} args while {}() has {} args\n", extension_.name, count, target_.name, target_count);
            return fail(EINVAL, "the extension takes another number of arguments than its target");
        }
        TRY(compare_results());
        for (size_t i = 0; i < count; ++i) TRY(compare_arguments(i));
        return {};
    }

private:
    Result<void> require_global(const Side& side) {
        if (side.func.func_linkage() == BTF_FUNC_GLOBAL) return {};
        log_.print("{}() is not a global function\n", side.name);
        return fail(EINVAL, "only global functions can be replaced, and by global functions");
    }

    // Kind, number of elements and flag: int may stand for long here, but an enum of three values not for one of two.
    static bool are_alike(const BtfType& a, const BtfType& b) { return a.info() == b.info(); }

    Result<void> compare_results() {
        const BtfType ours = extension_.btf.skip_modifiers(extension_.proto.type());
        const BtfType theirs = target_.btf.skip_modifiers(target_.proto.type());
        if (are_alike(ours, theirs)) return {};
        log_.print("Return type {} of {}() doesn't match type {} of {}()\n", kind_name(ours.kind()), extension_.name,
                   kind_name(theirs.kind()), target_.name);
        return fail(EINVAL, "the extension returns another type than its target");
    }

    Result<void> compare_arguments(size_t i) {
        const BtfType ours = extension_.btf.skip_modifiers(extension_.proto.params()[i].type);
        const BtfType theirs = target_.btf.skip_modifiers(target_.proto.params()[i].type);
        if (!are_alike(ours, theirs)) {
            log_.print("arg{} in {}() is {} while {}() has {}\n", i, extension_.name, kind_name(ours.kind()), target_.name,
                       kind_name(theirs.kind()));
            return fail(EINVAL, "an argument of the extension has another type than in its target");
        }
        if (ours.has_size() && ours.size() != theirs.size()) {
            log_.print("arg{} in {}() has size {} while {}() has {}\n", i, extension_.name, ours.size(), target_.name, theirs.size());
            return fail(EINVAL, "an argument of the extension has another size than in its target");
        }
        if (ours.is_scalar()) return {};
        if (!ours.is(BTF_KIND_PTR)) {
            log_.print("arg{} in {}() has unrecognized type\n", i, extension_.name);
            return fail(EINVAL, "an argument of a replaceable function is a scalar or a pointer to the context");
        }
        return compare_contexts(i, extension_.btf.skip_modifiers(ours.type()), target_.btf.skip_modifiers(theirs.type()));
    }

    Result<void> compare_contexts(size_t i, const BtfType& ours, const BtfType& theirs) {
        TRY(require_struct(i, ours, extension_.name));
        TRY(require_struct(i, theirs, target_.name));
        if (ours.name() == theirs.name()) return {};
        log_.print("arg{} {}(struct {} *) doesn't match {}(struct {} *)\n", i, extension_.name, ours.name(), target_.name, theirs.name());
        return fail(EINVAL, "the extension's context is of another type than its target's");
    }

    Result<void> require_struct(size_t i, const BtfType& pointee, std::string_view function) {
        if (pointee.is_struct()) return {};
        log_.print("arg{} in {}() is not a pointer to context\n", i, function);
        return fail(EINVAL, "a pointer argument of a replaceable function must be to the context");
    }

    const Side& extension_;
    const Side& target_;
    Log& log_;
};

// The value, or nothing when it is not passed in registers.
std::optional<FunctionModel::Value> model_value(const BtfType& type) {
    using Kind = FunctionModel::Kind;
    switch (type.kind()) {
        case BTF_KIND_UNKN:
            return FunctionModel::Value{};
        case BTF_KIND_PTR:
            return FunctionModel::Value{Kind::pointer, false, sizeof(void*), type.id()};
        case BTF_KIND_INT:
            return FunctionModel::Value{Kind::scalar, (type.int_encoding() & BTF_INT_SIGNED) != 0, type.size(), type.id()};
        case BTF_KIND_ENUM:
        case BTF_KIND_ENUM64:
            return FunctionModel::Value{Kind::scalar, type.kflag(), type.size(), type.id()};
        case BTF_KIND_STRUCT:
            return FunctionModel::Value{Kind::structure, false, type.size(), type.id()};
        default:
            return std::nullopt;
    }
}

}  // namespace

Result<void> compare_prototypes(const Btf& extension, uint32_t extension_func, const Btf& target, uint32_t target_func, Log& log) {
    const Side ours = TRY(side_of(extension, extension_func));
    const Side theirs = TRY(side_of(target, target_func));
    return PrototypeComparison(ours, theirs, log).run();
}

Result<FunctionModel> model_function(const Btf& btf, uint32_t func_proto, std::string_view name, Log& log) {
    constexpr uint32_t largest_struct = 16;
    const auto proto = btf.find_type(func_proto);
    if (!proto || !proto->is(BTF_KIND_FUNC_PROTO)) return fail(EINVAL, "the BTF id is not that of a prototype");
    const auto params = proto->params();
    if (params.size() > abi::max_func_args) {
        log.print("The function {} has {} arguments. Too many.\n", name, params.size());
        return fail(EINVAL, "the function has too many arguments");
    }
    FunctionModel model;
    const BtfType returned = btf.skip_modifiers(proto->type());
    const auto result = model_value(returned);
    if (!result || result->kind == FunctionModel::Kind::structure) {
        log.print("The function {} return type {} is unsupported.\n", name, kind_name(returned.kind()));
        return fail(EINVAL, "the function returns what is not passed in a register");
    }
    model.result = *result;
    for (size_t i = 0; i < params.size(); ++i) {
        if (i + 1 == params.size() && params[i].type == 0) {
            log.print("The function {} with variable args is unsupported.\n", name);
            return fail(EINVAL, "the function takes a variable number of arguments");
        }
        const BtfType type = btf.skip_modifiers(params[i].type);
        const auto arg = model_value(type);
        if (!arg || arg->size > largest_struct) {
            log.print("The function {} arg{} type {} is unsupported.\n", name, i, kind_name(type.kind()));
            return fail(EINVAL, "an argument is not passed in registers");
        }
        if (arg->size == 0) {
            log.print("The function {} has malformed void argument.\n", name);
            return fail(EINVAL, "an argument has no size");
        }
        model.args.push_back(*arg);
    }
    return model;
}

FunctionModel unknown_function_model() {
    constexpr FunctionModel::Value word{FunctionModel::Kind::scalar, false, sizeof(uint64_t), 0};
    return {.result = word, .args = std::vector(abi::max_func_reg_args, word), .raw = true};
}

}  // namespace graft
