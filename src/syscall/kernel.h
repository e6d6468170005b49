// Kernel: one BPF kernel.  Owns everything; several may live in one process.
//
// bpf() is the bpf(2) system call.  Thread safety: every method may be called from any thread; a slow command (a long verification, a long
// TEST_RUN) delays no other.  Objects given to a client must be gone before the Kernel is destroyed; the destructor waits for deferred
// frees.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "btf/btf.h"
#include "helper/runtime.h"
#include "hook/program_timers.h"
#include "hook/tracepoints.h"
#include "hook/xdp.h"
#include "image/target_registry.h"
#include "link/cgroup.h"
#include "link/link.h"
#include "map/map.h"
#include "object/caller.h"
#include "object/id_table.h"
#include "program/program.h"

namespace graft {

// What a command answers: a number, or an object for which the caller's side makes a descriptor (its number is then the return value).
struct Reply {
    int64_t value = 0;
    Ref<Object> object;
    bool readable = true;  // of the new descriptor: BPF_F_WRONLY, BPF_F_RDONLY
    bool writable = true;

    Reply() = default;
    Reply(int64_t number) : value(number) {}
    Reply(Ref<Object> fresh) : object(std::move(fresh)) {}
};

class Kernel {
public:
    // EINVAL: the environment's GRAFT_ENGINE names no engine.
    static Result<std::unique_ptr<Kernel>> create();
    static Result<std::unique_ptr<Kernel>> create(const Engine& engine);
    ~Kernel();
    Kernel(const Kernel&) = delete;
    Kernel& operator=(const Kernel&) = delete;

    // bpf(cmd, attr, size) of `caller`.  errno as Linux 6.12.
    Result<Reply> bpf(Caller& caller, int command, uint64_t attr_address, uint32_t size);

    // Ids; objects register themselves.
    IdTable<Map> maps;
    IdTable<Btf> btfs;
    IdTable<Program> programs;
    IdTable<Link> links;

    Runtime runtime;
    const Engine& engine;
    RunState run_state;
    TargetRegistry targets{engine, run_state};
    XdpDevices xdp;
    CgroupAttachments cgroups;
    Tracepoints tracepoints{runtime};
    ProgramTimers timer_runner{runtime};
    Timers timers{timer_runner};
    Ref<Btf> vmlinux_btf;

private:
    explicit Kernel(const Engine& chosen) : engine(chosen) {}
};

}  // namespace graft
