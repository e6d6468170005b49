// Becoming a client of a kernel, from the tool's side.
#pragma once

#include <string>
#include <vector>

#include "client/namespaces.h"

namespace graft::cli {

struct RunOptions {
    std::vector<std::string> command;
    client::Network network = client::Network::own;
    bool private_kernel = false;
    bool explain = false;
};

// What `graft run` exits with when graft itself fails.
constexpr int graft_failed = 125;

// `graft run`: on the user's kernel this process becomes the command; with a private kernel it waits for it.  The exit status: the
// command's, or 125 (graft's fault), 126 (not executable), 127 (not found).
int run(const RunOptions& options);

}  // namespace graft::cli
