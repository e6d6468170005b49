// How the log shows registers and stack.
#include <fmt/core.h>

#include "btf/btf.h"
#include "map/map.h"
#include "verify/scalar/print.h"
#include "verify/state/state.h"

namespace graft::verify {
namespace {

char slot_letter(SlotType type) {
    switch (type) {
        case SlotType::invalid:
            return '?';
        case SlotType::spill:
            return 'r';
        case SlotType::misc:
            return 'm';
        case SlotType::zero:
            return '0';
        case SlotType::dynptr:
            return 'd';
    }
    return '?';
}

const char* dynptr_name(const Reg& reg) {
    switch (reg.dynptr) {
        case DynptrType::local:
            return "local";
        case DynptrType::skb:
            return "skb";
        case DynptrType::xdp:
            return "xdp";
        case DynptrType::none:
            break;
    }
    return "invalid";
}

std::string liveness(uint8_t live) {
    std::string text;
    if ((live & (live_read | live_written | live_done)) != 0) text += '_';
    if ((live & live_read) != 0) text += 'r';
    if ((live & live_written) != 0) text += 'w';
    if ((live & live_done) != 0) text += 'D';
    return text;
}

class Attributes {
public:
    template <class... Args>
    void add(fmt::format_string<Args...> format, Args&&... args) {
        if (!text_.empty()) text_ += ',';
        text_ += fmt::vformat(format, fmt::make_format_args(args...));
    }
    void append(const std::string& more) {
        if (!more.empty()) add("{}", more);
    }
    [[nodiscard]] const std::string& text() const { return text_; }

private:
    std::string text_;
};

}  // namespace

// Scalars with a linked constant carry this bit in their id.
inline constexpr uint32_t add_const = 1U << 31;

std::string describe(const Frame& frame, const Reg& reg) {
    std::string text;
    if (reg.is(Kind::scalar) && reg.precise) text += 'P';
    if (reg.is_const_scalar()) return text + signed_number(static_cast<int64_t>(reg.value.const_value()));
    text += kind_text(reg);
    if (reg.is(Kind::stack)) {
        if (frame.number != reg.frame) text += fmt::format("[{}]", reg.frame);
        if (reg.value.is_const()) return text + signed_number(static_cast<int64_t>(reg.value.const_value()) + reg.off);
    }
    if (reg.is(Kind::btf_object)) text += reg.btf->type(reg.btf_id).name();
    Attributes attributes;
    if (reg.id != 0) attributes.add("id={}", reg.id & ~add_const);
    std::string link;
    if ((reg.id & add_const) != 0) link = fmt::format("{:+}", reg.off);
    text += '(';
    std::string inside = attributes.text() + link;
    Attributes rest;
    if (reg.ref_id != 0) rest.add("ref_obj_id={}", reg.ref_id);
    if (reg.is(Kind::map_ptr) || reg.is(Kind::map_value) || reg.is(Kind::map_key)) {
        if (!reg.map->spec().name.empty()) rest.add("map={}", reg.map->spec().name);
        rest.add("ks={},vs={}", reg.map->spec().key_size, reg.map->spec().value_size);
    }
    if (!reg.is(Kind::scalar) && reg.off != 0) rest.add("off={}", signed_number(reg.off));
    if (reg.is_packet()) rest.add("r={}", unsigned_number(static_cast<uint64_t>(static_cast<int64_t>(reg.range))));
    if (reg.is(Kind::mem)) rest.add("sz={}", unsigned_number(reg.mem_size));
    if (reg.value.is_const()) {
        if (reg.value.const_value() != 0) rest.add("imm={}", signed_number(static_cast<int64_t>(reg.value.const_value())));
    } else {
        rest.append(describe(reg.value));
    }
    if (!inside.empty() && !rest.text().empty()) inside += ',';
    return text + inside + rest.text() + ')';
}

std::string describe(const Frame& frame, bool all, uint32_t touched, uint64_t touched_slots) {
    std::string text;
    if (frame.number != 0) text += fmt::format(" frame{}:", frame.number);
    for (int i = 0; i < reg_count; ++i) {
        const Reg& reg = frame.regs[static_cast<size_t>(i)];
        if (reg.is(Kind::not_init) || (!all && (touched & (1U << i)) == 0)) continue;
        text += fmt::format(" R{}{}={}", i, liveness(reg.live), describe(frame, reg));
    }
    for (size_t i = 0; i < frame.stack.size(); ++i) {
        const StackSlot& slot = frame.stack[i];
        if (!all && (touched_slots & (uint64_t{1} << i)) == 0) continue;
        bool valid = false;
        for (const SlotType type : slot.type) valid = valid || type != SlotType::invalid;
        if (!valid) continue;
        std::string letters;
        for (const SlotType type : slot.type) letters += slot_letter(type);
        const int64_t offset = -static_cast<int64_t>(8 * (i + 1));
        if (slot.type[0] == SlotType::dynptr) {
            // What Linux calls its dynptr_id is always 1.
            const Reg& dynptr = slot.spilled;
            if (!dynptr.has(first_slot)) continue;
            text +=
                fmt::format(" fp{}{}=dynptr_{}(id={},dynptr_id=1)", offset, liveness(dynptr.live), dynptr_name(dynptr), dynptr.dynptr_id);
            continue;
        }
        if (slot.type[7] == SlotType::spill) {
            // Narrower spills leave bytes of other kinds in front.
            size_t plain = 0;
            while (plain < 7 && slot.type[plain] != SlotType::spill) ++plain;
            text +=
                fmt::format(" fp{}{}={}{}", offset, liveness(slot.spilled.live), letters.substr(0, plain), describe(frame, slot.spilled));
        } else {
            text += fmt::format(" fp{}{}={}", offset, liveness(slot.spilled.live), letters);
        }
    }
    for (size_t i = 0; i < frame.references.size(); ++i) text += fmt::format("{}{}", i == 0 ? " refs=" : ",", frame.references[i].id);
    if (frame.in_callback) text += " cb";
    if (frame.in_async_callback) text += " async_cb";
    return text;
}

}  // namespace graft::verify
