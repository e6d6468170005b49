// What verification makes of a program: the code engines run, and what others must know of it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "abi/bpf.h"
#include "btf/btf.h"
#include "map/map.h"
#include "verify/attach_target.h"

namespace graft {

// One function of a program: the main function is number 0.
struct Subprogram {
    uint32_t start = 0;        // index of its first instruction in VerifiedProgram::insns
    uint32_t length = 0;       // instructions
    uint32_t stack_depth = 0;  // bytes of stack it uses
    uint32_t btf_func_id = 0;  // its FUNC in the program's BTF; 0: no func_info
    std::string name;          // from BTF; empty without
    bool is_global = false;    // BTF_FUNC_GLOBAL linkage (always true of the main function)
    bool unreliable = false;   // its BTF does not tell the truth of its arguments: not to be extended
    bool changes_packet = false;
    bool might_sleep = false;
    bool has_tail_call = false;
    bool tail_call_reachable = false;
    bool may_throw = false;  // an exception may come out of it
    bool catches = false;    // exceptions; nothing may replace or trace it
    bool is_hidden = false;  // not the program's own: what catches when it names nobody.  The last; clients do not see it
};

// A load through a pointer into a kernel object (abi::probe_mem, probe_memsx) from an address below this one is one through a null pointer,
// and gives 0.  Above it the address is good: every pointer member of the structs that vmlinux BTF describes is null or leads to a live
// object of its type while a program runs.
inline constexpr uint64_t first_object_address = 1 << 16;

struct VerifiedProgram {
    // Rewritten for the engines:
    //  - ld_imm64 of a map holds the host pointer of the Map (src_reg BPF_PSEUDO_MAP_FD/IDX), of a map value the host address
    //    (BPF_PSEUDO_MAP_VALUE/IDX_VALUE): src_reg stays so that dumps can show ids;
    //  - a call of a subprogram (BPF_PSEUDO_CALL) keeps its relative imm and has the subprogram's number in `off`;
    //  - a callback's address (BPF_PSEUDO_FUNC) has the subprogram's number in the first slot's imm;
    //  - context accesses are loads and stores at graft's own layouts (abi/kernel_types.h);
    //  - a load through a pointer into a kernel object is BPF_LDX with mode abi::probe_mem or (sign-extending) abi::probe_memsx instead of
    //    BPF_MEM and abi::memsx: register + off below first_object_address gives 0, else it is a load as any;
    //  - division and modulo by zero need no checks inserted: engines implement BPF's definition (x / 0 = 0, x % 0 = x).
    std::vector<bpf_insn> insns;
    std::vector<Subprogram> subprograms;
    std::vector<Ref<Map>> maps;  // in the order of first use: bpf_prog_info.map_ids
    std::vector<bpf_func_info> func_info;
    std::vector<bpf_line_info> line_info;
    uint32_t exception_callback = 0;  // the subprogram that is called with a cookie that was thrown; 0: nothing throws
    AttachTargetInfo attach;          // EXT and tracing: the function it was verified against
    uint32_t max_ctx_offset = 0;      // bytes of the context that it touches
    uint32_t verified_insns = 0;      // instructions walked
};

}  // namespace graft
