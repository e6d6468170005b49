// graft trace
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cerrno>
#include <cstdlib>

#include "cli/kernel_process.h"
#include "cli/verbs.h"
#include "daemon/control.h"

namespace graft::cli {
namespace {

int copy(int from) {
    std::array<char, 1 << 16> text;
    for (;;) {
        const ssize_t length = read(from, text.data(), text.size());
        if (length == 0) return EXIT_SUCCESS;  // the kernel has ended
        if (length < 0 && errno == EINTR) continue;
        if (length < 0) return complain(fail(errno, "cannot read what programs print"));
        for (ssize_t written = 0; written < length;) {
            const ssize_t count = write(STDOUT_FILENO, text.data() + written, static_cast<size_t>(length - written));
            if (count < 0) return complain(fail(errno, "cannot write to the standard output"));
            written += count;
        }
    }
}

int trace() {
    const std::optional<client::Message> answer = ask_running(daemon::Verb::trace);
    return answer && !answer->descriptors.empty() ? copy(answer->descriptors.front().get()) : EXIT_FAILURE;
}

}  // namespace

void add_trace(CLI::App& app, int& status) {
    CLI::App* verb =
        app.add_subcommand("trace", "Print what programs print (bpf_printk), line by line,\nuntil it is interrupted or the kernel ends");
    verb->callback([&status] { status = trace(); });
}

}  // namespace graft::cli
