// Namespaces: where the clients of one kernel live: a user namespace (for who is not root), a mount namespace with a bpffs, a network
// namespace.
//
// Made by the daemon for itself, before it has threads; a launcher joins them.  They last as long as a process is in them, so nothing has
// to be cleaned up.  What the host refuses is left out and said in `missing`; nothing here is fatal.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/result.h"

namespace graft::client {

struct Namespaces {
    Fd user, mount, net;               // of /proc/self/ns; none: the caller's own
    Fd bpffs;                          // the root of the tmpfs on /sys/fs/bpf; none: pins go to a directory
    Fd mounts_file;                    // what is mounted over /proc/mounts, to be kept current; may be none
    Fd trace_pipe;                     // tracefs' trace_pipe, a FIFO, open for both; may be none
    std::vector<std::string> missing;  // one sentence each: what does not work here, and why
};

// Creates and enters them.  vmlinux_btf: what clients see as /sys/kernel/btf/vmlinux.
Namespaces make_namespaces(Bytes vmlinux_btf);

// Writes the table of mounts as clients are to see it, each bpffs of ours as type bpf (bpftool looks for pins there).
void write_mounts(int mounts_file);

// What keeps graft from the memory of processes that a client starts; empty: nothing.  (A launcher lets graft in by PR_SET_PTRACER, which
// counts for that one process.)
[[nodiscard]] std::string hidden_children();

// A launcher's part: enters what there is and returns to its working directory there.  `net`: also the network namespace.
// ENOENT: the working directory does not exist there.
enum class Network : uint8_t { own, host };
Result<void> enter(const Namespaces& namespaces, Network network);

}  // namespace graft::client
