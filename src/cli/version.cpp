// graft version
#include <CLI/CLI.hpp>
#include <cstdio>

#include "cli/verbs.h"

namespace graft::cli {

void add_version(CLI::App& app, int&) {
    app.add_subcommand("version", "Print the version")->callback([] { std::puts("graft " GRAFT_VERSION); });
}

}  // namespace graft::cli
