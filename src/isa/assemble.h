// assemble(): text to instructions, in the dialect in which the verifier's log and bpftool show them, with labels.
//
//     r0 = *(u32 *)(r1 + 4)          *(u8 *)(r10 - 1) = 5          r1 = map[counts] ll        r1 = map[globals][0]+8 ll
//     if w0 s< 3 goto out            lock *(u64 *)(r1 + 0) += r2   r0 = atomic64_cmpxchg((u64 *)(r1 + 0), r0, r2)
//     call bpf_map_lookup_elem       call helper_function          r2 = func[callback] ll
//     r1 = (s8)r2                    r1 = be16 r1                  r0 = *(u16 *)skb[r1 + 12]
//     out:                           global int f(int a):          .insn 0xff, 1, 2, -4, 7     (opcode, dst, src, off, imm)
//     exit                           ; a comment
//
// A jump goes to a label or to +N / -N / pc+N; a line may begin as the log's do ("12: (b7) ").  A line with a declaration and a colon is a
// label whose declaration is handed on.  Pure; any thread. Errno: EINVAL, and one line "line N: what is wrong" in the log.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "abi/bpf.h"
#include "base/log.h"
#include "base/result.h"

namespace graft {

struct AssembleNames {
    // The number of a helper; asked for names that are no labels.
    std::function<std::optional<uint32_t>(std::string_view)> helper;
};

struct Assembly {
    struct Label {
        uint32_t insn = 0;
        std::string name;
        std::string declaration;  // "global int f(int a)"; empty for a plain label
    };
    // An ld_imm64 that awaits the descriptor of a map; src_reg is set, and the offset for a value.
    struct MapUse {
        uint32_t insn = 0;
        std::string map;
    };

    std::vector<bpf_insn> insns;
    std::vector<uint32_t> lines;  // of each instruction, from 1
    std::vector<Label> labels;
    std::vector<MapUse> map_uses;
};

[[nodiscard]] Result<Assembly> assemble(std::string_view text, const AssembleNames& names, Log& log);

}  // namespace graft
