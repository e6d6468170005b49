// A BPF kernel inside this program: libbpf loads an XDP object into it and runs it on a packet.  No root, no BPF in the host's kernel.
//
//     embed PROGRAM.o
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cstdio>

#include "client/in_process.h"
#include "syscall/kernel.h"

int main(int argc, char** argv) {
    if (argc != 2) return fprintf(stderr, "usage: embed PROGRAM.o\n"), 2;
    auto kernel = graft::Kernel::create();
    if (!kernel.ok()) return fprintf(stderr, "no kernel: %s\n", kernel.error().reason), 1;
    auto in_process = graft::client::InProcess::create(graft::client::bpf_of(**kernel));
    if (!in_process.ok()) return fprintf(stderr, "no way in: %s\n", in_process.error().reason), 1;
    graft::client::route_bpf_to(in_process->get());  // from here on, libbpf's bpf(2) goes there

    int status = 1;
    bpf_object* object = bpf_object__open_file(argv[1], nullptr);
    if (object && bpf_object__load(object) == 0) {
        unsigned char packet[64] = {};
        bpf_test_run_opts run{};
        run.sz = sizeof run;
        run.data_in = packet;
        run.data_size_in = sizeof packet;
        status = bpf_prog_test_run_opts(bpf_program__fd(bpf_object__next_program(object, nullptr)), &run) ? 1 : 0;
        if (!status) printf("verdict %u\n", run.retval);
    }
    bpf_object__close(object);
    graft::client::route_bpf_to(nullptr);
    return status;
}
