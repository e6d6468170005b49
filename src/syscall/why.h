// Why: a log for commands that have none on Linux: their answer's reason, for the buffer that struct graft_attr may name and for
// `graft run --explain`.
#pragma once

#include "base/log.h"
#include "syscall/attr.h"

namespace graft {

class Why {
public:
    // EINVAL as the log of BPF_PROG_LOAD.
    static Result<Why> open(const Attr& attr);
    [[nodiscard]] Log& log() { return log_; }
    // Ends the command: its result, or what delivering the log fails with.  A failure that nothing was logged about gets its Error's
    // reason.
    template <class T>
    Result<T> close(Caller& caller, const Attr& attr, Result<T> result) {
        TRY(deliver(caller, attr, result.error()));
        return result;
    }

private:
    explicit Why(Log log) : log_(std::move(log)) {}
    Result<void> deliver(Caller& caller, const Attr& attr, const Error& error);
    Log log_;
};

}  // namespace graft
