#include "support/bpffs.h"

namespace test {

std::string& bpffs() {
    static std::string path = "/sys/fs/bpf";
    return path;
}

}  // namespace test
