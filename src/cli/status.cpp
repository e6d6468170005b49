// graft status [--json]
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/kernel_process.h"
#include "cli/status_of_kernel.h"
#include "cli/verbs.h"
#include "client/launch.h"
#include "daemon/control.h"

namespace graft::cli {
namespace {

using nlohmann::json;

// ", 12 runs of 80 ns, 10 drop, 2 pass"; empty: nothing was counted.
std::string counters_text(const json& counters) {
    const auto runs = counters.value("runs", 0ULL);
    if (runs == 0) return {};
    std::string text = ", " + std::to_string(runs) + (runs == 1 ? " run of " : " runs of ") +
                       std::to_string(counters.value("time_ns", 0ULL) / runs) + " ns";
    const json verdicts = counters.value("verdicts", json::object());
    for (const auto& [verdict, count] : verdicts.items()) {
        if (count != 0) text += ", " + std::to_string(count.get<unsigned long long>()) + " " + verdict;
    }
    return text;
}

// "xdp_dispatcher (id 5) [prog0 = xdp_pass (id 2), fentry prog0: tracer (id 7)]"; what is attached to a member, behind it in the same way.
std::string chain_text(const json& member) {
    const std::string counters = counters_text(member.value("counters", json::object()));
    std::string text = member.value("name", "?") + " (id " + std::to_string(member.value("program_id", 0)) + counters + ")", members;
    for (const json& inner : member.value("chain", json::array())) {
        const std::string kind = inner.value("kind", "freplace"), function = inner.value("function", "?");
        members += members.empty() ? "" : ", ";
        members += (kind == "freplace" ? function + " = " : kind + " " + function + ": ") + chain_text(inner);
    }
    return members.empty() ? text : text + " [" + members + "]";
}

std::string xdp_text(const json& end) {
    const json xdp = end.value("xdp", json());
    return xdp.is_object() ? xdp.value("mode", "?") + " XDP: " + chain_text(xdp) : "nothing attached";
}

// The other side may be of another version: what it does not say is left out.
void print(const json& status) {
    std::printf("kernel: version %s, process %d\n", status.value("version", "?").c_str(), status.value("pid", 0));
    const json objects = status.value("objects", json::object());
    std::printf("objects: %d programs, %d maps, %d links, %d BTFs; clients hold %d\n", objects.value("programs", 0),
                objects.value("maps", 0), objects.value("links", 0), objects.value("btfs", 0), objects.value("held_by_clients", 0));
    if (status.value("counting", false)) std::puts("counting: what each program and each member of a chain does");
    const json pins = status.value("pins", json::object());
    std::printf("pins: %d in %s\n", pins.value("count", 0), pins.value("directory", "nowhere").c_str());
    for (const json& client : status.value("clients", json::array()))
        std::printf("client: process %d, %s\n", client.value("pid", 0), client.value("command", "?").c_str());
    for (const json& port : status.value("ports", json::array())) print_port(port);
    for (const json& idle : status.value("xdp_without_packets", json::array()))
        std::printf("no port, no packets pass: %s (interface %d): %s\n", idle.value("name", "?").c_str(), idle.value("ifindex", 0),
                    xdp_text(idle).c_str());
    for (const json& missing : status.value("missing", json::array())) std::printf("missing: %s\n", missing.get<std::string>().c_str());
}

int show(bool as_json) {
    Result<json> status = fetch_status();
    if (!status.ok() && status.code() != ENOENT) return complain(status.error());
    if (!status.ok() && as_json) {
        std::puts(R"({"running":false})");
        return 0;
    }
    if (!status.ok()) {
        std::puts("no graft kernel is running");
        return 0;
    }
    if (as_json) {
        std::puts(status->dump(2).c_str());
    } else {
        print(*status);
    }
    return 0;
}

}  // namespace

void print_port(const json& port) {
    std::printf("port %d: %s\n", port.value("id", 0), port.value("kind", "?").c_str());
    for (const json& end : port.value("ends", json::array())) {
        const char* state = !end.value("up", false) ? "down" : end.value("carrier", false) ? "up" : "no carrier";
        std::printf("  %s (interface %d): %s, %s\n", end.value("name", "?").c_str(), end.value("ifindex", 0), state, xdp_text(end).c_str());
    }
}

Result<json> fetch_status() {
    const client::Message message = TRY(ask(daemon::Verb::status));
    const auto answer = read_at<daemon::Answer>(message.bytes, 0);
    if (answer && answer->error != 0) return fail(answer->error, "the kernel does not tell its status");
    struct stat file{};
    std::string text;
    if (message.descriptors.size() == 1 && fstat(message.descriptors[0].get(), &file) == 0) {
        text.resize(static_cast<size_t>(file.st_size));
        if (pread(message.descriptors[0].get(), text.data(), text.size(), 0) != file.st_size) text.clear();
    }
    json status = json::parse(text, nullptr, false);
    if (status.is_discarded()) return fail(EPROTO, "the kernel's status cannot be read; is it of another version?");
    return status;
}

void add_status(CLI::App& app, int& status) {
    CLI::App* verb = app.add_subcommand("status", "Show your graft kernel: objects, pins, clients, ports,\nand what is missing here");
    const auto as_json = std::make_shared<bool>(false);
    verb->add_flag("--json", *as_json, "For scripts");
    verb->callback([as_json, &status] { status = show(*as_json); });
}

}  // namespace graft::cli
