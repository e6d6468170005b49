#include "port/packet_loop.h"

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <future>

#include "base/rcu.h"
#include "base/thread.h"
#include "engine/engine.h"
#include "map/devmap.h"

namespace graft {
namespace {

constexpr size_t batch = 64;   // frames per turn of one device
constexpr int turns = 8;       // batches of one device before others are looked at
constexpr int most_hops = 16;  // XDP_TX and XDP_REDIRECT of one frame in a row; Linux has no limit, two XDP_TX ends play ping-pong there
constexpr size_t vlan_header = 4;
constexpr size_t most_in_arena = 1 << 20;  // bytes of segments and copies that wait to be sent
constexpr int most_copies = 1024;          // of one frame, by broadcasts

void count(DeviceCounters& counters, uint32_t action) { counters.verdicts[action < xdp_actions ? action : uint32_t{XDP_ABORTED}].add(1); }

// After a program moved the start of the frame: what counts from there moves too; a checksum that no longer lies inside is given up.
void follow_head(Frame& frame, std::ptrdiff_t grown) {
    Offload& offload = frame.offload;
    if ((offload.flags & Offload::needs_csum) != 0) {
        const std::ptrdiff_t start = offload.csum_start + grown;
        const auto size = static_cast<std::ptrdiff_t>(frame.size());
        if (start < 0 || start + offload.csum_offset + 2 > size || start > UINT16_MAX) {
            offload = {};
            return;
        }
        offload.csum_start = static_cast<uint16_t>(start);
    }
    if (offload.gso_type != 0) {
        const std::ptrdiff_t length = offload.hdr_len + grown;
        if (length < ETH_HLEN || length > UINT16_MAX) {
            offload = {};
        } else {
            offload.hdr_len = static_cast<uint16_t>(length);
        }
    }
}

abi::xdp_buff to_buff(const Frame& frame, abi::xdp_rxq_info& queue) {
    abi::xdp_buff buff{};
    buff.data = frame.data;
    buff.data_end = frame.data_end;
    buff.data_meta = frame.data;
    // A frame that has been through a program before may have little headroom left: it is what it is.
    buff.data_hard_start = frame.hard_start;
    buff.frame_sz = frame.frame_size;
    buff.rxq = &queue;
    return buff;
}

void take_back(const abi::xdp_buff& buff, Frame& frame) {
    std::byte* const before = frame.data;
    frame.data = static_cast<std::byte*>(buff.data);
    frame.data_end = static_cast<std::byte*>(buff.data_end);
    follow_head(frame, before - frame.data);
}

uint32_t run_filter(const FrameFilter& filter, abi::xdp_rxq_info& queue, Frame& frame, RunContext& context) {
    abi::xdp_buff buff = to_buff(frame, queue);
    context.redirect = {};
    context.tail_calls = 0;
    const uint32_t action = filter.run(buff, context);
    take_back(buff, frame);
    return action;
}

// The program of a map's entry.  `out`: the device it leaves by, or null.
uint32_t run_program(const Program& program, Device* out, Device& ingress, Frame& frame, RunContext& context) {
    abi::xdp_buff buff = to_buff(frame, ingress.receive_queue());
    if (out != nullptr) buff.txq = &out->transmit_queue();
    context.redirect = {};
    context.tail_calls = 0;
    const auto action = static_cast<uint32_t>(run(program, &buff, context));
    take_back(buff, frame);
    return action;
}

bool is_cpumap(const RedirectTarget& target) {
    return target.map != nullptr && static_cast<const Map*>(target.map)->spec().type == BPF_MAP_TYPE_CPUMAP;
}

// The program of a devmap's entry.  Whether the frame goes on.
bool run_on_the_way_out(const Object& program, Device& ingress, Device& out, Frame& frame, RunContext& context) {
    if (run_program(static_cast<const Program&>(program), &out, ingress, frame, context) == XDP_PASS) return true;
    ingress.counters().redirect_drops.add(1);
    return false;
}

}  // namespace

Result<std::unique_ptr<PacketLoop>> PacketLoop::start(Runtime& runtime) {
    std::unique_ptr<PacketLoop> loop(new PacketLoop(runtime));
    loop->epoll_ = Fd(epoll_create1(EPOLL_CLOEXEC));
    if (!loop->epoll_) return fail(errno, "epoll_create1");
    loop->wake_ = Fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!loop->wake_) return fail(errno, "eventfd");
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = nullptr;
    if (epoll_ctl(loop->epoll_.get(), EPOLL_CTL_ADD, loop->wake_.get(), &event) != 0) return fail(errno, "epoll_ctl");
    loop->thread_ = TRY(start_thread([raw = loop.get()] {
        pthread_setname_np(pthread_self(), "graft-packets");
        raw->loop();
    }));
    return loop;
}

