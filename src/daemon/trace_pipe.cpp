#include "daemon/trace_pipe.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>

namespace graft::daemon {
namespace {

constexpr int most_bytes = 1 << 20;

// As Linux shows a line: task, CPU, flags, time, what was called, text.
std::string shown(const TraceBuffer::Line& line) {
    const uint64_t microseconds = line.time / 1000;
    return fmt::format("{:>16}-{:<7} [{:03}] ..... {:>5}.{:06}: bpf_trace_printk: {}\n", "graft", getpid(), line.cpu,
                       microseconds / 1'000'000, microseconds % 1'000'000, line.text);
}

}  // namespace

Result<std::unique_ptr<TracePipe>> TracePipe::create(TraceBuffer& lines, client::EventLoop& loop, Fd fifo) {
    if (!fifo) {
        std::array<int, 2> ends;
        if (pipe2(ends.data(), O_CLOEXEC) != 0) return fail(errno, "no pipe for what programs print");
        const Fd reading(ends[0]), writing(ends[1]);
        fifo = Fd(open(fmt::format("/proc/self/fd/{}", reading.get()).c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
        if (!fifo) return fail(errno, "no pipe for what programs print");
    }
    fcntl(fifo.get(), F_SETPIPE_SZ, most_bytes);
    std::unique_ptr<TracePipe> made(new TracePipe(lines, loop, std::move(fifo)));
    if (!made->alarm_) return fail(errno, "no eventfd for what programs print");
    TRY(loop.watch(made->alarm_.get(), EPOLLIN, [self = made.get()](uint32_t) { self->pass_on(); }));
    lines.set_alarm(made->alarm_.get());
    return made;
}

TracePipe::TracePipe(TraceBuffer& lines, client::EventLoop& loop, Fd fifo)
    : lines_(lines), loop_(loop), fifo_(std::move(fifo)), alarm_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

TracePipe::~TracePipe() {
    lines_.set_alarm(-1);
    if (alarm_) loop_.unwatch(alarm_.get());
}

Result<Fd> TracePipe::open_reader() const {
    Fd reader(open(fmt::format("/proc/self/fd/{}", fifo_.get()).c_str(), O_RDONLY | O_CLOEXEC));
    if (!reader) return fail(errno, "cannot open what programs print");
    return reader;
}

void TracePipe::pass_on() {
    eventfd_t times = 0;
    eventfd_read(alarm_.get(), &times);
    const uint64_t lost = lines_.lost();
    if (lost != 0) put(fmt::format("CPU:0 [LOST {} EVENTS]\n", lost));
    for (const TraceBuffer::Line& line : lines_.take()) put(shown(line));
}

// A pipe takes short writes whole or not at all.  When it is full the oldest go.
void TracePipe::put(std::string_view text) {
    std::array<char, 1 << 16> oldest;
    while (write(fifo_.get(), text.data(), text.size()) < 0 && errno == EAGAIN) {
        if (read(fifo_.get(), oldest.data(), oldest.size()) <= 0) return;
    }
}

}  // namespace graft::daemon
