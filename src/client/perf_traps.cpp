#include "client/perf_traps.h"

#include <fcntl.h>
#include <linux/perf_event.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>

#include "client/mappings.h"
#include "client/trap.h"
#include "hook/tracepoints.h"
#include "map/perf_ring.h"
#include "map/ringbuf.h"

namespace graft::client {
namespace {

// Null: the descriptor is of something else.
Ref<PerfRing> ring_of(Trap& trap, int fd) {
    const auto found = trap.descriptor(fd);
    if (!found.ok() || found->object->object_kind() != ObjectKind::perf_event) return nullptr;
    return static_ref_cast<PerfRing>(found->object);
}

// --- perf_event_open -------------------------------------------------------------------------------------------------------------------

// As much of the attr as the client says there is.
Result<perf_event_attr> read_attr(Trap& trap) {
    perf_event_attr attr{};
    const uint64_t address = trap.argument(0);
    const auto size = TRY(trap.read_value<uint32_t>(address + offsetof(perf_event_attr, size)));
    const size_t known = std::min<size_t>(size == 0 ? size_t{PERF_ATTR_SIZE_VER0} : size, sizeof attr);
    TRY(trap.read(address, writable_bytes_of(attr).first(known)));
    return attr;
}

Result<PerfRing::Options> options_of(const Trap& trap, const perf_event_attr& attr) {
    const int pid = trap.int_argument(1), cpu = trap.int_argument(2);
    const uint64_t flags = trap.argument(4);
    if ((flags & ~uint64_t{PERF_FLAG_FD_CLOEXEC}) != 0 || trap.int_argument(3) != -1) {
        return fail(EOPNOTSUPP, "a perf event for the output of programs is in no group and takes no flags");
    }
    if (cpu < 0) return fail(pid < 0 ? EINVAL : EOPNOTSUPP, "a perf event for the output of programs is of one CPU");
    constexpr uint64_t samples = PERF_SAMPLE_RAW | PERF_SAMPLE_TIME;
    if ((attr.sample_type & PERF_SAMPLE_RAW) == 0 || (attr.sample_type & ~samples) != 0) {
        return fail(EOPNOTSUPP, "records of programs are PERF_SAMPLE_RAW, with PERF_SAMPLE_TIME or without");
    }
    return PerfRing::Options{.cpu = static_cast<uint32_t>(cpu),
                             .with_time = (attr.sample_type & PERF_SAMPLE_TIME) != 0,
                             .wake_after = attr.wakeup_events,  // a union with wakeup_watermark
                             .by_bytes = attr.watermark != 0};
}

Result<Fd> open_ring(Gateway& gateway, const Trap& trap, const perf_event_attr& attr) {
    const Ref<PerfRing> ring = TRY(PerfRing::create(TRY(options_of(trap, attr))));
    return gateway.descriptors().open(Ref<Object>(ring), Access::read_write);
}

Outcome open_tracepoint(Gateway& gateway, const Trap& trap, uint64_t id) {
    const Tracepoint* const tracepoint = find_tracepoint(id);
    if (tracepoint == nullptr) return Outcome::proceed();
    auto opened = gateway.descriptors().open(Ref<Object>(make_ref<TraceEvent>(*tracepoint)), Access::read_write);
    if (!opened.ok()) return Outcome::error(opened.error());
    return Outcome::descriptor(std::move(*opened), (trap.argument(4) & PERF_FLAG_FD_CLOEXEC) != 0);
}

Outcome handle_open(Gateway& gateway, Trap& trap) {
    const auto attr = read_attr(trap);
    if (attr.ok() && attr->type == PERF_TYPE_TRACEPOINT) return open_tracepoint(gateway, trap, attr->config);
    if (!attr.ok() || attr->type != PERF_TYPE_SOFTWARE || attr->config != PERF_COUNT_SW_BPF_OUTPUT) return Outcome::proceed();
    auto opened = open_ring(gateway, trap, *attr);
    if (!opened.ok()) return Outcome::error(opened.error());
    return Outcome::descriptor(std::move(*opened), (trap.argument(4) & PERF_FLAG_FD_CLOEXEC) != 0);
}

// --- ioctl, epoll_ctl ------------------------------------------------------------------------------------------------------------------

// An event of a tracepoint happens whether or not somebody has enabled it.
bool is_trace_event(Trap& trap) {
    const auto found = trap.descriptor(trap.int_argument(0));
    return found.ok() && found->object->object_kind() == ObjectKind::trace_event;
}

// The client has mapped the ring by now; how much of it says how large it is.
Outcome handle_enable(Trap& trap) {
    if (is_trace_event(trap)) return Outcome::value(0);
    const Ref<PerfRing> ring = ring_of(trap, trap.int_argument(0));
    if (!ring) return Outcome::proceed();
    const auto file = trap.stat_descriptor(trap.int_argument(0));
    const auto maps = trap.open_proc("maps", O_RDONLY);
    if (!file.ok() || !maps.ok()) return Outcome::error(ESRCH);
    const auto size = mapped_size(maps->get(), *file);
    // Not mapped: Linux writes nothing then, either.
    if (size.ok() && *size > PerfRing::page) (void)ring->enable(*size - PerfRing::page).ok();
    return Outcome::value(0);
}

Outcome handle_disable(Trap& trap) {
    if (is_trace_event(trap)) return Outcome::value(0);
    const Ref<PerfRing> ring = ring_of(trap, trap.int_argument(0));
    if (!ring) return Outcome::proceed();
    ring->disable();
    return Outcome::value(0);
}

// What says that there is something to read: of a perf event or a ring buffer; -1: the descriptor is of something else.  The object is
// kept.
int wake_fd_of(Trap& trap, int fd, Ref<Object>& object) {
    const auto found = trap.descriptor(fd);
    if (!found.ok()) return -1;
    object = found->object;
    if (object->object_kind() == ObjectKind::perf_event) return static_cast<const PerfRing&>(*object).wake_fd();
    const bool ring = object->object_kind() == ObjectKind::map && static_cast<const Map&>(*object).spec().type == BPF_MAP_TYPE_RINGBUF;
    return ring ? static_cast<const RingbufMap&>(*object).wake_fd() : -1;
}

// The ring's eventfd takes the place of its memfd.  Nobody reads it, so only its edges count.
Outcome handle_epoll_ctl(Trap& trap) {
    Ref<Object> ring;
    const int wake_fd = wake_fd_of(trap, trap.int_argument(2), ring);
    if (wake_fd < 0) return Outcome::proceed();
    epoll_event event{};
    if (trap.int_argument(1) != EPOLL_CTL_DEL) {
        const auto given = trap.read_value<epoll_event>(trap.argument(3));
        if (!given.ok()) return Outcome::error(given.error());
        event = *given;
        event.events |= EPOLLET;
    }
    const auto epoll = trap.copy_descriptor(trap.int_argument(0));
    if (!epoll.ok()) return Outcome::error(epoll.error());
    if (epoll_ctl(epoll->get(), trap.int_argument(1), wake_fd, &event) != 0) return Outcome::error(errno);
    return Outcome::value(0);
}

TrapRow row(int number, std::vector<ArgumentTest> when, std::function<Outcome(Trap&)> handle) {
    TrapRow made;
    made.number = number;
    made.when = std::move(when);
    made.handle = [handle = std::move(handle)](const std::shared_ptr<Trap>& trap) { return handle(*trap); };
    return made;
}

}  // namespace

std::vector<TrapRow> perf_traps(Gateway& gateway) {
    std::vector<TrapRow> rows;
    rows.push_back(row(SYS_perf_event_open, {}, [&gateway](Trap& trap) { return handle_open(gateway, trap); }));
    rows.push_back(row(SYS_ioctl, {argument_is(1, PERF_EVENT_IOC_ENABLE)}, handle_enable));
    rows.push_back(row(SYS_ioctl, {argument_is(1, PERF_EVENT_IOC_DISABLE)}, handle_disable));
    rows.push_back(row(SYS_epoll_ctl, {}, handle_epoll_ctl));
    return rows;
}

}  // namespace graft::client
