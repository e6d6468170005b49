#include "btf/resolve.h"

#include <unordered_map>

#include "btf/check_member.h"
#include "btf/check_meta.h"

namespace graft {
namespace {

enum class State : uint8_t { unseen, entered, resolved };

// What one walk follows.  A pointer may lead back to the struct that holds it, but neither pointers alone nor structs alone may form a
// ring; so a walk that began at a pointer stops at structs, and one that began at a struct or array stops at pointers.
enum class Following : uint8_t { undecided, pointers, containers };

bool takes_no_bytes(const BtfType& type) {
    switch (type.kind()) {
        case BTF_KIND_UNKN:
        case BTF_KIND_FWD:
        case BTF_KIND_FUNC:
        case BTF_KIND_FUNC_PROTO:
        case BTF_KIND_DECL_TAG:
            return true;
        default:
            return false;
    }
}

// Types that refer to others and that no type may refer to.
bool is_only_a_source(const BtfType& type) { return type.is(BTF_KIND_VAR) || type.is(BTF_KIND_DECL_TAG) || type.is(BTF_KIND_DATASEC); }

bool needs_resolving(const BtfType& type) {
    return type.is_modifier() || type.is_struct() || type.is(BTF_KIND_PTR) || type.is(BTF_KIND_ARRAY) || type.is(BTF_KIND_FUNC) ||
           is_only_a_source(type);
}

class Resolver {
public:
    Resolver(const Btf& btf, std::vector<SizedType>& resolved, CheckLog& log)
        : btf_(btf), resolved_(resolved), log_(log), states_(btf.count() - btf.first_id(), State::unseen) {}

    Result<void> run() {
        for (uint32_t id = btf_.first_id(); id < btf_.count(); ++id) {
            const BtfType type = btf_.type(id);
            if (needs_resolving(type) && !is_resolved(id)) TRY(walk(type));
            if (type.is(BTF_KIND_FUNC_PROTO)) TRY(check_func_proto(type));
        }
        return {};
    }

private:
    Error reject(const BtfType& type, const char* problem, int code = EINVAL) {
        log_.type(type, problem);
        return fail(code, problem);
    }
    Error reject_numbered(const BtfType& type, const char* problem, size_t number) {
        if (log_.log().enabled()) log_.type(type, fmt::format("{}{}", problem, number));
        return fail(EINVAL, problem);
    }

    // --- the walk ---

    [[nodiscard]] bool is_resolved(uint32_t id) const { return id < btf_.first_id() || state(id) == State::resolved; }
    [[nodiscard]] State state(uint32_t id) const { return states_[id - btf_.first_id()]; }
    void set_state(uint32_t id, State state) { states_[id - btf_.first_id()] = state; }

    // The types at which this walk stops: what they refer to cannot close a ring.
    [[nodiscard]] bool stops_at(const BtfType& type) const {
        switch (following_) {
            case Following::undecided:
                return !needs_resolving(type);
            case Following::pointers:
                return !type.is_modifier() && !type.is(BTF_KIND_PTR);
            case Following::containers:
                return !type.is_modifier() && !type.is(BTF_KIND_ARRAY) && !type.is_struct();
        }
        return true;
    }

    // Resolves a type and what it refers to, and says at the type where the walk began why it could not.
    Result<void> walk(const BtfType& root) {
        following_ = Following::undecided;
        depth_ = 0;
        const Result<void> result = enter(root);
        if (result.code() == E2BIG) return reject(root, "Exceeded max resolving depth:32", E2BIG);
        if (result.code() == EEXIST) return reject(root, "Loop detected", EEXIST);
        return result;
    }

    Result<void> enter(const BtfType& type) {
        if (depth_ == Btf::max_resolve_depth) return fail(E2BIG, "BTF types are nested too deeply");
        if (state(type.id()) != State::unseen) return fail(EEXIST, "a BTF type contains itself");
        set_state(type.id(), State::entered);
        if (following_ == Following::undecided) {
            if (type.is(BTF_KIND_PTR)) following_ = Following::pointers;
            if (type.is_struct() || type.is(BTF_KIND_ARRAY)) following_ = Following::containers;
        }
        ++depth_;
        const SizedType found = TRY(resolve(type));
        --depth_;
        set_state(type.id(), State::resolved);
        resolved_[type.id() - btf_.first_id()] = found;
        return {};
    }

    // Whether the type had to be entered.
    Result<bool> require_resolved(const BtfType& type) {
        if (stops_at(type) || is_resolved(type.id())) return false;
        TRY(enter(type));
        return true;
    }

    // --- by kind ---