PacketLoop::~PacketLoop() {
    if (!thread_.joinable()) return;
    run([this] { stop_ = true; });
    thread_.join();
}

void PacketLoop::run(const std::function<void()>& work) {
    if (std::this_thread::get_id() == thread_.get_id()) {
        work();
        return;
    }
    std::promise<void> done;
    {
        const std::lock_guard guard(posted_lock_);
        posted_.emplace_back([&] {
            work();
            done.set_value();
        });
    }
    const uint64_t one = 1;
    (void)!write(wake_.get(), &one, sizeof one);
    done.get_future().wait();
}

void PacketLoop::add(std::unique_ptr<Device> one, std::unique_ptr<Device> other) {
    run([&] {
        one->peer_ = other.get();
        other->peer_ = one.get();
        for (std::unique_ptr<Device>* end : {&one, &other}) {
            Device* device = end->get();
            by_key_[device->facts().key] = device;
            device->outgoing_.reserve(batch);
            watch(*device);
            devices_.emplace(device, std::move(*end));
        }
    });
}

void PacketLoop::remove(Device& end) {
    run([&] {
        for (Device* device : {end.peer(), &end}) {
            const auto it = by_key_.find(device->facts().key);
            if (it != by_key_.end() && it->second == device) by_key_.erase(it);
            devices_.erase(device);  // closing its sockets takes them out of the epoll set
        }
    });
}

void PacketLoop::change(Device& end, DeviceFacts facts) {
    run([&] {
        const auto it = by_key_.find(end.facts().key);
        if (it != by_key_.end() && it->second == &end) by_key_.erase(it);
        end.update(std::move(facts));
        by_key_[end.facts().key] = &end;
    });
}

void PacketLoop::watch(Device& device) {
    for (const int fd : device.wire().poll_descriptors()) {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.ptr = &device;
        epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
    }
}

void PacketLoop::do_posted() {
    uint64_t count = 0;
    (void)!read(wake_.get(), &count, sizeof count);
    std::vector<std::function<void()>> work;
    {
        const std::lock_guard guard(posted_lock_);
        work.swap(posted_);
    }
    for (const auto& item : work) item();
}

void PacketLoop::loop() {
    std::array<epoll_event, 64> events;
    while (true) {
        const int ready = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
        bool posted = false;
        for (int i = 0; i < ready; ++i) {
            auto* const device = static_cast<Device*>(events[static_cast<size_t>(i)].data.ptr);
            if (device == nullptr) {
                posted = true;
            } else {
                serve(*device);
            }
        }
        // Last: it may remove devices that the events name.
        if (posted) do_posted();
        if (stop_) return;
    }
}

void PacketLoop::serve(Device& sender) {
    std::array<Frame, batch> frames;
    for (int turn = 0; turn < turns; ++turn) {
        const size_t count = sender.wire().receive(frames);
        if (count != 0) {
            Stay stay(runtime_);
            for (size_t i = 0; i < count; ++i) arrive(*sender.peer(), frames[i], stay.context);
        }
        flush();
        sender.wire().release();
        if (count < batch) break;
    }
    // An interface that went down leaves an error on its socket, which epoll reports until it is read.
    for (const int fd : sender.wire().poll_descriptors()) {
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    }
}

void PacketLoop::arrive(Device& device, const Frame& frame, RunContext& context) {
    copies_ = most_copies;
    segments_.clear();
    context.generation = RunContext::newest;
    const bool whole = frame.offload.gso_type == 0 || !device.filter_ || device.filter_->mode() != FrameFilter::Mode::native;
    if (whole || !cut_into_segments(frame, arena_, segments_)) {
        forward(&device, frame, context, 0);
    } else {
        for (const Frame& segment : segments_) forward(&device, segment, context, 0);
    }
    if (arena_.used() > most_in_arena) flush();
}

