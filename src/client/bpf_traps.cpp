#include "client/bpf_traps.h"

#include <fmt/core.h>
#include <sys/syscall.h>

#include <cstring>
#include <string>

#include "abi/bpf.h"
#include "syscall/command.h"

namespace graft::client {
namespace {

// Commands whose time grows with what the client hands in or has (a map with hardly an element in it, its mappings), or that wait for
// packets to pass (a relink).
bool is_slow(const seccomp_data& call) {
    switch (static_cast<uint32_t>(call.args[0])) {
        case BPF_MAP_CREATE:
        case BPF_MAP_FREEZE:
        case BPF_MAP_GET_NEXT_KEY:
        case BPF_PROG_LOAD:
        case BPF_PROG_ATTACH:
        case BPF_PROG_DETACH:
        case BPF_PROG_TEST_RUN:
        case BPF_RAW_TRACEPOINT_OPEN:
        case BPF_BTF_LOAD:
        case BPF_MAP_LOOKUP_BATCH:
        case BPF_MAP_LOOKUP_AND_DELETE_BATCH:
        case BPF_MAP_UPDATE_BATCH:
        case BPF_MAP_DELETE_BATCH:
        case BPF_LINK_CREATE:
        case BPF_LINK_UPDATE:
        case BPF_LINK_DETACH:
        case GRAFT_TRANSACTION_COMMIT:
            return true;
        default:
            return false;
    }
}

std::string command_name(int number) {
    const Command* command = find_command(number);
    return command != nullptr ? command->name : fmt::format("bpf command {}", number);
}

std::string error_name(int code) {
    const char* name = code == abi::enotsupp ? "ENOTSUPP" : strerrorname_np(code);
    return name != nullptr ? name : fmt::format("error {}", code);
}

Outcome refuse(Trap& trap, const Error& error) {
    if (trap.listener()->explain) {
        const std::string& known = trap.explanation();
        const char* literal = error.reason != nullptr ? error.reason : "graft gives no reason for this one";
        trap.tell(fmt::format("graft: {}: {}: {}\n", command_name(trap.int_argument(0)), error_name(error.code),
                              known.empty() ? literal : known.c_str()));
    }
    return Outcome::error(error);
}

Outcome handle_bpf(Gateway& gateway, Trap& trap) {
    const Result<Reply> answer = gateway.bpf(trap, trap.int_argument(0), trap.argument(1), static_cast<uint32_t>(trap.argument(2)));
    if (!answer.ok()) return refuse(trap, answer.error());
    const Reply& reply = answer.value();
    if (!reply.object) return Outcome::value(reply.value);
    Result<Fd> descriptor = gateway.descriptors().open(reply.object, access_of(reply));
    if (!descriptor.ok()) return refuse(trap, descriptor.error());
    return Outcome::descriptor(std::move(*descriptor), true);
}

}  // namespace

std::vector<TrapRow> bpf_traps(Gateway& gateway) {
    TrapRow row;
    row.number = SYS_bpf;
    row.slow = is_slow;
    row.handle = [&gateway](const std::shared_ptr<Trap>& trap) { return handle_bpf(gateway, *trap); };
    return {std::move(row)};
}

}  // namespace graft::client
