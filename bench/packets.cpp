// Frames a second through a veth pair: graft's, whose frames pass through its
// process over AF_PACKET rings, and the host's own.
//
// The sender fills an AF_PACKET socket in batches for half a second; what the
// other end has received (/proc/net/dev) counts.  Figures are medians of runs
// that take turns, each in a network namespace of its own.  Above 1 x: graft
// carries more.
#include <arpa/inet.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <sstream>

#include "compare.h"

namespace {

constexpr size_t batch = 64;
constexpr auto duration = std::chrono::milliseconds(500);

uint64_t received_by(const std::string& interface) {
    std::ifstream lines("/proc/net/dev");
    for (std::string line; std::getline(lines, line);) {
        std::istringstream fields(line);
        std::string name;
        uint64_t bytes = 0, frames = 0;
        fields >> name >> bytes >> frames;
        if (name == interface + ":") return frames;
    }
    return 0;
}

// Frames that nobody takes: an ethertype for local experiments.
struct Batch {
    explicit Batch(size_t length) : bytes(length) {
        std::memset(bytes.data(), 0xff, ETH_ALEN);
        bytes[12] = 0x88;
        bytes[13] = 0xb5;
        for (size_t i = 0; i < batch; ++i) {
            pieces[i] = {bytes.data(), bytes.size()};
            messages[i].msg_hdr.msg_iov = &pieces[i];
            messages[i].msg_hdr.msg_iovlen = 1;
        }
    }
    std::vector<unsigned char> bytes;
    std::array<iovec, batch> pieces{};
    std::array<mmsghdr, batch> messages{};
};

double frames_a_second(size_t length) {
    const int socket_fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_ifindex = static_cast<int>(if_nametoindex("veth0"));
    const int on = 1;
    if (socket_fd < 0 || bind(socket_fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return 0;
    setsockopt(socket_fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on);
    Batch frames(length);
    const uint64_t before = received_by("veth1");
    const auto start = std::chrono::steady_clock::now();
    auto now = start;
    for (; now - start < duration; now = std::chrono::steady_clock::now())
        if (sendmmsg(socket_fd, frames.messages.data(), batch, 0) < 0 && errno != ENOBUFS) break;
    close(socket_fd);
    usleep(100'000);  // what is on its way
    return static_cast<double>(received_by("veth1") - before) / std::chrono::duration<double>(now - start).count();
}

// A link that passes every frame on, in native mode; the descriptor, or
// negative.
int attach_pass() {
    constexpr std::array<bpf_insn, 2> pass = {{{BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 2}, {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}}};
    bpf_attr load{};
    load.prog_type = BPF_PROG_TYPE_XDP;
    load.insns = reinterpret_cast<uint64_t>(pass.data());
    load.insn_cnt = pass.size();
    load.license = reinterpret_cast<uint64_t>("GPL");
    const long program = syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof load);
    if (program < 0) return -1;
    bpf_attr link{};
    link.link_create.prog_fd = static_cast<uint32_t>(program);
    link.link_create.target_ifindex = if_nametoindex("veth1");
    link.link_create.attach_type = BPF_XDP;
    link.link_create.flags = XDP_FLAGS_DRV_MODE;
    return static_cast<int>(syscall(SYS_bpf, BPF_LINK_CREATE, &link, sizeof link));
}

int measure() {
    // Never in the network that we were started in.  On graft, this namespace is
    // one of graft's, too.
    if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) return 1;
    if (std::system("PATH=/usr/sbin:/sbin:$PATH; ip link add veth0 type veth peer name "
                    "veth1 && ip link set veth0 up && ip link set veth1 up") != 0)
        return 1;
    usleep(200'000);
    bench::print_figure("60 bytes", frames_a_second(60) / 1e6);
    bench::print_figure("1,500 bytes", frames_a_second(1500) / 1e6);
    if (const int link = attach_pass(); link >= 0) {
        usleep(100'000);
        bench::print_figure("60 bytes, an XDP program that passes them", frames_a_second(60) / 1e6);
        bench::print_figure("1,500 bytes, an XDP program that passes them", frames_a_second(1500) / 1e6);
        close(link);
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) { return bench::compare(argc, argv, measure, 5, "M/s"); }
