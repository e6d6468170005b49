// Functions by their BTF: the arguments a global function may be called with, and those its own verification starts from.
#include <string>

#include "verify/call/args.h"
#include "verify/call/call.h"
#include "verify/pointer/pointer.h"

namespace graft::verify {
namespace {

constexpr uint32_t most_args = 5;

// "FWD", "STRUCT" ... and the name, of a type a message is about.
Error unknown_size(Env& env, uint32_t arg, const BtfType& type) {
    return env.reject(EINVAL, "arg#{} reference type('{} {}') size cannot be determined: {}", arg, kind_name(type.kind()), type.name(),
                      -EINVAL);
}

bool is_context(const Env& env, const BtfType& pointer) {
    const BtfType pointee = pointer.btf().skip_modifiers(pointer.type());
    return env.type != nullptr && is_context_of(*env.type, pointee);
}

// --- tags: btf_decl_tag("arg:...") of a global function's argument
// --------------------------------------------------------------------------

enum Tag : uint8_t { tag_ctx = 1, tag_nonnull = 2 };

Result<uint8_t> tags_of(Env& env, const Function& function, uint32_t number) {
    constexpr std::string_view prefix = "arg:";
    if (!env.arg_tags) {
        env.arg_tags.emplace();
        const Btf& btf = *env.request.btf;
        for (uint32_t id = btf.first_id(); id < btf.count(); ++id) {
            const BtfType type = btf.type(id);
            if (type.is(BTF_KIND_DECL_TAG) && type.name().starts_with(prefix)) env.arg_tags->push_back(type);
        }
    }
    uint8_t tags = 0;
    for (const BtfType& tag : *env.arg_tags) {
        if (tag.type() != function.btf_func_id || tag.component_idx() != static_cast<int32_t>(number)) continue;
        const std::string_view name = tag.name().substr(prefix.size());
        if (!function.is_global) return env.reject(EOPNOTSUPP, "arg#{} type tag is not supported in static functions", number);
        if (name != "ctx" && name != "nonnull") return env.reject(EOPNOTSUPP, "arg#{} has unsupported set of tags", number);
        tags |= name == "ctx" ? tag_ctx : tag_nonnull;
    }
    return tags;
}

// May the context be handed over as a pointer to this?
bool may_stand_for_context(const Env& env, const BtfType& pointer) {
    const BtfType pointee = pointer.btf().skip_modifiers(pointer.type());
    if (pointee.is_void() || is_context(env, pointer)) return true;
    const bool word = pointee.is(BTF_KIND_INT) && pointee.size() == sizeof(uint64_t);
    switch (env.effective_type()) {
        case BPF_PROG_TYPE_TRACEPOINT:
        case BPF_PROG_TYPE_SYSCALL:
            return true;
        case BPF_PROG_TYPE_KPROBE:
        case BPF_PROG_TYPE_PERF_EVENT:
            return pointee.is(BTF_KIND_STRUCT) && pointee.name() == "pt_regs";
        case BPF_PROG_TYPE_RAW_TRACEPOINT:
        case BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE:
        case BPF_PROG_TYPE_TRACING:
        case BPF_PROG_TYPE_LSM:
        case BPF_PROG_TYPE_STRUCT_OPS:
            return word;
        default:
            return false;
    }
}

Result<FuncArg> classify_tagged(Env& env, const BtfType& type, uint32_t number, uint8_t tags) {
    if (!type.is(BTF_KIND_PTR)) return env.reject(EINVAL, "arg#{} has pointer tag, but is not a pointer type", number);
    if ((tags & tag_ctx) != 0 || is_context(env, type)) {
        if (tags != tag_ctx) return env.reject(EINVAL, "arg#{} has invalid combination of tags", number);
        if (!may_stand_for_context(env, type)) return env.reject(EINVAL, "arg#{} is no pointer to the program's context", number);
        return FuncArg{.kind = FuncArgKind::ctx};
    }
    const BtfType pointee = env.request.btf->skip_modifiers(type.type());
    const Result<uint32_t> size = env.request.btf->resolve_size(pointee.id());
    if (!size.ok()) return unknown_size(env, number, pointee);
    return FuncArg{.kind = FuncArgKind::mem, .mem_size = size.value(), .nonnull = true};
}

Result<FuncArg> classify(Env& env, const Function& function, uint32_t number, uint32_t type_id) {
    const Btf& btf = *env.request.btf;
    const BtfType type = btf.skip_modifiers(type_id);
    if (const uint8_t tags = TRY(tags_of(env, function, number)); tags != 0) return classify_tagged(env, type, number, tags);
    if (type.is_scalar()) return FuncArg{};
    if (type.is(BTF_KIND_PTR)) {
        if (is_context(env, type)) return FuncArg{.kind = FuncArgKind::ctx};
        if (function.is_global) {
            const BtfType pointee = btf.skip_modifiers(type.type());
            const Result<uint32_t> size = btf.resolve_size(pointee.id());
            if (!size.ok()) return unknown_size(env, number, pointee);
            return FuncArg{.kind = FuncArgKind::mem, .mem_size = size.value()};
        }
    }
    if (!function.is_global) return fail(EINVAL);
    return env.reject(EINVAL, "Arg#{} type {} in {}() is not supported yet.", number, kind_name(type.kind()), function.name);
}

bool allowed_memory(Walk& walk, uint32_t number, uint32_t size) {
    Reg& reg = walk.reg(number);
    if (reg.is_null()) return true;
    const uint8_t flags = reg.flags;
    reg.flags &= static_cast<uint8_t>(~maybe_null);
    const bool ok = check_helper_memory(walk, number, size, Access::read, true, false).ok() &&
                    check_helper_memory(walk, number, size, Access::write, true, false).ok();
    reg.flags = flags;
    return ok;
}

Result<void> check_one(Walk& walk, const FuncArg& arg, uint32_t index) {
    Env& env = walk.env;
    const uint32_t number = index + 1;
    const Reg& reg = walk.reg(number);
    switch (arg.kind) {
        case FuncArgKind::scalar:
            if (!reg.is(Kind::scalar)) return env.reject(EINVAL, "R{} is not a scalar", number);
            return {};
        case FuncArgKind::ctx:
            if (reg.is(Kind::ctx)) TRY(check_fixed_offset(walk, reg, number, false));
            if (!reg.is(Kind::ctx)) return env.reject(EINVAL, "arg#{} expects pointer to ctx", index);
            return {};
        case FuncArgKind::mem:
            if (reg.is(Kind::not_init)) return env.reject(EACCES, "variable ? access var_off=(0x0; 0xffffffffffffffff) disallowed");
            if (!allowed_memory(walk, number, arg.mem_size)) return fail(EINVAL);
            if (arg.nonnull && reg.has(maybe_null)) return env.reject(EINVAL, "arg#{} is expected to be non-NULL", index);
            return {};
    }
    return {};
}

}  // namespace

Result<std::vector<FuncArg>> function_args(Env& env, uint32_t number) {
    const Function& function = env.functions[number];
    const Btf& btf = *env.request.btf;
    const BtfType proto = TRY(btf.func_proto(function.btf_func_id));
    const uint32_t count = proto.vlen();
    if (count > most_args) {
        if (!function.is_global) return fail(EINVAL);
        return env.reject(EINVAL, "Global function {}() with {} > {} args. Buggy compiler.", function.name, count, most_args);
    }
    const BtfType result = btf.skip_modifiers(proto.type());
    if (!result.is_scalar()) {
        if (!function.is_global) return fail(EINVAL);
        return env.reject(EINVAL, "Global function {}() doesn't return scalar. Only those are supported.", function.name);
    }
    std::vector<FuncArg> args;
    for (uint32_t i = 0; i < count; ++i) args.push_back(TRY(classify(env, function, i, proto.params()[i].type)));
    return args;
}

Result<void> set_up_arguments(Walk& walk, uint32_t number) {
    Env& env = walk.env;
    Function& function = env.functions[number];
    if (number == 0 && env.request.type != BPF_PROG_TYPE_EXT) {
        if (function.has_btf) {
            const auto args = function_args(env, 0);
            function.unreliable = !args.ok() || args.value().size() != 1 || args.value()[0].kind != FuncArgKind::ctx;
        }
        set_pointer(walk.reg(1), Kind::ctx);
        return {};
    }
    env.log.print("Validating {}() func#{}...\n", function.name, number);
    const std::vector<FuncArg> args = TRY(function_args(env, number));
    if (function.is_exception_callback && (args.size() != 1 || args[0].kind != FuncArgKind::scalar)) {
        return env.reject(EINVAL, "exception cb only supports single integer argument");
    }
    for (uint32_t i = 0; i < args.size(); ++i) {
        Reg& reg = walk.reg(i + 1);
        switch (args[i].kind) {
            case FuncArgKind::scalar:
                set_unknown(reg);
                break;
            case FuncArgKind::ctx:
                set_pointer(reg, Kind::ctx);
                break;
            case FuncArgKind::mem:
                set_pointer(reg, Kind::mem, args[i].nonnull ? 0 : maybe_null);
                reg.mem_size = args[i].mem_size;
                reg.id = walk.next_id();
                break;
        }
    }
    return {};
}

Result<void> check_call_arguments(Walk& walk, uint32_t number) {
    Env& env = walk.env;
    Function& function = env.functions[number];
    if (!function.has_btf || function.unreliable) return fail(EINVAL);
    const auto args = function_args(env, number);
    Result<void> outcome = args.ok() ? Result<void>() : Result<void>(args.error());
    for (uint32_t i = 0; outcome.ok() && i < args.value().size(); ++i) outcome = check_one(walk, args.value()[i], i);
    // A compiler may drop arguments of static functions; a global one is then not to be extended.
    if (!outcome.ok()) function.unreliable = true;
    return outcome;
}

}  // namespace graft::verify
