// A network namespace of this test's own with a veth pair in it, made by `ip`, gone with it.
#pragma once

#include <net/if.h>
#include <sched.h>

#include <cstdlib>
#include <string>

#include "support/call.h"

namespace test {

class Network {
public:
    // Enters the namespace; veth0 and veth1 are there and down.
    Network();
    // Returns to the namespace before.
    ~Network();
    Network(const Network&) = delete;
    Network& operator=(const Network&) = delete;
    [[nodiscard]] bool ok() const { return ok_; }
    [[nodiscard]] int veth0() const { return veth0_; }
    [[nodiscard]] int veth1() const { return veth1_; }

private:
    Fd before_;
    bool ok_ = false;
    int veth0_ = 0, veth1_ = 0;
};

// "ip link show ..." and the like: its standard output; empty when it fails.
std::string output_of(const std::string& command);

}  // namespace test
