#include "btf/check_member.h"

#include <algorithm>

namespace graft {
namespace {

class MemberCheck {
public:
    MemberCheck(const Btf& btf, const BtfType& of, const btf_member& member, CheckLog& log)
        : btf_(btf), of_(of), member_(member), log_(log) {
        if (of.kflag()) {
            bit_offset_ = BTF_MEMBER_BIT_OFFSET(member.offset);
            bitfield_size_ = BTF_MEMBER_BITFIELD_SIZE(member.offset);
        } else {
            bit_offset_ = member.offset;
        }
    }

    Result<void> run() {
        // From here on the log calls the member by the type that its modifiers lead to.
        if (btf_.type(member_.type).is_modifier()) {
            const auto resolved = btf_.sized(member_.type);
            if (!resolved) return reject("Invalid member");
            member_.type = resolved->id;
        }
        const BtfType type = btf_.type(member_.type);
        if (type.is(BTF_KIND_INT)) return of_.kflag() ? check_int_bitfield(type) : check_int(type);
        if (type.is_any_enum() && of_.kflag()) return check_enum_bitfield();
        if (!type.has_size() && !type.is(BTF_KIND_PTR) && !type.is(BTF_KIND_ARRAY)) {
            return reject(of_.kflag() ? "Unsupported check_kflag_member" : "Unsupported check_member");
        }
        if (type.is(BTF_KIND_DATASEC)) return reject(of_.kflag() ? "Unsupported check_kflag_member" : "Unsupported check_member");
        if (bitfield_size_ != 0) return reject("Invalid member bitfield_size");
        if (type.is(BTF_KIND_FLOAT)) return check_float(type);
        return check_bytes();
    }

private:
    Error reject(const char* problem) {
        log_.member(of_, member_, problem);
        return fail(EINVAL, problem);
    }

    // The bytes that hold `bits` bits at the member's offset must lie inside the struct.
    Result<void> require_inside(uint32_t bit_offset, uint64_t bits) {
        const uint64_t first_byte = bit_offset / 8;
        if (first_byte + (bits + 7) / 8 > of_.size()) return reject("Member exceeds struct_size");
        return {};
    }

    Result<void> check_int_bits(uint32_t bit_offset, uint32_t bits) {
        const uint32_t touched = bits + bit_offset % 8;
        if (touched > 128) return reject("nr_copy_bits exceeds 128");
        return require_inside(bit_offset, touched);
    }

    Result<void> check_int(const BtfType& type) {
        if (UINT32_MAX - bit_offset_ < type.int_offset()) return reject("bits_offset exceeds U32_MAX");
        return check_int_bits(bit_offset_ + type.int_offset(), type.int_bits());
    }

    Result<void> check_int_bitfield(const BtfType& type) {
        if (!type.int_is_regular()) return reject("Invalid member base type");
        if (bitfield_size_ == 0) {
            if (bit_offset_ % 8 != 0) return reject("Invalid member offset");
            return check_int_bits(bit_offset_, type.int_bits());
        }
        if (bitfield_size_ > type.int_bits()) return reject("Invalid member bitfield_size");
        return check_int_bits(bit_offset_, bitfield_size_);
    }

    // Whatever the enum's size, its bitfields are those of an int.
    Result<void> check_enum_bitfield() {
        constexpr uint32_t int_bits = 32;
        if (bitfield_size_ == 0) {
            if (bit_offset_ % 8 != 0) return reject("Member is not byte aligned");
            return require_inside(bit_offset_, int_bits);
        }
        if (bitfield_size_ > int_bits) return reject("Invalid member bitfield_size");
        return require_inside(bit_offset_, bit_offset_ % 8 + bitfield_size_);
    }

    Result<void> check_float(const BtfType& type) {
        const uint32_t alignment = std::min<uint32_t>(sizeof(void*), type.size());
        if (bit_offset_ % (alignment * 8) != 0) return reject("Member is not properly aligned");
        return require_inside(bit_offset_, uint64_t{type.size()} * 8);
    }

    Result<void> check_bytes() {
        if (bit_offset_ % 8 != 0) return reject("Member is not byte aligned");
        const auto sized = btf_.sized(member_.type);
        return require_inside(bit_offset_, uint64_t{sized->size} * 8);
    }

    const Btf& btf_;
    const BtfType& of_;
    btf_member member_;
    CheckLog& log_;
    uint32_t bit_offset_ = 0;
    uint32_t bitfield_size_ = 0;
};

}  // namespace

Result<void> check_member_fits(const Btf& btf, const BtfType& of, const btf_member& member, CheckLog& log) {
    return MemberCheck(btf, of, member, log).run();
}

}  // namespace graft
