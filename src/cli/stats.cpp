// graft stats on|off
#include <CLI/CLI.hpp>
#include <cstdlib>

#include "cli/kernel_process.h"
#include "cli/verbs.h"
#include "daemon/control.h"

namespace graft::cli {
namespace {

int set(daemon::Verb verb) { return ask_running(verb) ? EXIT_SUCCESS : EXIT_FAILURE; }

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
