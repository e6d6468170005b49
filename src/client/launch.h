// Launching a client: what a process does to itself before it becomes one.
//
// Single-threaded processes only (a user namespace is entered by nobody else).  Each step's errno is the host's; the reason names the step
// and what to do about it.
#pragma once

#include <linux/filter.h>
#include <sys/types.h>

#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/result.h"

namespace graft::client {

// Installs the filter on this thread, for it and all it starts, and gives its listener (close-on-exec).  Sets no_new_privs where the host
// asks for it. EBUSY: another supervisor has a listener already, e.g. of an outer `graft run` or a container manager's.
Result<Fd> install_filter(std::span<const sock_filter> filter);

// One message with descriptors over a local socket of type SOCK_SEQPACKET.
Result<void> send_message(int socket, Bytes bytes, std::span<const int> descriptors = {});
struct Message {
    std::vector<std::byte> bytes;  // empty: the other end has closed
    std::vector<Fd> descriptors;
};
Result<Message> receive_message(int socket);

}  // namespace graft::client
