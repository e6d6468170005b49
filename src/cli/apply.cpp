// graft apply [--detach LINK]... [--replace LINK,PROG]... [--attach PROG[,TARGET,FUNCTION],PIN]...
//
// Any number of changes of extension links, made together or not at all.  It is a client as any other: where it does not run on graft
// already (`graft shell`), it starts itself anew as `graft run` starts a command.
#include <sys/syscall.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>

#include "cli/client_process.h"
#include "cli/kernel_process.h"
#include "cli/link_change.h"
#include "cli/verbs.h"

namespace graft::cli {
namespace {

constexpr int wrong_usage = 2;

struct Options {
    std::vector<std::string> attach, detach, replace;  // as on the command line
    [[nodiscard]] size_t count() const { return attach.size() + detach.size() + replace.size(); }
};

std::vector<std::string> fields_of(std::string_view text) {
    std::vector<std::string> fields;
    for (;;) {
        const size_t end = text.find(',');
        fields.emplace_back(text.substr(0, end));
        if (end == std::string_view::npos) return fields;
        text.remove_prefix(end + 1);
    }
}

// What is wrong with an option's value, or nothing.
std::string wrong_fields(std::string_view option, std::string_view text, std::string_view wanted, std::initializer_list<size_t> counts) {
    const std::vector<std::string> fields = fields_of(text);
    const bool fits = std::find(counts.begin(), counts.end(), fields.size()) != counts.end();
    if (fits && std::find(fields.begin(), fields.end(), "") == fields.end()) return {};
    return std::string(option) + " takes " + std::string(wanted) + ", not '" + std::string(text) + "'";
}

std::string wrong(const Options& options) {
    if (options.count() == 0) return "nothing to change: give --attach, --detach or --replace; 'graft apply --help' tells more";
    std::string line;
    for (const std::string& text : options.detach) {
        if (line.empty()) line = wrong_fields("--detach", text, "LINK", {1});
    }
    for (const std::string& text : options.replace) {
        if (line.empty()) line = wrong_fields("--replace", text, "LINK,PROG", {2});
    }
    for (const std::string& text : options.attach) {
        if (line.empty()) line = wrong_fields("--attach", text, "PROG,TARGET,FUNCTION,PIN or PROG,PIN", {2, 4});
    }
    return line;
}

// What is taken away makes room for what comes.
bool make_steps(LinkChange& change, const Options& options, std::string& step) {
    for (const std::string& text : options.detach) {
        step = "--detach " + text;
        if (!change.detach(text)) return false;
    }
    for (const std::string& text : options.replace) {
        step = "--replace " + text;
        const std::vector<std::string> fields = fields_of(text);
        if (!change.replace(fields[0], fields[1])) return false;
    }
    for (const std::string& text : options.attach) {
        step = "--attach " + text;
        const std::vector<std::string> fields = fields_of(text);
        const bool elsewhere = fields.size() == 4;
        if (!change.attach({fields[0], elsewhere ? fields[1] : "", elsewhere ? fields[2] : "", fields.back()})) return false;
    }
    step.clear();
    return change.commit();
}

int change_links(const Options& options) {
    LinkChange change;
    std::string step;
    if (change.open() && make_steps(change, options, step)) return EXIT_SUCCESS;
    return complain("nothing was changed: " + (step.empty() ? "" : step + ": ") + change.failure());
}

int become_client(const Options& options) {
    if (const Result<Fd> running = connect_to_running(); !running.ok())
        return running.code() == ENOENT ? complain("no graft kernel is running") : complain(running.error());
    RunOptions client;
    client.command = {"/proc/self/exe", "apply"};
    for (const std::string& text : options.detach) client.command.push_back("--detach=" + text);
    for (const std::string& text : options.replace) client.command.push_back("--replace=" + text);
    for (const std::string& text : options.attach) client.command.push_back("--attach=" + text);
    return run(client);
}

int apply(const Options& options) {
    if (const std::string line = wrong(options); !line.empty()) {
        complain(line);
        return wrong_usage;
    }
    return LinkChange::is_possible_here() ? change_links(options) : become_client(options);
}

}  // namespace

void add_apply(CLI::App& app, int& status) {
    const auto options = std::make_shared<Options>();
    CLI::App* verb =
        app.add_subcommand("apply",
                           "Change any number of extension links at once, or none:\npackets see all of the changes or nothing of them.\n"
                           "PROG, TARGET and LINK are a pin's path or id:N.");
    const auto add = [verb](const char* name, std::vector<std::string>& values, const char* type, const char* text) {
        verb->add_option(name, values, text)->allow_extra_args(false)->type_name(type);
    };
    add("--attach", options->attach, "PROG,TARGET,FUNCTION,PIN",
        "Put PROG in the place of FUNCTION of TARGET, by a link\npinned at PIN. PROG,PIN: of what it was loaded for");
    add("--detach", options->detach, "LINK", "Take away what LINK attaches; a pin that is named goes");
    add("--replace", options->replace, "LINK,PROG", "Put PROG in the place of the program of LINK");
    verb->callback([options, &status] { status = apply(*options); });
}

}  // namespace graft::cli
