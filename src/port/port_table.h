// PortTable: graft's veth ports: makes them, watches what clients do to their visible ends, and keeps the hidden ends in step.
//
// What a client must not notice, and what is done for it:
//   one end is deleted, or its namespace    the other is deleted too
//   one end goes up or down                 the hidden end of the other follows, which is the other's carrier
//   an end is moved, renamed, resized       the packet loop learns it; XDP moves along
//   an end is asked for its peer            peer_of() knows the visible one
// All of this comes from the kernel's notifications: one socket in the hidden namespace hears every namespace that it has a number (nsid)
// for. The kernel queues a notification before the call that causes it returns, so a client whose answer is held back until drain() has run
// finds everything done.
//
// A namespace is known to the outside by its cookie, to the kernel's notifications by the hidden namespace's nsid for it.  Where an end is
// moved by somebody unseen to a namespace whose cookie nobody has told (learn()), a stand-in serves until then.
//
// Thread safety: all methods; one lock.  Listener is called with it held and may take its own locks, so nobody calls in here with those
// held. errno: those of the kernel, with its text in the `why` that creators pass.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "port/hidden_namespace.h"
#include "port/link.h"
#include "port/packet_loop.h"
#include "port/port_status.h"

namespace graft {

class PortTable {
public:
    // Who keeps what is attached to interfaces.
    class Listener {
    public:
        virtual ~Listener() = default;
        // What decides about frames that arrive at this interface; null: nothing ever.
        virtual Ref<FrameFilter> filter(DeviceKey key) = 0;
        // The MTU of the other end.
        virtual void peer_mtu(DeviceKey key, uint32_t mtu) = 0;
        virtual void moved(DeviceKey from, DeviceKey to) = 0;
        virtual void interface_gone(DeviceKey key) = 0;
        virtual void namespace_gone(uint64_t cookie) = 0;
    };

    static Result<std::unique_ptr<PortTable>> create(PacketLoop& loop, Listener& listener);
    ~PortTable();
    PortTable(const PortTable&) = delete;
    PortTable& operator=(const PortTable&) = delete;

    // Tells which namespace a client is in, before its interfaces matter; cheap when known.
    Result<void> learn(uint64_t cookie, int netns);
    // Gives each of two namespaces a number for the other, as Linux does when a pair first spans them.
    static void introduce(int netns, int other_netns);

    // Half of a port, while its creator makes the other half.
    struct Pending {
        uint32_t id = 0;
        std::string link_hidden, peer_hidden;  // names in the hidden namespace of what is behind the link and behind its peer
    };
    // Makes `peer`, the end that Linux makes first, in `netns`.  IFLA_NET_NS_* must have been taken out.
    Result<Pending> begin(Bytes peer, int netns, std::string& why);
    // The VETH_INFO_PEER of the other half's creation, which this process must send.
    [[nodiscard]] LinkSpec peer_spec(const Pending& pending) const;
    // The other half has been asked for.  Whether the kernel made it: the port works; else what begin() did is undone and ENODEV returned.
    Result<uint32_t> commit(const Pending& pending);
    void abandon(const Pending& pending);

    // A whole port: `one` is the link, `other` its peer, each in a namespace.
    Result<uint32_t> create_port(Bytes one, int one_netns, Bytes other, int other_netns, std::string& why);

    // Acts on everything that the kernel has told so far.
    void drain();

    // The visible other end of an interface, as its namespace sees it.
    struct Peer {
        uint32_t ifindex = 0;
        std::optional<int32_t> nsid;  // nothing: the same namespace; -1: one without a number there
        DeviceKey key;
    };
    [[nodiscard]] std::optional<Peer> peer_of(DeviceKey key);
    [[nodiscard]] bool is_port(DeviceKey key);
    // The namespace that `observer` has the number `nsid` for; 0: unknown.
    [[nodiscard]] uint64_t cookie_seen_from(uint64_t observer, int32_t nsid);
    // The name of an interface in a namespace that was told of; empty: unknown.
    [[nodiscard]] std::string name_of(DeviceKey key);

    [[nodiscard]] std::vector<PortStatus> status();

    // The number that client namespaces have for the hidden one, out of the way of those that they count up from 0.
    static constexpr int32_t hidden_nsid = 0x7fff6772;

private:
    struct End {
        uint32_t hidden = 0;  // ifindex of its other side in the hidden namespace
        int32_t nsid = -1;    // of its namespace
        LinkInfo link;        // as last seen
        Device* device = nullptr;
        bool hidden_up = false;
    };
    struct Port {
        uint32_t id = 0;
        std::array<End, 2> ends;
    };
    struct Found {
        Port* port = nullptr;
        size_t end = 0;
    };

    PortTable(PacketLoop& loop, Listener& listener, HiddenNamespace hidden)
        : loop_(loop), listener_(listener), hidden_(std::move(hidden)) {}
    Result<void> listen();
    void watch();
    void drain_locked();
    void resync();
    void handle(const netlink::Message& message, std::optional<int32_t> nsid);
    void handle_link(const netlink::Message& message, std::optional<int32_t> nsid);
    void handle_gone_link(const netlink::Message& message, std::optional<int32_t> nsid);
    void handle_gone_namespace(int32_t nsid);

    Result<void> assemble(const Pending& pending);
    Result<End> open_end(const std::string& hidden_name, std::unique_ptr<Device>& device);
    Result<void> refresh(Port& port, size_t end);
    void apply(Port& port, size_t end, int32_t nsid, LinkInfo now);
    void follow_carrier(Port& port, size_t changed);
    void destroy(uint32_t id);
    void delete_hidden(const std::string& name);

    [[nodiscard]] uint64_t cookie_of(int32_t nsid) const;
    [[nodiscard]] std::optional<int32_t> nsid_of_cookie(uint64_t cookie) const;
    [[nodiscard]] DeviceKey key_of(const End& end) const { return {cookie_of(end.nsid), end.link.ifindex}; }
    [[nodiscard]] DeviceFacts facts_of(const End& end) const;
    [[nodiscard]] Found find_visible(int32_t nsid, uint32_t ifindex);
    [[nodiscard]] Found find_hidden(uint32_t ifindex);
    [[nodiscard]] Found find(DeviceKey key);

    PacketLoop& loop_;
    Listener& listener_;
    std::mutex lock_;
    HiddenNamespace hidden_;
    Fd notifications_, stop_;
    std::thread watcher_;
    std::map<uint32_t, Port> ports_;
    uint32_t last_id_ = 0;
    uint32_t last_hidden_ = 1 << 20;       // index; far from those that the kernel gives out itself
    std::map<int32_t, uint64_t> cookies_;  // by nsid
};

}  // namespace graft
