// graft port list [--json]
#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/status_of_kernel.h"
#include "cli/verbs.h"

namespace graft::cli {
namespace {

using nlohmann::json;

int list(bool as_json) {
    Result<json> status = fetch_status();
    if (!status.ok()) return complain(status.error());
    const json ports = status->value("ports", json::array());
    if (as_json) {
        std::puts(ports.dump(2).c_str());
        return 0;
    }
    for (const json& port : ports) std::puts(port.dump().c_str());
    return 0;
}

}  // namespace

void add_port(CLI::App& app, int& status) {
    CLI::App* noun = app.add_subcommand("port", "Packet ports");
    noun->require_subcommand(1);
    CLI::App* verb = noun->add_subcommand("list", "List the ports and what they have moved");
    const auto as_json = std::make_shared<bool>(false);
    verb->add_flag("--json", *as_json, "For scripts");
    verb->callback([as_json, &status] { status = list(*as_json); });
}

}  // namespace graft::cli
