// Which objects clients made the kernel hold, by their ids.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace test {

struct KernelObjects {
    std::vector<uint32_t> programs, maps, btfs, links;
    bool operator==(const KernelObjects&) const = default;
};

KernelObjects kernel_objects();

// Waits until the kernel holds just `before` again: Linux frees some objects only after a grace period.  Empty, or what is left after
// some seconds.
std::string left_over(const KernelObjects& before);

}  // namespace test
