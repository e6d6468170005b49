// The words between the tool and the daemon, over a SOCK_SEQPACKET socket; both are the same program, and refuse to talk when they are not.
//
//   run     request {run, network, command}   answer with the namespaces' descriptors, the filter behind it
//           one message with the listener     answer; the tool executes the command
//   status  request                           answer with a file of JSON text
//   stats   request {stats_on or _off}        answer
//   trace   request                           answer with a pipe of what programs print
//   down    request                           the end of the stream when the daemon has gone
#pragma once

#include <linux/filter.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "client/namespaces.h"

namespace graft::daemon {

enum class Verb : uint32_t { run = 1, status, down, stats_on, stats_off, trace };

struct Request {
    std::array<char, 16> version{};
    Verb verb = Verb::run;
    client::Network network = client::Network::own;
    bool explain = false;  // tell the client why a bpf(2) call failed
    std::array<char, 256> command{};
};

struct Answer {
    int32_t error = 0;                                          // errno; then `text` is one line for the user
    bool has_user = false, has_mount = false, has_net = false;  // the descriptors that come along, in this order
    std::array<char, 4608> text{};                              // what is missing, and where pins go
    std::array<char, 4096> pins{};                              // the directory for pins, when it is not /sys/fs/bpf
};

[[nodiscard]] Request make_request(Verb verb, std::string_view command = {});
// Copies what fits, with a closing NUL.
template <size_t N>
void set_text(std::array<char, N>& field, std::string_view text) {
    const size_t length = text.copy(field.data(), N - 1);
    field[length] = '\0';
}

}  // namespace graft::daemon
