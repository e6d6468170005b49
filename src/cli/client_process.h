// Becoming a client of a kernel: what this process does to itself before it executes the command.
#pragma once

#include <string>
#include <vector>

#include "base/fd.h"
#include "client/namespaces.h"

namespace graft::cli {

struct RunOptions {
    std::vector<std::string> command;
    client::Network network = client::Network::own;
    bool private_kernel = false;
    bool explain = false;
};

// Never returns: executes the command, or complains and exits with 125 (graft's fault), 126 (not executable) or 127 (not found).
[[noreturn]] void become_client(Fd control, const RunOptions& options);

// `graft run`: on the user's kernel this process becomes the command; with a private kernel it waits for it.  The exit status.
int run(const RunOptions& options);

}  // namespace graft::cli
