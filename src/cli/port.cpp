// graft port list [--json]
#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/status_of_kernel.h"
#include "cli/verbs.h"

namespace graft::cli {
namespace {

using nlohmann::json;

void print_counters(const json& end) {
    std::printf("  %s: %llu frames came in", end.value("name", "?").c_str(), end.value("frames", 0ULL));
    const json verdicts = end.value("verdicts", json::object());
    for (const auto& [verdict, count] : verdicts.items()) {
        if (count != 0) std::printf(", %llu %s", count.get<unsigned long long>(), verdict.c_str());
    }
    std::printf("; %llu delivered\n", end.value("delivered", 0ULL));
}

int list(bool as_json) {
    Result<json> status = fetch_status();
    if (!status.ok() && status.code() != ENOENT) return complain(status.error());
    if (!status.ok() && !as_json) {
        std::puts("no graft kernel is running");
        return 0;
    }
    if (!status.ok()) status = json::object();
    const json ports = status->value("ports", json::array());
    if (as_json) {
        std::puts(ports.dump(2).c_str());
        return 0;
    }
    for (const json& port : ports) {
        print_port(port);
        for (const json& end : port.value("ends", json::array())) print_counters(end);
    }
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
