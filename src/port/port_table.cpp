#include "port/port_table.h"

#include <linux/if_link.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>

#include "base/thread.h"
#include "port/netns.h"
#include "port/packet_wire.h"

namespace graft {
namespace {

// Cookies count up from 1; a namespace that nobody has told is known by this and its nsid.
constexpr uint64_t stand_in = uint64_t{1} << 63;

PortEndStatus end_status(DeviceKey key, const LinkInfo& link, const DeviceCounters& counters) {
    PortEndStatus status;
    status.key = key;
    status.name = link.name;
    status.mac = link.mac;
    status.mtu = link.mtu;
    status.up = link.up();
    status.carrier = link.carrier;
    status.frames = counters.frames.get();
    status.bytes = counters.bytes.get();
    for (size_t i = 0; i < xdp_actions; ++i) status.verdicts[i] = counters.verdicts[i].get();
    status.delivered = counters.delivered.get();
    status.not_delivered = counters.not_delivered.get();
    status.redirect_errors = counters.redirect_errors.get();
    status.redirect_drops = counters.redirect_drops.get();
    status.loops = counters.loops.get();
    status.overruns = counters.overruns.get();
    return status;
}

}  // namespace

Result<std::unique_ptr<PortTable>> PortTable::create(PacketLoop& loop, Listener& listener) {
    HiddenNamespace hidden = TRY(HiddenNamespace::create());
    std::unique_ptr<PortTable> table(new PortTable(loop, listener, std::move(hidden)));
    TRY(table->listen());
    table->stop_ = Fd(eventfd(0, EFD_CLOEXEC));
    if (!table->stop_) return fail(errno, "eventfd");
    table->watcher_ = TRY(start_thread([raw = table.get()] { raw->watch(); }));
    return table;
}

PortTable::~PortTable() {
    if (watcher_.joinable()) {
        const uint64_t one = 1;
        (void)!write(stop_.get(), &one, sizeof one);
        watcher_.join();
    }
    const std::lock_guard guard(lock_);
    while (!ports_.empty()) destroy(ports_.begin()->first);
}

Result<void> PortTable::learn(uint64_t cookie, int netns) {
    const std::lock_guard guard(lock_);
    if (nsid_of_cookie(cookie)) return {};
    const int32_t nsid = TRY(nsid_of(hidden_.socket(), netns));
    // So that the numbers that the client sees are given out as without graft.
    (void)in_network_namespace(netns, [&]() -> Result<void> {
        netlink::Socket socket = TRY(netlink::Socket::open());
        TRY(nsid_of(socket, hidden_.netns(), hidden_nsid));
        return {};
    });
    const uint64_t before = cookie_of(nsid);
    cookies_[nsid] = cookie;
    for (auto& [id, port] : ports_) {
        for (End& end : port.ends) {
            if (end.nsid != nsid) continue;
            listener_.moved({before, end.link.ifindex}, key_of(end));
            loop_.change(*end.device, facts_of(end));
        }
    }
    return {};
}

void PortTable::introduce(int netns, int other_netns) {
    const auto give = [](int to, int of) {
        (void)in_network_namespace(to, [of]() -> Result<void> {
            netlink::Socket socket = TRY(netlink::Socket::open());
            TRY(nsid_of(socket, of));
            return {};
        });
    };
    give(netns, other_netns);
    give(other_netns, netns);
}

Result<PortTable::Pending> PortTable::begin(Bytes peer, int netns, std::string& why) {
    const std::lock_guard guard(lock_);
    Pending pending;
    pending.id = ++last_id_;
    pending.link_hidden = "p" + std::to_string(pending.id) + "a";
    pending.peer_hidden = "p" + std::to_string(pending.id) + "b";
    const Result<void> made = hidden_.make_pair(pending.peer_hidden, ++last_hidden_, peer, netns);
    why = hidden_.socket().refusal();
    if (!made.ok()) return made.error();
    return pending;
}

LinkSpec PortTable::peer_spec(const Pending& pending) const { return hidden_.peer_spec(pending.link_hidden); }

Result<uint32_t> PortTable::commit(const Pending& pending) {
    const std::lock_guard guard(lock_);
    const Result<void> assembled = assemble(pending);
    if (!assembled.ok()) {
        delete_hidden(pending.link_hidden);
        delete_hidden(pending.peer_hidden);
        return assembled.error();
    }
    return pending.id;
}

void PortTable::abandon(const Pending& pending) {
    const std::lock_guard guard(lock_);
    delete_hidden(pending.link_hidden);
    delete_hidden(pending.peer_hidden);
}

Result<uint32_t> PortTable::create_port(Bytes one, int one_netns, Bytes other, int other_netns, std::string& why) {
    const Pending pending = TRY(begin(other, other_netns, why));
    {
        const std::lock_guard guard(lock_);
        const Result<void> made = hidden_.make_pair(pending.link_hidden, ++last_hidden_, one, one_netns);
        why = hidden_.socket().refusal();
        if (!made.ok()) {
            delete_hidden(pending.peer_hidden);
            return made.error();
        }
    }
    return commit(pending);
}

Result<void> PortTable::assemble(const Pending& pending) {
    std::array<std::unique_ptr<Device>, 2> devices;
    Port port;
    port.id = pending.id;
    port.ends[0] = TRY(open_end(pending.link_hidden, devices[0]));
    port.ends[1] = TRY(open_end(pending.peer_hidden, devices[1]));
    loop_.add(std::move(devices[0]), std::move(devices[1]));
    for (size_t end : {0U, 1U}) listener_.peer_mtu(key_of(port.ends[end]), port.ends[1 - end].link.mtu);
    Port& placed = ports_.emplace(port.id, std::move(port)).first->second;
    follow_carrier(placed, 0);
    follow_carrier(placed, 1);
    return {};
}

Result<PortTable::End> PortTable::open_end(const std::string& hidden_name, std::unique_ptr<Device>& device) {
    const LinkInfo hidden = TRY(get_link(hidden_.socket(), hidden_name));
    End end;
    end.hidden = hidden.ifindex;
    end.nsid = hidden.link_netnsid.value_or(-1);
    end.link = TRY(get_link(hidden_.socket(), hidden.link, hidden.link_netnsid));
    std::unique_ptr<Wire> wire;
    TRY(hidden_.run([&]() -> Result<void> {
        wire = TRY(PacketWire::open(hidden.ifindex));
        return {};
    }));
    device = std::make_unique<Device>(facts_of(end), std::move(wire), listener_.filter(key_of(end)));
    end.device = device.get();
    return end;
}

void PortTable::delete_hidden(const std::string& name) {
    const Result<LinkInfo> link = get_link(hidden_.socket(), name);
    if (link.ok()) (void)delete_link(hidden_.socket(), link.value().ifindex);
}

void PortTable::destroy(uint32_t id) {
    const auto it = ports_.find(id);
    if (it == ports_.end()) return;
    const Port port = std::move(it->second);
    ports_.erase(it);
    loop_.remove(*port.ends[0].device);
    for (const End& end : port.ends) (void)delete_link(hidden_.socket(), end.hidden);  // ENODEV: gone by itself
    for (const End& end : port.ends) listener_.interface_gone(key_of(end));
}

uint64_t PortTable::cookie_of(int32_t nsid) const {
    const auto it = cookies_.find(nsid);
    return it != cookies_.end() ? it->second : stand_in | static_cast<uint32_t>(nsid);
}

std::optional<int32_t> PortTable::nsid_of_cookie(uint64_t cookie) const {
    for (const auto& [nsid, known] : cookies_) {
        if (known == cookie) return nsid;
    }
    return std::nullopt;
}

DeviceFacts PortTable::facts_of(const End& end) const { return {key_of(end), end.link.name, end.link.mtu, end.link.up()}; }

PortTable::Found PortTable::find_visible(int32_t nsid, uint32_t ifindex) {
    for (auto& [id, port] : ports_) {
        for (size_t i = 0; i < port.ends.size(); ++i) {
            if (port.ends[i].nsid == nsid && port.ends[i].link.ifindex == ifindex) return {&port, i};
        }
    }
    return {};
}

PortTable::Found PortTable::find_hidden(uint32_t ifindex) {
    for (auto& [id, port] : ports_) {
        for (size_t i = 0; i < port.ends.size(); ++i) {
            if (port.ends[i].hidden == ifindex) return {&port, i};
        }
    }
    return {};
}

PortTable::Found PortTable::find(DeviceKey key) {
    const auto nsid = nsid_of_cookie(key.netns_cookie);
    return nsid ? find_visible(*nsid, key.ifindex) : Found{};
}

std::optional<PortTable::Peer> PortTable::peer_of(DeviceKey key) {
    const std::lock_guard guard(lock_);
    const Found found = find(key);
    if (found.port == nullptr) return std::nullopt;
    const End& own = found.port->ends[found.end];
    const End& other = found.port->ends[1 - found.end];
    Peer peer;
    peer.ifindex = other.link.ifindex;
    peer.key = key_of(other);
    if (own.nsid == other.nsid) return peer;
    const Result<int32_t> nsid = translate_nsid(hidden_.socket(), other.nsid, own.nsid);
    peer.nsid = nsid.ok() ? nsid.value() : NETNSA_NSID_NOT_ASSIGNED;
    return peer;
}

bool PortTable::is_port(DeviceKey key) {
    const std::lock_guard guard(lock_);
    return find(key).port != nullptr;
}

uint64_t PortTable::cookie_seen_from(uint64_t observer, int32_t nsid) {
    const std::lock_guard guard(lock_);
    const auto own = nsid_of_cookie(observer);
    if (!own) return 0;
    for (const auto& [known, cookie] : cookies_) {
        const Result<int32_t> seen = translate_nsid(hidden_.socket(), known, *own);
        if (seen.ok() && seen.value() == nsid) return cookie;
    }
    return 0;
}

std::string PortTable::name_of(DeviceKey key) {
    const std::lock_guard guard(lock_);
    const auto nsid = nsid_of_cookie(key.netns_cookie);
    if (!nsid) return {};
    Result<LinkInfo> link = get_link(hidden_.socket(), key.ifindex, *nsid);
    return link.ok() ? std::move(link.value().name) : std::string{};
}

std::vector<PortStatus> PortTable::status() {
    const std::lock_guard guard(lock_);
    drain_locked();
    std::vector<PortStatus> all;
    for (auto& [id, port] : ports_) {
        PortStatus status;
        status.id = id;
        for (size_t i = 0; i < port.ends.size(); ++i) {
            (void)refresh(port, i);
            Device& device = *port.ends[i].device;
            status.ends[i] = end_status(key_of(port.ends[i]), port.ends[i].link, device.counters());
        }
        all.push_back(std::move(status));
    }
    return all;
}

}  // namespace graft
