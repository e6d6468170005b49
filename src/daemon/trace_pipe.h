// TracePipe: what programs print with bpf_trace_printk, as readers of Linux's trace_pipe find it.
//
// A FIFO that clients see in tracefs, or (where there is none) a pipe.  It holds the newest lines until somebody reads them; each line goes
// to one reader.  Used by the event loop's thread.
#pragma once

#include <memory>

#include "base/fd.h"
#include "base/result.h"
#include "client/event_loop.h"
#include "helper/trace_buffer.h"

namespace graft::daemon {

class TracePipe {
public:
    // `fifo`: open for both; none: a pipe is made.
    static Result<std::unique_ptr<TracePipe>> create(TraceBuffer& lines, client::EventLoop& loop, Fd fifo);
    ~TracePipe();
    TracePipe(const TracePipe&) = delete;
    TracePipe& operator=(const TracePipe&) = delete;

    // For somebody else to read from; waits for lines.
    [[nodiscard]] Result<Fd> open_reader() const;

private:
    TracePipe(TraceBuffer& lines, client::EventLoop& loop, Fd fifo);
    void pass_on();
    void put(std::string_view text);

    TraceBuffer& lines_;
    client::EventLoop& loop_;
    Fd fifo_;
    Fd alarm_;
};

}  // namespace graft::daemon
