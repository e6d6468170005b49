// Objects of the kernel, described by its BTF: a program reads their numbers and follows their pointers, and writes nothing.
//
// A pointer that was found in an object may be null, and no program needs to look: such loads are rewritten (verified.h) and read 0 then.
#include <algorithm>
#include <vector>

#include "verify/pointer/pointer.h"

namespace graft::verify {
namespace {

// What an access to bytes of a struct meets: a number, or a pointer to another struct.
struct Met {
    uint32_t pointee = 0;        // id of that struct; 0: a number
    bool through_union = false;  // which of a union's members is the right one, nobody knows
};

// An array is the same as its elements one after another, in however many dimensions.
struct Elements {
    BtfType type;       // of one
    uint32_t size = 0;  // of one
    uint32_t all = 0;   // bytes of all
    bool is_array = false;
};

Result<Elements> elements_of(const Btf& btf, uint32_t type_id) {
    Elements found{.type = btf.skip_modifiers(type_id)};
    uint64_t count = 1;
    while (found.type.is(BTF_KIND_ARRAY)) {
        found.is_array = true;
        count *= found.type.array().nelems;
        found.type = btf.skip_modifiers(found.type.array().type);
    }
    found.size = TRY(btf.resolve_size(found.type.id()));
    found.all = static_cast<uint32_t>(count * found.size);
    return found;
}

class ObjectAccess {
public:
    ObjectAccess(Env& env, const Btf& btf, uint32_t size) : env_(env), btf_(btf), size_(size) {}

    // [off_, off_ + size_) of the struct, and of the structs in it down to a member that is none.
    Result<Met> find(uint32_t struct_id, uint32_t off) {
        off_ = off;
        std::optional<BtfType> inside = btf_.skip_modifiers(struct_id);
        while (inside) inside = TRY(look_into(*inside));
        return met_;
    }

    // Whether find() came to a struct of that name where it looked for: not inside of it.
    [[nodiscard]] bool passed(std::string_view name) const { return std::find(passed_.begin(), passed_.end(), name) != passed_.end(); }

private:
    // The struct to go on with; none: met_ says what was found.
    Result<std::optional<BtfType>> look_into(const BtfType& type) {
        if (!type.is_struct()) return env_.reject(EINVAL, "Type '{}' is not a struct", type.name());
        met_.through_union |= type.is(BTF_KIND_UNION) && type.vlen() != 1;
        if (uint64_t{off_} + size_ > type.size()) return look_behind(type);
        for (uint32_t i = 0; i < type.vlen(); ++i) {
            const BtfMember member = type.member(i);
            const uint32_t begin = member.bit_offset / 8;
            if (off_ + size_ <= begin) break;  // members ascend
            if (member.bitfield_size != 0) {
                // Only a load of the whole bit field counts; one of a part may be meant for a neighbour.
                const uint32_t end = (member.bit_offset + member.bitfield_size + 7) / 8;
                if (off_ <= begin && end <= off_ + size_) return number();
                continue;
            }
            if (off_ < begin) break;  // in a hole
            const auto elements = elements_of(btf_, member.type);
            if (!elements.ok()) return env_.reject(EFAULT, "field {} doesn't have size", member.name);
            if (off_ < begin + elements->all) return look_at(type, member, begin, elements.value());
        }
        return env_.reject(EINVAL, "struct {} doesn't have field at offset {}", type.name(), off_);
    }

    // Beyond the end of a struct there may be more elements of its last member, an array of no stated length.
    Result<std::optional<BtfType>> look_behind(const BtfType& type) {
        if (type.vlen() != 0) {
            const BtfMember last = type.member(type.vlen() - 1);
            const BtfType array = btf_.skip_modifiers(last.type);
            const uint32_t begin = last.bit_offset / 8;
            if (array.is(BTF_KIND_ARRAY) && array.array().nelems == 0 && off_ >= begin) {
                const BtfType element = btf_.skip_modifiers(array.array().type);
                if (element.is(BTF_KIND_INT)) return number();
                if (element.is_struct() && element.size() != 0) {
                    off_ = (off_ - begin) % element.size();
                    return std::optional(element);
                }
            }
        }
        return env_.reject(EACCES, "access beyond struct {} at off {} size {}", type.name(), off_, size_);
    }

