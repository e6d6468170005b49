#include "base/cpus.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>

#include "base/fd.h"

#include <fcntl.h>

namespace graft {
namespace {

// "0-3", "0,2-5": one more than the highest number; 0 when it cannot be read.
uint32_t possible_cpus() {
    const Fd file(open("/sys/devices/system/cpu/possible", O_RDONLY | O_CLOEXEC));
    if (!file) return 0;
    char text[256];
    const ssize_t size = read(file.get(), text, sizeof text);
    uint32_t highest = 0, number = 0;
    bool any = false;
    for (ssize_t i = 0; i < size; ++i) {
        if (text[i] >= '0' && text[i] <= '9') {
            number = number * 10 + static_cast<uint32_t>(text[i] - '0');
            highest = std::max(highest, number);
            any = true;
        } else {
            number = 0;
        }
    }
    return any ? highest + 1 : 0;
}

}  // namespace

Cpus::Cpus() : count_(possible_cpus()) {
    if (count_ == 0) count_ = static_cast<uint32_t>(std::max(1L, sysconf(_SC_NPROCESSORS_CONF)));
    slots_ = std::make_unique<Busy[]>(count_);
}

Cpus::Slot::Slot(Cpus& cpus) : cpus_(cpus) {
    const int here = sched_getcpu();
    const uint32_t first = here < 0 ? 0 : static_cast<uint32_t>(here) % cpus.count_;
    for (uint32_t i = first;; i = (i + 1) % cpus.count_) {
        uint32_t free = 0;
        if (cpus.slots_[i].busy.compare_exchange_strong(free, 1, std::memory_order_acquire)) {
            index_ = i;
            return;
        }
        if ((i + 1) % cpus.count_ == first) cpus.slots_[first].busy.wait(1, std::memory_order_relaxed);
    }
}

Cpus::Slot::~Slot() {
    cpus_.slots_[index_].busy.store(0, std::memory_order_release);
    cpus_.slots_[index_].busy.notify_one();
}

}  // namespace graft
