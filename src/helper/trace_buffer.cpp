#include "helper/trace_buffer.h"

#include <sys/eventfd.h>

#include <ctime>
#include <iterator>
#include <utility>

namespace graft {

void TraceBuffer::write(uint32_t cpu, std::string_view text) {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (text.ends_with('\n')) text.remove_suffix(1);
    Line line{.time = static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec),
              .cpu = cpu,
              .text = std::string(text)};
    const std::lock_guard guard(lock_);
    if (lines_.size() == most_lines) {
        lines_.pop_front();
        ++lost_;
    }
    lines_.push_back(std::move(line));
    if (alarm_ >= 0 && lines_.size() == 1) eventfd_write(alarm_, 1);
}

void TraceBuffer::set_alarm(int eventfd) {
    const std::lock_guard guard(lock_);
    alarm_ = eventfd;
    if (alarm_ >= 0 && !lines_.empty()) eventfd_write(alarm_, 1);
}

std::vector<TraceBuffer::Line> TraceBuffer::take() {
    const std::lock_guard guard(lock_);
    std::vector<Line> taken(std::make_move_iterator(lines_.begin()), std::make_move_iterator(lines_.end()));
    lines_.clear();
    lost_ = 0;
    return taken;
}

uint64_t TraceBuffer::lost() const {
    const std::lock_guard guard(lock_);
    return lost_;
}

}  // namespace graft
