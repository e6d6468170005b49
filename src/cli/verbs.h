// The verbs of the tool, one file each.  A verb adds itself to the command line and returns the exit status.
#pragma once

#include <string_view>

#include "base/result.h"

namespace CLI {
class App;
}

namespace graft::cli {

void add_run(CLI::App& app, int& status);
void add_shell(CLI::App& app, int& status);
void add_up(CLI::App& app, int& status);
void add_down(CLI::App& app, int& status);
void add_status(CLI::App& app, int& status);
void add_stats(CLI::App& app, int& status);
void add_trace(CLI::App& app, int& status);
void add_apply(CLI::App& app, int& status);
void add_port(CLI::App& app, int& status);
void add_version(CLI::App& app, int& status);
void add_daemon(CLI::App& app, int& status);

// One line on standard error; the exit status of a tool that failed.
int complain(const Error& error);
int complain(std::string_view text);

}  // namespace graft::cli