    Result<std::optional<BtfType>> look_at(const BtfType& type, const BtfMember& member, uint32_t begin, const Elements& elements) {
        const uint32_t end = begin + elements.all;
        if (elements.is_array) begin += (off_ - begin) / elements.size * elements.size;
        if (elements.type.is_struct()) {
            off_ -= begin;
            if (off_ == 0) passed_.push_back(elements.type.name());
            return std::optional(elements.type);
        }
        if (elements.type.is(BTF_KIND_PTR)) {
            if (size_ != sizeof(void*) || off_ != begin) {
                return env_.reject(EACCES, "cannot access ptr member {} with moff {} in struct {} with off {} size {}", member.name, begin,
                                   type.name(), off_, size_);
            }
            const BtfType pointee = btf_.skip_modifiers(elements.type.type());
            if (pointee.is_struct()) {
                met_.pointee = pointee.id();
                return std::optional<BtfType>();
            }
        }
        // Anything within the member will do, as programs use arrays of bytes.
        if (off_ + size_ > end && !met_.through_union) {
            return env_.reject(EACCES, "access beyond the end of member {} (mend:{}) in struct {} with off {} size {}", member.name, end,
                               type.name(), off_, size_);
        }
        return number();
    }

    static Result<std::optional<BtfType>> number() { return std::optional<BtfType>(); }

    Env& env_;
    const Btf& btf_;
    const uint32_t size_;
    uint32_t off_ = 0;
    Met met_;
    std::vector<std::string_view> passed_;
};

Result<void> require_readable(Env& env, const Reg& pointer, const MemoryAccess& access) {
    const std::string_view name = pointer.btf->type(pointer.btf_id).name();
    const int32_t off = pointer.off + access.off;
    if (!env.request.privileged) return env.reject(EPERM, "'struct {}' access is allowed only to CAP_PERFMON and CAP_SYS_ADMIN", name);
    if (!env.request.gpl_compatible && pointer.btf->kernel_btf()) {
        return env.reject(EINVAL, "Cannot access kernel 'struct {}' from non-GPL compatible program", name);
    }
    if (off < 0) return env.reject(EACCES, "R{} is ptr_{} invalid negative access: off={}", access.number, name, off);
    if (!pointer.value.is_const() || pointer.value.const_value() != 0) {
        return env.reject(EACCES, "R{} is ptr_{} invalid variable offset: off={}, var_off={}", access.number, name, off,
                          pointer.value.var_off.text());
    }
    if (access.access == Access::write) return env.reject(EACCES, "only read is supported");
    return {};
}

}  // namespace

bool leads_to_struct(Env& env, const Reg& pointer, std::string_view name) {
    if (pointer.off == 0 && pointer.btf->type(pointer.btf_id).name() == name) return true;
    ObjectAccess access(env, *pointer.btf, 1);
    (void)access.find(pointer.btf_id, static_cast<uint32_t>(pointer.off)).ok();
    return access.passed(name);
}

Result<void> access_btf_object(Walk& walk, const MemoryAccess& access) {
    const Reg pointer = walk.reg(access.number);
    TRY(require_readable(walk.env, pointer, access));
    const Met met =
        TRY(ObjectAccess(walk.env, *pointer.btf, access.size).find(pointer.btf_id, static_cast<uint32_t>(pointer.off + access.off)));
    if (access.value < 0) return {};
    const auto number = static_cast<uint32_t>(access.value);
    if (met.pointee == 0) {
        mark_unknown(walk, number);
        return {};
    }
    Reg& target = walk.reg(number);
    set_pointer(target, Kind::btf_object, met.through_union || pointer.has(untrusted) ? uint8_t{untrusted} : uint8_t{0});
    target.btf = pointer.btf;
    target.btf_id = met.pointee;
    walk.touch(number);
    return {};
}

}  // namespace graft::verify
