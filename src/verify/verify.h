// verify(): may this program run?  The passes in order; a refusal is the errno and the log line of Linux 6.12.
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

// A table that BPF_PROG_LOAD carries: func_info, line_info, core_relos.  Read from the client by verify().
struct UserRecords {
    uint64_t address = 0;
    uint32_t count = 0;
    uint32_t record_size = 0;
};

struct VerifyRequest {
    uint32_t type = 0;  // BPF_PROG_TYPE_*
    uint32_t expected_attach_type = 0;
    uint32_t flags = 0;  // prog_flags
    std::string name;
    bool gpl_compatible = false;
    std::vector<bpf_insn> insns;  // as the client gave them
    Ref<Btf> btf;                 // prog_btf_fd; may be null
    UserRecords func_info, line_info, core_relos;
    uint64_t fd_array = 0;      // address; 0: none
    uint32_t attach_btf_id = 0;
    const TargetFacts* target = nullptr;  // the program of attach_prog_fd; null: none
    Caller* caller = nullptr;             // resolves descriptors of maps and BTF
    const Btf* vmlinux = nullptr;
};

// EINVAL, EACCES, EPERM, E2BIG, EFAULT ... as Linux.  The log gets the verdict's reason and, by level, the walk.
Result<VerifiedProgram> verify(VerifyRequest& request, Log& log);

}  // namespace graft
