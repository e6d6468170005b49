// verify_program(): may this program run?  The passes in order; a refusal is the errno and the log line of Linux 6.12.
//
// A pure function of the request: nothing global is read or changed.  Takes as long as it takes: no lock is held; it gives up with EINTR
// when the client is gone.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "object/caller.h"
#include "verify/attach_target.h"
#include "verify/verified.h"

namespace graft {

// A table that BPF_PROG_LOAD carries: func_info, line_info, core_relos.  Read from the client by verify_program().
struct UserRecords {
    uint64_t address = 0;
    uint32_t count = 0;
    uint32_t record_size = 0;
    uint64_t record_size_address = 0;  // of the attr's field, where E2BIG leaves the size this kernel knows; 0: nowhere
};

struct VerifyRequest {
    uint32_t type = 0;  // BPF_PROG_TYPE_*
    uint32_t expected_attach_type = 0;
    uint32_t flags = 0;  // prog_flags
    std::string name;
    bool gpl_compatible = false;
    std::vector<bpf_insn> insns;  // as the client gave them
    int32_t prog_btf_fd = 0;
    Ref<Btf> btf;  // verify_program() sets it: what prog_btf_fd is, when func_info or line_info came with the program (else nobody looks at
                   // the fd)
    UserRecords func_info, line_info, core_relos;
    uint64_t fd_array = 0;  // address; 0: none
    uint32_t attach_btf_id = 0;
    const TargetFacts* target = nullptr;  // the program of attach_prog_fd; null: none
    Caller* caller = nullptr;             // resolves descriptors of maps and BTF
    bool privileged = true;               // CAP_BPF and CAP_PERFMON: pointers may be stored and compared
    const Btf* vmlinux = nullptr;
    Ref<BoundDevice> bound_device;  // null: none
};

// EINVAL, EACCES, EPERM, E2BIG, EFAULT ... as Linux.  The log gets the verdict's reason and, by level, the walk.
Result<VerifiedProgram> verify_program(VerifyRequest& request, Log& log);

}  // namespace graft
