// PacketLoop: the thread that moves frames between the wires of ports and asks XDP about each.
//
// A frame that the stack of one end sent arrives at the other end: that end's filter runs, then
//   XDP_PASS      up that end's wire
//   XDP_TX        back out: it arrives at the other end
//   XDP_REDIRECT  out of the target: it arrives at the target's other end, after a devmap's program; or out of all targets of a devmap
//   XDP_DROP, XDP_ABORTED, anything unknown: gone
// Unlike Linux, where veth hands an XDP_TX or redirected frame over only when the receiving end has a program or GRO, it always arrives.
//
// Thread safety: add(), remove() and change() may be called from any thread; they take effect before they return and run on the loop's
// thread. Ownership: the loop owns devices from add() to remove(). Idle, it sleeps in epoll.  A frame is handled in a batch under one
// rcu::ReadGuard and CPU slot; system calls that send come after both.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "helper/runtime.h"
#include "port/device.h"
#include "port/segment.h"

namespace graft {

class PacketLoop {
public:
    static Result<std::unique_ptr<PacketLoop>> start(Runtime& runtime);
    ~PacketLoop();
    PacketLoop(const PacketLoop&) = delete;
    PacketLoop& operator=(const PacketLoop&) = delete;

    // Two ends of one port; frames flow when it returns.
    void add(std::unique_ptr<Device> one, std::unique_ptr<Device> other);
    // Both ends of the port that `end` belongs to.  `end` is invalid afterwards.
    void remove(Device& end);
    // New facts of an end; the old ones are no longer in use when it returns.
    void change(Device& end, DeviceFacts facts);

    // Runs `work` between two batches and waits for it.  On the loop's own thread: at once.
    void run(const std::function<void()>& work);

private:
    explicit PacketLoop(Runtime& runtime) : runtime_(runtime) {}
    void loop();
    void do_posted();
    void watch(Device& device);
    void serve(Device& sender);
    void arrive(Device& device, const Frame& frame, RunContext& context);
    void forward(Device* device, Frame frame, RunContext& context, int hops);
    // The device that the frame comes out at, or null: it went elsewhere, or nowhere.
    Device* hand_over(Device& ingress, Frame& frame, RunContext& context);
    Device* redirect(Device& ingress, Frame& frame, RunContext& context, int hops);
    void broadcast(Device& ingress, const Frame& frame, const RedirectTarget& target, RunContext& context, int hops);
    [[nodiscard]] Device* find_target(const Device& ingress, uint64_t netns_cookie, uint32_t ifindex, const Frame& frame) const;
    void flush();

    Runtime& runtime_;
    Fd epoll_, wake_;
    std::thread thread_;

    std::mutex posted_lock_;
    std::vector<std::function<void()>> posted_;  // under posted_lock_

    // Of the thread:
    bool stop_ = false;
    std::map<DeviceKey, Device*> by_key_;
    std::map<Device*, std::unique_ptr<Device>> devices_;
    std::vector<Device*> to_flush_;
    FrameArena arena_;
    int copies_ = 0;  // that the frame at hand may still have
    std::vector<Frame> segments_;
};

}  // namespace graft
