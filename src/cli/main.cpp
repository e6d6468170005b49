// graft: the tool.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstring>

#include "cli/verbs.h"

namespace graft::cli {

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
    CLI::App app{"The BPF subsystem of Linux in user space: unmodified BPF programs and their tools run on it."};
    app.name("graft");
    app.require_subcommand(1);
    int status = 0;
    for (const auto add : {add_run, add_shell, add_up, add_down, add_status, add_port, add_version, add_daemon}) add(app, status);
    CLI11_PARSE(app, argc, argv);
    return status;
}
