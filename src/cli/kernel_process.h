// Finding, starting and ending a user's kernel, from the tool's side.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "client/launch.h"
#include "daemon/control.h"
#include "daemon/state_directory.h"

namespace graft::cli {

// A line for the user, or none.  The daemon's own words come this way.
struct Complaint {
    std::string text;  // empty: none
    explicit operator bool() const { return !text.empty(); }
};

struct Connected {
    Fd socket;
    Complaint complaint;  // then there is no socket
    bool started = false;
};
// The user's kernel, started when there is none.
Connected connect_or_start();
// ENOENT: there is none.
Result<Fd> connect_to_running();
// What the running kernel answers, be it a refusal.  ENOENT: there is none, or it has ended meanwhile.
Result<client::Message> ask(daemon::Verb verb);
// The same for who has no use for a refusal; nothing: a complaint was printed.
std::optional<client::Message> ask_running(daemon::Verb verb);

// A kernel of this process's own; it ends when the socket is closed.
struct PrivateKernel {
    Fd socket;
    pid_t pid = -1;
    Complaint complaint;
};
PrivateKernel start_private();

}  // namespace graft::cli
