// Asks a graft::Kernel in this process: bpf(2) of these tests and of libbpf does not leave it.
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

int main(int argc, char** argv) {
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
