// LogBuffer: where a command's log goes: log_level, log_buf and log_size of its attr, and log_true_size, which answers.
//
// BPF_BTF_LOAD and BPF_PROG_LOAD open it before they check anything else that they log about, and deliver it however the check ended:
// what delivering fails with takes the place of the command's own result.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/log.h"
#include "base/result.h"
#include "syscall/attr.h"

namespace graft {

struct LogBuffer {
    uint32_t level = 0;
    uint64_t address = 0;
    uint32_t size = 0;
    size_t true_size_offset = 0;  // in the attr; clients whose attr ends before it get no answer

    // EINVAL: a buffer without a size or a level, or the reverse; an unknown level; more than 1 GB.
    [[nodiscard]] Result<Log> open() const;
    // ENOSPC: the buffer did not hold all of it; EFAULT.  A log in which nothing was written leaves the buffer as it was.
    Result<void> deliver(Caller& caller, const Attr& attr, const Log& log) const;
};

}  // namespace graft
