// Tracepoints: events in graft's own kernel, as Linux names them, and the programs on them.
//
// A client finds an event's id in tracefs, opens it with perf_event_open(2), and attaches a program to it by a link.  Thread safety: any
// thread; an event runs its programs in the thread in which it happens.  Errno of attach(): EEXIST: this event has a program; E2BIG.
#pragma once

#include <cstdint>
#include <mutex>
#include <span>
#include <string_view>
#include <vector>

#include "helper/runtime.h"
#include "object/object.h"
#include "program/program.h"

namespace graft {

struct Tracepoint {
    uint32_t id;
    const char* system;
    const char* name;
    const char* format;  // of its record, as tracefs tells it
};
[[nodiscard]] std::span<const Tracepoint> tracepoints();
[[nodiscard]] const Tracepoint* find_tracepoint(uint64_t id);

// What perf_event_open gives for one.
class TraceEvent final : public Object {
public:
    explicit TraceEvent(const Tracepoint& tracepoint) : Object(ObjectKind::trace_event), tracepoint_(tracepoint) {}
    [[nodiscard]] const Tracepoint& tracepoint() const { return tracepoint_; }

private:
    const Tracepoint& tracepoint_;
};

class Tracepoints {
public:
    explicit Tracepoints(Runtime& runtime) : runtime_(runtime) {}

    Result<void> attach(const TraceEvent& event, Ref<Program> program);
    void detach(const TraceEvent& event);

    // xdp:bpf_xdp_link_attach_failed: an XDP link could not be made, and why.
    void xdp_link_attach_failed(std::string_view message);

private:
    struct Attached {
        const TraceEvent* event;
        Ref<Program> program;
    };
    // `record`: what the programs get as their context.
    void run(uint32_t tracepoint, std::span<std::byte> record);

    Runtime& runtime_;
    std::mutex lock_;
    std::vector<Attached> attached_;  // in the order in which they came
};

}  // namespace graft
