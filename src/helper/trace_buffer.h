// TraceBuffer: what programs print with bpf_trace_printk: the newest lines, for whoever reads the kernel's trace.
//
// Thread safe; a writer waits only for another's copy of a line.  When it is full the oldest line goes.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace graft {

class TraceBuffer {
public:
    static constexpr size_t most_lines = 4096;

    struct Line {
        uint64_t time = 0;  // ns, CLOCK_MONOTONIC
        uint32_t cpu = 0;   // slot
        std::string text;   // without the newline that programs mostly end with
    };

    void write(uint32_t cpu, std::string_view text);
    // An eventfd (borrowed; -1: none) that is written to when the first line comes since the last take().
    void set_alarm(int eventfd);
    // Takes the lines out, oldest first.
    [[nodiscard]] std::vector<Line> take();
    // Lines that went unread since the last take().
    [[nodiscard]] uint64_t lost() const;

private:
    mutable std::mutex lock_;
    std::deque<Line> lines_;
    int alarm_ = -1;
    uint64_t lost_ = 0;
};

}  // namespace graft
