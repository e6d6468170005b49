#include "port/hidden_namespace.h"

#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

#include "port/netns.h"

namespace graft {
namespace {

constexpr uint32_t largest_mtu = 65535;  // a hidden end refuses no frame: the visible one's MTU decides

// Best effort: where /proc/sys is read-only a hidden end may send an IPv6 router solicitation, which reaches nobody but its own client.
void write_setting(const char* path, std::string_view value) {
    const Fd fd(::open(path, O_WRONLY | O_CLOEXEC));
    if (fd) (void)!write(fd.get(), value.data(), value.size());
}

ifinfomsg hidden_header(uint32_t ifindex = 0) {
    ifinfomsg header{};
    header.ifi_index = static_cast<int>(ifindex);
    header.ifi_flags = IFF_NOARP;
    header.ifi_change = IFF_NOARP;
    return header;
}

// The bytes that a Builder holds behind its nlmsghdr.
LinkSpec body(netlink::Builder& builder) {
    const Bytes bytes = builder.message().subspan(NLMSG_HDRLEN);
    return {bytes.begin(), bytes.end()};
}

}  // namespace

Result<HiddenNamespace> HiddenNamespace::create() {
    Fd netns = TRY(make_network_namespace());
    std::optional<netlink::Socket> socket;
    TRY(in_network_namespace(netns.get(), [&]() -> Result<void> {
        write_setting("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
        write_setting("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
        write_setting("/proc/sys/net/ipv4/ip_forward", "0");
        socket = TRY(netlink::Socket::open());
        return {};
    }));
    return HiddenNamespace(std::move(netns), std::move(*socket));
}

Result<void> HiddenNamespace::run(const std::function<Result<void>()>& work) { return in_network_namespace(netns_.get(), work); }

Result<void> HiddenNamespace::make_pair(const std::string& name, uint32_t ifindex, Bytes visible, int netns) {
    netlink::Builder builder(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
    // With an index of its own, so that the kernel heeds the peer's.
    builder.header(hidden_header(ifindex)).string(IFLA_IFNAME, name).attribute(IFLA_MTU, largest_mtu);
    builder.begin(IFLA_LINKINFO | NLA_F_NESTED).string(IFLA_INFO_KIND, "veth").begin(IFLA_INFO_DATA | NLA_F_NESTED);
    builder.begin(VETH_INFO_PEER | NLA_F_NESTED).bytes(visible).attribute(IFLA_NET_NS_FD, netns).end();
    builder.end().end();
    return socket_.request(builder);
}

LinkSpec HiddenNamespace::peer_spec(const std::string& name) const {
    netlink::Builder builder(0, 0);
    builder.header(hidden_header()).string(IFLA_IFNAME, name).attribute(IFLA_MTU, largest_mtu).attribute(IFLA_NET_NS_FD, netns_.get());
    return body(builder);
}

LinkSpec without_attributes(Bytes spec, std::initializer_list<uint16_t> types) {
    netlink::Builder builder(0, 0);
    const size_t header = std::min(spec.size(), sizeof(ifinfomsg));
    builder.bytes(spec.first(header));
    for (const netlink::Attribute& attribute : netlink::Attributes(spec.subspan(header))) {
        if (std::find(types.begin(), types.end(), attribute.type) == types.end()) builder.copy(attribute);
    }
    return body(builder);
}

LinkSpec named_link(const std::string& name) {
    netlink::Builder builder(0, 0);
    builder.header(ifinfomsg{}).string(IFLA_IFNAME, name);
    return body(builder);
}

}  // namespace graft
