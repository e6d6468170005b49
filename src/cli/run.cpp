// graft run [--private] [--net own|host] [--explain] -- CMD...
#include <CLI/CLI.hpp>

#include "cli/client_process.h"
#include "cli/verbs.h"

namespace graft::cli {

void add_run(CLI::App& app, int& status) {
    const auto options = std::make_shared<RunOptions>();
    CLI::App* verb = app.add_subcommand("run", "Run a command on your graft kernel,\nwhich is started when there is none");
    verb->add_flag("--private", options->private_kernel, "On a kernel of its own that ends with the command");
    verb->add_option_function<std::string>(
            "--net",
            [options](const std::string& name) { options->network = name == "host" ? client::Network::host : client::Network::own; },
            "The network namespace: graft's own (default), or the host's")
        ->check([](const std::string& name) { return name == "own" || name == "host" ? "" : "it is 'own' or 'host', not '" + name + "'"; })
        ->type_name("own|host");
    verb->add_flag("--explain", options->explain, "Say on standard error why a bpf(2) call failed");
    verb->add_option("command", options->command, "The command and its arguments");
    verb->positionals_at_end();
    verb->callback([options, &status] {
        if (options->command.empty()) {
            complain("no command to run: 'graft run -- CMD' runs CMD, 'graft shell' your shell");
            status = graft_failed;
        } else {
            status = run(*options);
        }
    });
}

}  // namespace graft::cli
