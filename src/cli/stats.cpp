// graft stats on|off
#include <CLI/CLI.hpp>

#include "cli/kernel_process.h"
#include "cli/verbs.h"
#include "client/launch.h"
#include "daemon/control.h"

namespace graft::cli {
namespace {

int set(daemon::Verb verb) {
    const Result<Fd> socket = connect_to_running();
    if (!socket.ok() && socket.code() == ENOENT) return complain("no graft kernel is running");
    if (!socket.ok()) return complain(socket.error());
    if (const Result<void> sent = client::send_message(socket->get(), bytes_of(daemon::make_request(verb))); !sent.ok())
        return complain(sent.error());
    const Result<client::Message> message = client::receive_message(socket->get());
    if (!message.ok()) return complain(message.error());
    const auto answer = read_at<daemon::Answer>(message->bytes, 0);
    if (!answer) return complain("the kernel has ended");
    return answer->error == 0 ? 0 : complain(answer->text.data());
}

}  // namespace

void add_stats(CLI::App& app, int& status) {
    CLI::App* noun = app.add_subcommand("stats", "Count what each program and each member of a chain does,\nfor 'graft status' to show");
    noun->require_subcommand(1);
    noun->add_subcommand("on", "From now on, until 'graft stats off' or the kernel's end")->callback([&status] {
        status = set(daemon::Verb::stats_on);
    });
    noun->add_subcommand("off", "No more (unless a client counts too, by BPF_ENABLE_STATS)")->callback([&status] {
        status = set(daemon::Verb::stats_off);
    });
}

}  // namespace graft::cli
