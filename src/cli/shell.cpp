// graft shell: run, of the user's shell.
#include <CLI/CLI.hpp>
#include <cstdlib>

#include "cli/client_process.h"
#include "cli/verbs.h"

namespace graft::cli {

void add_shell(CLI::App& app, int& status) {
    app.add_subcommand("shell", "Start your shell on your graft kernel")->callback([&status] {
        const char* shell = std::getenv("SHELL");
        RunOptions options;
        options.command = {shell != nullptr && *shell != '\0' ? shell : "/bin/sh"};
        status = run(options);
    });
}

}  // namespace graft::cli