    Result<SizedType> resolve(const BtfType& type) {
        switch (type.kind()) {
            case BTF_KIND_PTR:
                return resolve_ptr(type);
            case BTF_KIND_VAR:
                return resolve_var(type);
            case BTF_KIND_ARRAY:
                return resolve_array(type);
            case BTF_KIND_STRUCT:
            case BTF_KIND_UNION:
                return resolve_struct(type);
            case BTF_KIND_FUNC:
                return resolve_func(type);
            case BTF_KIND_DATASEC:
                return resolve_datasec(type);
            case BTF_KIND_DECL_TAG:
                return resolve_decl_tag(type);
            default:
                return resolve_modifier(type);
        }
    }

    Result<BtfType> require_referred(const BtfType& type) {
        const auto next = btf_.find_type(type.type());
        if (!next || is_only_a_source(*next)) return reject(type, "Invalid type_id");
        return *next;
    }

    // A modifier resolved by a walk that follows containers may have stopped at a pointer; that pointer still has to be followed.
    Result<void> follow_pointer_behind(const BtfType& modifier) {
        if (!modifier.is_modifier()) return {};
        const BtfType target = btf_.type(resolved_id(modifier.id()));
        if (target.is(BTF_KIND_PTR)) TRY(require_resolved(target));
        return {};
    }

    [[nodiscard]] uint32_t resolved_id(uint32_t id) const {
        const BtfType type = btf_.type(id);
        if (id >= btf_.first_id()) return resolved_[id - btf_.first_id()].id;
        return type.is_modifier() ? btf_.skip_modifiers(id).id() : type.type();
    }

    // What a reference may lead to without bytes: void, FWD and FUNC_PROTO.
    Result<SizedType> lead_to(const BtfType& type, const BtfType& next) {
        if (const auto sized = btf_.sized(next.id())) return SizedType{sized->id, 0};
        const BtfType end = needs_resolving(next) && is_resolved(next.id()) ? btf_.type(resolved_id(next.id())) : next;
        if (!end.is_void() && !end.is(BTF_KIND_FWD) && !end.is(BTF_KIND_FUNC_PROTO)) return reject(type, "Invalid type_id");
        return SizedType{end.id(), 0};
    }

    Result<SizedType> resolve_modifier(const BtfType& type) {
        const BtfType next = TRY(require_referred(type));
        TRY(require_resolved(next));
        return lead_to(type, next);
    }

    Result<SizedType> resolve_ptr(const BtfType& type) {
        const BtfType next = TRY(require_referred(type));
        TRY(require_resolved(next));
        TRY(follow_pointer_behind(next));
        return lead_to(type, next);
    }

    Result<SizedType> resolve_var(const BtfType& type) {
        const BtfType next = TRY(require_referred(type));
        TRY(require_resolved(next));
        TRY(follow_pointer_behind(next));
        const auto sized = btf_.sized(next.id());
        if (!sized) return reject(type, "Invalid type_id");
        return *sized;
    }

    Result<SizedType> resolve_array(const BtfType& type) {
        const btf_array& array = type.array();
        const auto index = btf_.find_type(array.index_type);
        if (!index || takes_no_bytes(*index) || is_only_a_source(*index)) return reject(type, "Invalid index");
        TRY(require_resolved(*index));
        const auto index_sized = btf_.sized(index->id());
        if (!index_sized) return reject(type, "Invalid index");
        const BtfType index_int = btf_.type(index_sized->id);
        if (!index_int.is(BTF_KIND_INT) || !index_int.int_is_regular()) return reject(type, "Invalid index");

        const auto element = btf_.find_type(array.type);
        if (!element || takes_no_bytes(*element) || is_only_a_source(*element)) return reject(type, "Invalid elem");
        TRY(require_resolved(*element));
        const auto sized = btf_.sized(element->id());
        if (!sized) return reject(type, "Invalid elem");
        const BtfType concrete = btf_.type(sized->id);
        if (concrete.is(BTF_KIND_INT) && !concrete.int_is_regular()) return reject(type, "Invalid array of int");
        if (uint64_t{sized->size} * array.nelems > UINT32_MAX) return reject(type, "Array size overflows U32_MAX");
        return SizedType{sized->id, sized->size * array.nelems};
    }

    Result<SizedType> resolve_struct(const BtfType& type) {
        for (const btf_member& member : type.members()) {
            const auto next = btf_.find_type(member.type);
            if (!next || takes_no_bytes(*next) || is_only_a_source(*next)) {
                log_.member(type, member, "Invalid member");
                return fail(EINVAL, "Invalid member");
            }
            TRY(require_resolved(*next));
            TRY(check_member_fits(btf_, type, member, log_));
        }
        return SizedType{};
    }

