#include "link/perf_event.h"

namespace graft {

PerfEventLink::~PerfEventLink() {
    if (attached_) tracepoints_.detach(*event_);
}

Result<Ref<Link>> attach_perf_event(Ref<Program> program, Ref<TraceEvent> event, Tracepoints& tracepoints, IdTable<Link>& ids) {
    if (program->facts().type != BPF_PROG_TYPE_TRACEPOINT)
        return fail(EINVAL, "the event is a tracepoint, and the program is not for those");
    auto link = make_ref<PerfEventLink>(program, event, tracepoints);
    TRY(tracepoints.attach(*event, std::move(program)));
    link->attached_ = true;
    link->register_in(ids);
    return Ref<Link>(std::move(link));
}

}  // namespace graft
