// graft's own vmlinux BTF: the types of abi/kernel_types.h, of packets and of the UAPI, as vmlinux_types.bpf.cc lists them.
//
// CO-RE relocates programs to the layouts it says, and the verifier follows pointers by it; so it describes graft's structs, not those of
// the host's kernel.
#pragma once

#include "base/result.h"
#include "btf/btf.h"

namespace graft {

// A fresh Btf named "vmlinux", without an id.
Result<Ref<Btf>> make_vmlinux_btf();

}  // namespace graft
