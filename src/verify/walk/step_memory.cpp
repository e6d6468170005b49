// LDX, ST, STX, atomics and LD.
#include <utility>

#include "isa/insn.h"
#include "verify/call/call.h"
#include "verify/call/references.h"
#include "verify/pointer/pointer.h"
#include "verify/prune/prune.h"
#include "verify/walk/walk.h"

namespace graft::verify {
namespace {

bool must_agree(PointerUse use) { return use != PointerUse::none && use != PointerUse::plain; }

PointerUse use_of(Kind kind) {
    switch (kind) {
        case Kind::ctx:
            return PointerUse::ctx;
        case Kind::btf_object:
            return PointerUse::btf_object;
        case Kind::sock:
            return PointerUse::sock;
        case Kind::sock_common:
            return PointerUse::sock_common;
        case Kind::tcp_sock:
            return PointerUse::tcp_sock;
        case Kind::xdp_sock:
            return PointerUse::xdp_sock;
        default:
            return PointerUse::plain;
    }
}

// An instruction whose access is rewritten must be given one kind of pointer on every path.
Result<void> note_pointer(Walk& walk, Kind kind) {
    PointerUse& noted = walk.env.facts[walk.insn].pointer;
    const PointerUse use = use_of(kind);
    if (noted != PointerUse::none && noted != use && (must_agree(noted) || must_agree(use))) {
        return walk.env.reject(EINVAL, "same insn cannot be used with different pointers");
    }
    noted = use;
    return {};
}

}  // namespace

Result<void> step_load(Walk& walk, const bpf_insn& insn) {
    TRY(use_reg(walk, insn.src_reg, Use::read));
    TRY(use_reg(walk, insn.dst_reg, Use::write_no_mark));
    const Kind kind = walk.reg(insn.src_reg).kind;
    TRY(access_memory(walk, {.number = insn.src_reg,
                             .off = insn.off,
                             .size = access_size_of(insn),
                             .access = Access::read,
                             .value = insn.dst_reg,
                             .sign_extend = BPF_MODE(insn.code) == abi::memsx}));
    TRY(note_pointer(walk, kind));
    return require_consistent(walk, walk.reg(insn.dst_reg), "ldx");
}

Result<void> step_store(Walk& walk, const bpf_insn& insn) {
    const bool immediate = BPF_CLASS(insn.code) == BPF_ST;
    if (BPF_MODE(insn.code) != BPF_MEM || (immediate ? insn.src_reg != 0 : insn.imm != 0)) {
        return immediate ? walk.env.reject(EINVAL, "BPF_ST uses reserved fields") : walk.env.reject(EINVAL, "BPF_STX uses reserved fields");
    }
    if (!immediate) TRY(use_reg(walk, insn.src_reg, Use::read));
    TRY(use_reg(walk, insn.dst_reg, Use::read));
    const Kind kind = walk.reg(insn.dst_reg).kind;
    TRY(access_memory(walk, {.number = insn.dst_reg,
                             .off = insn.off,
                             .size = access_size_of(insn),
                             .access = Access::write,
                             .value = immediate ? -1 : int32_t{insn.src_reg}}));
    return note_pointer(walk, kind);
}

Result<void> step_atomic(Walk& walk, const bpf_insn& insn) {
    Env& env = walk.env;
    switch (insn.imm) {
        case BPF_ADD:
        case BPF_ADD | BPF_FETCH:
        case BPF_AND:
        case BPF_AND | BPF_FETCH:
        case BPF_OR:
        case BPF_OR | BPF_FETCH:
        case BPF_XOR:
        case BPF_XOR | BPF_FETCH:
        case BPF_XCHG:
        case BPF_CMPXCHG:
            break;
        default:
            return env.reject(EINVAL, "BPF_ATOMIC uses invalid atomic opcode {:02x}", static_cast<uint32_t>(insn.imm));
    }
    if (BPF_SIZE(insn.code) != BPF_W && BPF_SIZE(insn.code) != BPF_DW) return env.reject(EINVAL, "invalid atomic operand size");
    TRY(use_reg(walk, insn.src_reg, Use::read));
    TRY(use_reg(walk, insn.dst_reg, Use::read));
    if (insn.imm == BPF_CMPXCHG) {
        TRY(use_reg(walk, 0, Use::read));
        if (leaks_pointer(walk, walk.reg(0))) return env.reject(EACCES, "R0 leaks addr into mem");
    }
    if (leaks_pointer(walk, walk.reg(insn.src_reg))) return env.reject(EACCES, "R{} leaks addr into mem", uint32_t{insn.src_reg});
    const Reg& pointer = walk.reg(insn.dst_reg);
    const Kind kind = pointer.kind;
    if (kind == Kind::ctx || kind == Kind::flow_keys || pointer.is_packet() || kind == Kind::sock || kind == Kind::sock_common ||
        kind == Kind::tcp_sock || kind == Kind::xdp_sock) {
        return env.reject(EACCES, "BPF_ATOMIC stores into R{} {} is not allowed", uint32_t{insn.dst_reg}, kind_text(pointer));
    }
    const bool fetches = (insn.imm & BPF_FETCH) != 0;
    const int32_t loaded = !fetches ? -1 : insn.imm == BPF_CMPXCHG ? 0 : int32_t{insn.src_reg};
    if (loaded >= 0) TRY(use_reg(walk, static_cast<uint32_t>(loaded), Use::write));
    MemoryAccess access{.number = insn.dst_reg, .off = insn.off, .size = access_size_of(insn), .strict_alignment = true};
    TRY(access_memory(walk, access));
    if (loaded >= 0) {
        access.value = loaded;
        TRY(access_memory(walk, access));
    }
    access.value = -1;
    access.access = Access::write;
    TRY(access_memory(walk, access));
    return note_pointer(walk, kind);
}

Result<void> step_ld_imm(Walk& walk, const bpf_insn& insn) {
    Env& env = walk.env;
    if (insn.code != (BPF_LD | BPF_IMM | BPF_DW)) return env.reject(EINVAL, "invalid BPF_LD_IMM insn");
    if (insn.off != 0) return env.reject(EINVAL, "BPF_LD_IMM64 uses reserved fields");
    TRY(use_reg(walk, insn.dst_reg, Use::write));
    Reg& target = walk.reg(insn.dst_reg);
    const InsnFacts& facts = env.facts[walk.insn];
    env.facts[walk.insn + 1].seen = true;
    switch (insn.src_reg) {
        case 0:
            set_constant(target, static_cast<uint32_t>(insn.imm) | uint64_t{static_cast<uint32_t>(env.insns[walk.insn + 1].imm)} << 32);
            return {};
        case BPF_PSEUDO_MAP_FD:
        case BPF_PSEUDO_MAP_IDX:
            set_pointer(target, Kind::map_ptr);
            target.map = env.maps[static_cast<size_t>(facts.map)].get();
            return {};
        case BPF_PSEUDO_MAP_VALUE:
        case BPF_PSEUDO_MAP_IDX_VALUE:
            set_pointer(target, Kind::map_value);
            target.map = env.maps[static_cast<size_t>(facts.map)].get();
            target.off = static_cast<int32_t>(facts.map_value_offset);
            return {};
        case BPF_PSEUDO_FUNC: {
            const int function = env.function_at(walk.insn + 1U + static_cast<uint32_t>(insn.imm));
            if (function < 0) return env.reject(EINVAL, "missing btf func_info");
            if (!env.functions[static_cast<size_t>(function)].is_static()) return env.reject(EINVAL, "callback function not static");
            set_pointer(target, Kind::func);
            target.function = static_cast<uint32_t>(function);
            return {};
        }
        default:
            return env.reject(EINVAL, "bpf verifier is misconfigured");
    }
}

// The classic packet loads: R6 is the context; R1..R5 are lost, R0 is what was loaded.
namespace {

// The load fails where the packet has no such bytes: the function ends there with 0.  In the main function that is the program's end; a
// called function returns to one that has to reckon with it.
Result<void> return_early(Walk& walk) {
    if (walk.state.depth() == 1) return {};
    const uint32_t insn = walk.insn;
    const bool print_all = walk.print_all;
    State* const early = TRY(push_branch(walk, insn, insn));
    std::swap(walk.state, *early);
    set_constant(walk.reg(0), 0);
    const Result<void> returned = return_to_caller(walk);
    std::swap(walk.state, *early);
    walk.pending.back().insn = walk.insn;
    walk.insn = insn;
    walk.print_all = print_all;
    return returned;
}

}  // namespace

Result<void> step_ld_abs(Walk& walk, const bpf_insn& insn) {
    Env& env = walk.env;
    const uint32_t type = env.effective_type();
    if (type != BPF_PROG_TYPE_SOCKET_FILTER && type != BPF_PROG_TYPE_SCHED_CLS && type != BPF_PROG_TYPE_SCHED_ACT &&
        type != BPF_PROG_TYPE_CGROUP_SKB) {
        return env.reject(EINVAL, "BPF_LD_[ABS|IND] instructions not allowed for this program type");
    }
    const bool indirect = BPF_MODE(insn.code) == BPF_IND;
    if (insn.dst_reg != 0 || insn.off != 0 || BPF_SIZE(insn.code) == BPF_DW || (!indirect && insn.src_reg != 0)) {
        return env.reject(EINVAL, "BPF_LD_[ABS|IND] uses reserved fields");
    }
    TRY(use_reg(walk, 6, Use::read));
    if (!require_no_references(walk).ok()) {
        return env.reject(EINVAL, "BPF_LD_[ABS|IND] cannot be mixed with socket references");
    }
    if (walk.state.lock.map != nullptr) {
        return env.reject(EINVAL, "BPF_LD_[ABS|IND] cannot be used inside bpf_spin_lock-ed region");
    }
    if (!walk.reg(6).is(Kind::ctx)) return env.reject(EINVAL, "at the time of BPF_LD_ABS|IND R6 != pointer to skb");
    if (indirect) TRY(use_reg(walk, insn.src_reg, Use::read));
    TRY(check_fixed_offset(walk, walk.reg(6), 6, false));
    for (uint32_t number = 0; number <= 5; ++number) {
        set_not_init(walk.reg(number));
        walk.reg(number).live |= live_written;
        walk.touch(number);
    }
    TRY(return_early(walk));
    mark_unknown(walk, 0);
    return {};
}

}  // namespace graft::verify