void PacketLoop::forward(Device* device, Frame frame, RunContext& context, int hops) {
    for (; hops <= most_hops; ++hops) {
        DeviceCounters& counters = device->counters();
        counters.frames.add(1);
        counters.bytes.add(frame.size());
        uint32_t action = XDP_PASS;
        if (device->filter_ && device->filter_->mode() != FrameFilter::Mode::none) {
            action = run_filter(*device->filter_, device->receive_queue_, frame, context);
            count(counters, action);
        }
        switch (action) {
            case XDP_PASS:
                if (device->outgoing_.empty()) to_flush_.push_back(device);
                device->outgoing_.push_back(frame);
                return;
            case XDP_TX:
                device = device->peer();
                break;
            case XDP_REDIRECT:
                device = redirect(*device, frame, context, hops);
                if (device == nullptr) return;
                break;
            default:
                return;
        }
    }
    device->counters().loops.add(1);
}

// To a CPU: the entry's program decides once more, and what passes goes up where it arrived.
Device* PacketLoop::hand_over(Device& ingress, Frame& frame, RunContext& context) {
    if (const Object* const program = context.redirect.program; program != nullptr) {
        const uint32_t action = run_program(static_cast<const Program&>(*program), nullptr, ingress, frame, context);
        if (action == XDP_REDIRECT && !is_cpumap(context.redirect) && (context.redirect.flags & BPF_F_BROADCAST) == 0) {
            return redirect(ingress, frame, context, most_hops);
        }
        if (action != XDP_PASS) {
            ingress.counters().redirect_drops.add(1);
            return nullptr;
        }
    }
    if (ingress.outgoing_.empty()) to_flush_.push_back(&ingress);
    ingress.outgoing_.push_back(frame);
    return nullptr;
}

Device* PacketLoop::redirect(Device& ingress, Frame& frame, RunContext& context, int hops) {
    const RedirectTarget target = context.redirect;
    if ((target.flags & BPF_F_BROADCAST) != 0) {
        broadcast(ingress, frame, target, context, hops);
        return nullptr;
    }
    if (is_cpumap(target)) return hand_over(ingress, frame, context);
    Device* const out = find_target(ingress, target.netns_cookie, target.ifindex, frame);
    if (out == nullptr) {
        ingress.counters().redirect_errors.add(1);
        return nullptr;
    }
    if (target.program != nullptr && !run_on_the_way_out(*target.program, ingress, *out, frame, context)) return nullptr;
    return out->peer();
}

// Each target that takes the frame gets a copy of its own.
void PacketLoop::broadcast(Device& ingress, const Frame& frame, const RedirectTarget& target, RunContext& context, int hops) {
    const auto* const map = static_cast<const DevmapMap*>(target.map);
    uint64_t cursor = 0;
    while (const DevmapEntry* const entry = map->next_entry(cursor)) {
        Device* const out = find_target(ingress, entry->netns_cookie, entry->value.ifindex, frame);
        if (out == nullptr || (out == &ingress && (target.flags & BPF_F_EXCLUDE_INGRESS) != 0)) continue;
        if (copies_ == 0) {
            ingress.counters().loops.add(1);
            return;
        }
        --copies_;
        Frame copy = arena_.copy(frame);
        if (entry->program && !run_on_the_way_out(*entry->program, ingress, *out, copy, context)) continue;
        forward(out->peer(), copy, context, hops + 1);
    }
}

Device* PacketLoop::find_target(const Device& ingress, uint64_t netns_cookie, uint32_t ifindex, const Frame& frame) const {
    const auto it = by_key_.find({netns_cookie != 0 ? netns_cookie : ingress.facts().key.netns_cookie, ifindex});
    if (it == by_key_.end()) return nullptr;
    const DeviceFacts& facts = it->second->facts();
    const bool uncut = frame.offload.gso_type != 0;
    if (!facts.up || (!uncut && frame.size() > facts.mtu + ETH_HLEN + vlan_header)) return nullptr;
    return it->second;
}

void PacketLoop::flush() {
    for (Device* device : to_flush_) {
        const SendResult result = device->wire().send(device->outgoing_);
        device->counters().delivered.add(result.sent);
        device->counters().not_delivered.add(result.dropped);
        device->outgoing_.clear();
    }
    to_flush_.clear();
    arena_.reset();
}

}  // namespace graft
