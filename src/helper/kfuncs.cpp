#include "helper/kfuncs.h"

#include "abi/bpf.h"

namespace graft {

const Helper* find_kfunc(std::string_view name) {
    for (const auto family : {dynptr_kfuncs(), user_kfuncs(), exception_kfuncs(), metadata_kfuncs()}) {
        for (const Helper& row : family) {
            if (row.name == name) return &row;
        }
    }
    return nullptr;
}

const Helper* find_kfunc(uint32_t id) {
    for (const auto family : {dynptr_kfuncs(), user_kfuncs(), exception_kfuncs(), metadata_kfuncs()}) {
        for (const Helper& row : family) {
            if (row.id == id) return &row;
        }
    }
    return nullptr;
}

bool allows_kfunc(uint32_t prog_type, const Helper& kfunc) {
    if (wants_bound_device(kfunc)) return prog_type == BPF_PROG_TYPE_XDP;
    switch (kfunc.args[2]) {
        case Arg::new_skb_dynptr:
            return prog_type == BPF_PROG_TYPE_SCHED_CLS || prog_type == BPF_PROG_TYPE_SCHED_ACT;
        case Arg::new_xdp_dynptr:
            return prog_type == BPF_PROG_TYPE_XDP;
        default:
            return true;
    }
}

}  // namespace graft
