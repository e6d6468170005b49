// graft daemon: the kernel's process itself; started by run and up, not by hand.
#include <CLI/CLI.hpp>

#include "cli/verbs.h"
#include "daemon/daemon.h"

namespace graft::cli {

void add_daemon(CLI::App& app, int& status) {
    const auto options = std::make_shared<daemon::DaemonOptions>();
    CLI::App* verb = app.add_subcommand("daemon", "")->group("");
    verb->add_option("--ready", options->ready)->required();
    verb->add_option("--control", options->control);
    verb->callback([options, &status] { status = daemon::run_daemon(*options); });
}

}  // namespace graft::cli
