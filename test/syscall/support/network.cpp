#include "support/network.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdio>

namespace test {

Network::Network() : before_(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)) {
    if (!before_.ok() || unshare(CLONE_NEWNET) != 0) return;
    if (std::system("ip link set lo up && ip link add veth0 type veth peer name veth1") != 0) return;
    veth0_ = static_cast<int>(if_nametoindex("veth0"));
    veth1_ = static_cast<int>(if_nametoindex("veth1"));
    ok_ = veth0_ && veth1_;
}

Network::~Network() {
    if (!before_.ok()) return;
    if (veth0_ && std::system("ip link del veth0 2>/dev/null")) veth0_ = 0;  // a test may have deleted it
    if (setns(before_.get(), CLONE_NEWNET) != 0) abort();
}

std::string output_of(const std::string& command) {
    std::string text;
    FILE* pipe = popen(command.c_str(), "r");
    if (!pipe) return text;
    std::array<char, 4096> part;
    while (size_t n = fread(part.data(), 1, part.size(), pipe)) text.append(part.data(), n);
    pclose(pipe);
    return text;
}

}  // namespace test
