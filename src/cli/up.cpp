// graft up: the user's kernel runs from here on.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "cli/kernel_process.h"
#include "cli/verbs.h"

namespace graft::cli {

void add_up(CLI::App& app, int& status) {
    app.add_subcommand("up", "Start your graft kernel, when it does not run yet")->callback([&status] {
        const Connected connected = connect_or_start();
        if (connected.complaint) {
            status = complain(connected.complaint.text);
            return;
        }
        std::puts(connected.started ? "started" : "already running");
    });
}

}  // namespace graft::cli
