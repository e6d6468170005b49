// PerfEventLink: a program at an event that perf_event_open(2) has opened (BPF_LINK_TYPE_PERF_EVENT): tracepoints of graft's own.
#pragma once

#include "hook/tracepoints.h"
#include "link/link.h"

namespace graft {

class PerfEventLink final : public Link {
public:
    PerfEventLink(Ref<Program> program, Ref<TraceEvent> event, Tracepoints& tracepoints)
        : Link(BPF_LINK_TYPE_PERF_EVENT, std::move(program)), event_(std::move(event)), tracepoints_(tracepoints) {}
    ~PerfEventLink() override;

    // bpf_link_info has nothing of such a link in the headers of 6.1: what 6.12 adds is left out.
    Result<void> fill_info(Caller&, bpf_link_info&) const override { return {}; }

private:
    friend Result<Ref<Link>> attach_perf_event(Ref<Program>, Ref<TraceEvent>, Tracepoints&, IdTable<Link>&);
    const Ref<TraceEvent> event_;
    Tracepoints& tracepoints_;
    bool attached_ = false;  // set before anybody else sees the link
};

// EINVAL: the program is not for tracepoints; EEXIST, E2BIG as Tracepoints::attach().
Result<Ref<Link>> attach_perf_event(Ref<Program> program, Ref<TraceEvent> event, Tracepoints& tracepoints, IdTable<Link>& ids);

}  // namespace graft
