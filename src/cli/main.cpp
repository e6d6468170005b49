// graft: the tool.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>

#include "cli/client_process.h"
#include "cli/verbs.h"

namespace graft::cli {
namespace {

constexpr int wrong_usage = 2;
constexpr size_t help_column = 20;  // where descriptions begin; their lines end at 80

std::string verbs_of(const CLI::App& app) {
    std::string names;
    for (const CLI::App* verb : app.get_subcommands([](const CLI::App* candidate) { return !candidate->get_group().empty(); }))
        names += (names.empty() ? "" : ", ") + verb->get_name();
    return names;
}

// The first word that the command line had too much of.
std::string unexpected_word(const CLI::App& app) {
    for (const std::string& word : app.remaining(true)) {
        if (word != "--") return word;
    }
    return {};
}

// One line: what is wrong, and what would be right.  CLI11 sees a missing verb first where a wrong one stands.
int complain_of_usage(const CLI::App& app, const CLI::ParseError& error) {
    const CLI::App* deepest = &app;
    std::string name = "graft";
    while (deepest->remaining().empty() && !deepest->get_subcommands().empty()) {
        deepest = deepest->get_subcommands().front();
        name += " " + deepest->get_name();
    }
    const std::string word = unexpected_word(app), verbs = verbs_of(*deepest), help = "'" + name + " --help' tells more";
    if (!word.empty() && word.front() == '-') {
        complain("unknown option '" + word + "'; " + help);
    } else if (!verbs.empty()) {
        complain((word.empty() ? "no verb given" : "unknown verb '" + word + "'") + "; " + name + " takes one of: " + verbs);
    } else if (!word.empty()) {
        complain("'" + word + "' is one word too many; " + help);
    } else {
        complain(std::string(error.what()) + "; " + help);
    }
    return name == "graft run" ? graft_failed : wrong_usage;
}

// What was printed has arrived, or the tool has failed.
int with_output_written(int status) {
    if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return status;
    const int failed = complain(fail(errno, "cannot write to the standard output"));
    return status == EXIT_SUCCESS ? failed : status;
}

}  // namespace

int complain(const Error& error) {
    const char* reason = error.reason != nullptr ? error.reason : "failed";
    std::fprintf(stderr, "graft: %s: %s\n", reason, std::strerror(error.code));
    return EXIT_FAILURE;
}

int complain(std::string_view text) {
    std::fprintf(stderr, "graft: %.*s\n", static_cast<int>(text.size()), text.data());
    return EXIT_FAILURE;
}

}  // namespace graft::cli

int main(int argc, char** argv) {
    using namespace graft::cli;
    CLI::App app{"The BPF subsystem of Linux in user space:\nunmodified BPF programs and their tools run on it."};
    app.name("graft");
    app.get_formatter()->column_width(help_column);
    app.set_version_flag("--version", "graft " GRAFT_VERSION, "Print the version and exit");
    app.require_subcommand(1);
    int status = 0;
    for (const auto add :
         {add_run, add_shell, add_up, add_down, add_status, add_stats, add_trace, add_apply, add_port, add_version, add_daemon})
        add(app, status);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        // Asked for help, or wrong.
        if (error.get_exit_code() != static_cast<int>(CLI::ExitCodes::Success)) return complain_of_usage(app, error);
        status = app.exit(error);
        std::cout.flush();
    }
    return with_output_written(status);
}