    Result<SizedType> resolve_func(const BtfType& type) {
        const auto proto = btf_.find_type(type.type());
        if (!proto || !proto->is(BTF_KIND_FUNC_PROTO)) return reject(type, "Invalid type_id");
        if (const size_t nameless = first_nameless(*proto); nameless != 0) return reject_numbered(type, "Invalid arg#", nameless);
        return SizedType{proto->id(), 0};
    }

    // From 1; 0: all arguments have names.  Remembered, since very many functions may have one very long prototype.
    size_t first_nameless(const BtfType& proto) {
        const auto [it, fresh] = nameless_.try_emplace(proto.id(), 0);
        if (!fresh) return it->second;
        const auto params = proto.params();
        for (size_t i = 0; i < params.size() && it->second == 0; ++i) {
            if (params[i].name_off == 0 && params[i].type != 0) it->second = i + 1;
        }
        return it->second;
    }

    Result<SizedType> resolve_datasec(const BtfType& type) {
        for (const btf_var_secinfo& variable : type.variables()) {
            following_ = Following::undecided;
            const auto var = btf_.find_type(variable.type);
            if (!var || !var->is(BTF_KIND_VAR)) return reject_variable(type, variable, "Not a VAR kind member");
            // As Linux has it: a variable that had not been met before is not measured here.
            if (TRY(require_resolved(*var))) continue;
            const auto sized = btf_.sized(var->type());
            if (!sized) return reject_variable(type, variable, "Invalid type");
            if (variable.size < sized->size) return reject_variable(type, variable, "Invalid size");
        }
        return SizedType{};
    }

    Error reject_variable(const BtfType& section, const btf_var_secinfo& variable, const char* problem) {
        log_.variable(section, variable, problem);
        return fail(EINVAL, problem);
    }

    Result<SizedType> resolve_decl_tag(const BtfType& type) {
        const auto target = btf_.find_type(type.type());
        const bool has_components = target && (target->is_struct() || target->is(BTF_KIND_FUNC));
        if (!has_components && !(target && (target->is(BTF_KIND_VAR) || target->is(BTF_KIND_TYPEDEF))))
            return reject(type, "Invalid type_id");
        TRY(require_resolved(*target));
        if (type.component_idx() == -1) return SizedType{target->id(), 0};
        if (!has_components) return reject(type, "Invalid component_idx");
        const uint32_t components = target->is_struct() ? target->vlen() : btf_.type(target->type()).vlen();
        if (static_cast<uint32_t>(type.component_idx()) >= components) return reject(type, "Invalid component_idx");
        return SizedType{target->id(), 0};
    }

    // --- FUNC_PROTO: not walked, since nothing is laid out by it ---

    Result<void> check_func_proto(const BtfType& proto) {
        if (proto.type() != 0) {
            const auto returned = btf_.find_type(proto.type());
            if (!returned || is_only_a_source(*returned)) return reject(proto, "Invalid return type");
            if (needs_resolving(*returned) && !is_resolved(returned->id())) TRY(walk(*returned));
            if (!btf_.sized(returned->id())) return reject(proto, "Invalid return type");
        }
        auto params = proto.params();
        if (!params.empty() && params.back().type == 0) {
            if (params.back().name_off != 0) return reject_numbered(proto, "Invalid arg#", params.size());
            params = params.first(params.size() - 1);
        }
        for (size_t i = 0; i < params.size(); ++i) {
            if (!TRY(param_is_valid(params[i]))) return reject_numbered(proto, "Invalid arg#", i + 1);
        }
        return {};
    }

    Result<bool> param_is_valid(const btf_param& param) {
        const auto type = btf_.find_type(param.type);
        if (!type || is_only_a_source(*type)) return false;
        if (param.name_off != 0 && !is_identifier(btf_.name(param.name_off))) return false;
        if (needs_resolving(*type) && !is_resolved(type->id())) TRY(walk(*type));
        return btf_.sized(type->id()).has_value();
    }

    const Btf& btf_;
    std::vector<SizedType>& resolved_;
    CheckLog& log_;
    std::vector<State> states_;
    std::unordered_map<uint32_t, size_t> nameless_;  // by prototype
    Following following_ = Following::undecided;
    uint32_t depth_ = 0;
};

}  // namespace

Result<void> resolve_types(const Btf& btf, std::vector<SizedType>& resolved, CheckLog& log) { return Resolver(btf, resolved, log).run(); }

Result<void> check_type_tags(const Btf& btf, Log& log) {
    for (uint32_t id = btf.first_id(); id < btf.count(); ++id) {
        const BtfType type = btf.type(id);
        if (!type.is_modifier() || type.is(BTF_KIND_TYPE_TAG) || !btf.type(type.type()).is(BTF_KIND_TYPE_TAG)) continue;
        log.print("Type tags don't precede modifiers");
        return fail(EINVAL, "BTF type tags stand behind other modifiers");
    }
    return {};
}

}  // namespace graft
