// graft run [--private] [--net own|host] [--explain] -- CMD...
#include <CLI/CLI.hpp>
#include <map>

#include "cli/client_process.h"
#include "cli/verbs.h"

namespace graft::cli {

void add_run(CLI::App& app, int& status) {
    const auto options = std::make_shared<RunOptions>();
    CLI::App* verb = app.add_subcommand("run", "Run a command on your graft kernel, which is started when there is none");
    verb->add_flag("--private", options->private_kernel, "On a kernel of its own that ends with the command");
    const std::map<std::string, client::Network> networks = {{"own", client::Network::own}, {"host", client::Network::host}};
    verb->add_option("--net", options->network, "The network namespace: graft's own (default), or the host's")
        ->transform(CLI::CheckedTransformer(networks))
        ->type_name("own|host");
    verb->add_flag("--explain", options->explain, "Say on standard error why a bpf(2) call failed");
    verb->add_option("command", options->command, "The command and its arguments")->required();
    verb->positionals_at_end();
    verb->callback([options, &status] { status = run(*options); });
}

}  // namespace graft::cli
