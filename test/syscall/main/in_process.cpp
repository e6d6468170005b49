// Asks a graft::Kernel in this process: bpf(2) of these tests and of libbpf does not leave it.
#include <sched.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "client/in_process.h"
#include "main/run.h"
#include "support/bpffs.h"
#include "support/object_file.h"
#include "syscall/kernel.h"

namespace {

// An ordinary user is root in a user namespace, and its network, as a client of `graft run` is: some tests go to another network and back.
bool become_root() {
    const uid_t uid = geteuid();
    const gid_t gid = getegid();
    if (uid == 0) return true;
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) return false;
    const auto write = [](const char* path, const std::string& text) {
        return static_cast<bool>(std::ofstream(path) << text << std::flush);
    };
    write("/proc/self/setgroups", "deny");
    return write("/proc/self/uid_map", "0 " + std::to_string(uid) + " 1") && write("/proc/self/gid_map", "0 " + std::to_string(gid) + " 1");
}

}  // namespace

int main(int argc, char** argv) {
    if (!become_root()) return perror("these tests need root or a user namespace"), 2;
    std::string pins = (std::filesystem::temp_directory_path() / "graft-pins-XXXXXX").string();
    if (!mkdtemp(pins.data())) return perror("mkdtemp"), 2;
    test::bpffs() = pins;
    int status = 2;
    {
        auto kernel = graft::Kernel::create();
        if (!kernel.ok()) return fprintf(stderr, "no kernel: %s\n", kernel.error().reason), 2;
        auto in_process = graft::client::InProcess::create(graft::client::bpf_of(**kernel), pins);
        if (!in_process.ok()) return fprintf(stderr, "no way in: %s\n", in_process.error().reason), 2;
        test::kernel_btf() = pins + ".btf";
        const graft::Bytes btf = (*kernel)->vmlinux_btf->raw();
        std::ofstream(test::kernel_btf(), std::ios::binary)
            .write(reinterpret_cast<const char*>(btf.data()), static_cast<std::streamsize>(btf.size()));
        graft::client::route_bpf_to(in_process->get());
        status = test::run_all(argc, argv);
        graft::client::route_bpf_to(nullptr);
    }
    std::filesystem::remove_all(pins);
    std::filesystem::remove(test::kernel_btf());
    return status;
}
