// libbpf on graft in this process, or on the host's kernel: objects, links and runs, and how long they take.
//
// One thread.  What fails ends the benchmark with a line that says why; only the host may be without bpf.
#pragma once

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "client/in_process.h"
#include "syscall/kernel.h"
#include "xdp/prog_dispatcher.h"

namespace bench {

[[noreturn]] inline void give_up(const std::string& what) {
    fmt::print(stderr, "{}: {}\n", what, std::strerror(errno));
    std::exit(1);
}

struct CloseObject {
    void operator()(bpf_object* object) const { bpf_object__close(object); }
};
using Object = std::unique_ptr<bpf_object, CloseObject>;

// Where bpf(2) goes.
class System {
public:
    // engine: null: the host's kernel.
    explicit System(const char* engine) : name_(engine == nullptr ? "host kernel" : engine) {
        if (engine == nullptr) return;
        setenv("GRAFT_ENGINE", engine, 1);
        auto made = graft::Kernel::create();
        if (!made.ok()) give_up(made.error().reason);
        kernel_ = std::move(made).value();
        auto way = graft::client::InProcess::create(graft::client::bpf_of(*kernel_));
        if (!way.ok()) give_up(way.error().reason);
        way_ = std::move(way).value();
    }
    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] bool is_graft() const { return kernel_ != nullptr; }
    void enter() const { graft::client::route_bpf_to(way_.get()); }

private:
    std::string name_;
    std::unique_ptr<graft::Kernel> kernel_;
    std::unique_ptr<graft::client::InProcess> way_;
};

inline Object open(const std::string& path) {
    Object object(bpf_object__open_file(path.c_str(), nullptr));
    if (!object) give_up(path);
    return object;
}
inline Object own(const char* name) { return open(std::string(GRAFT_BPF_DIR "/") + name + ".bpf.o"); }

inline bpf_program* program(const Object& object, const char* name) {
    bpf_program* const found = bpf_object__find_program_by_name(object.get(), name);
    if (found == nullptr) give_up(name);
    return found;
}
inline int fd(const Object& object, const char* name) { return bpf_program__fd(program(object, name)); }

// libxdp's dispatcher with `slots` slots in use, members and stubs that pass on; loaded.  Null: the system refuses it.
inline Object load_dispatcher(uint32_t slots) {
    Object object = open(GRAFT_XDP_DISPATCHER);
    xdp_dispatcher_config config{};
    config.magic = XDP_DISPATCHER_MAGIC;
    config.dispatcher_version = XDP_DISPATCHER_VERSION;
    config.num_progs_enabled = static_cast<uint8_t>(slots);
    for (uint32_t& actions : config.chain_call_actions) actions = 1U << 2 | 1U << XDP_DISPATCHER_RETVAL;  // XDP_PASS
    bpf_map* const rodata = bpf_object__find_map_by_name(object.get(), ".rodata");
    if (rodata == nullptr || bpf_map__set_initial_value(rodata, &config, sizeof config) != 0) give_up("the dispatcher's configuration");
    return bpf_object__load(object.get()) == 0 ? std::move(object) : nullptr;
}

// Verified against function `at` of a program.
inline Object load_against(const char* file, const char* name, int target, const char* at) {
    Object object = own(file);
    if (bpf_program__set_attach_target(program(object, name), target, at) != 0 || bpf_object__load(object.get()) != 0) give_up(file);
    return object;
}

using Nanoseconds = double;

inline Nanoseconds time_of(const std::function<void()>& work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count();
}

struct RunTime {
    Nanoseconds wall = 0;    // of one run, the call's share included
    Nanoseconds inside = 0;  // as the system says, in whole nanoseconds
};

inline RunTime time_of_run(int program_fd, int repeat) {
    char frame[64] = {};
    LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = sizeof frame, .repeat = repeat);
    int failed = 0;
    const Nanoseconds time = time_of([&] { failed = bpf_prog_test_run_opts(program_fd, &options); });
    if (failed != 0 || options.retval != 2) give_up("BPF_PROG_TEST_RUN");
    return {time / repeat, static_cast<Nanoseconds>(options.duration)};
}

}  // namespace bench
