// ProgramTimers: enters programs for the timers of maps.
//
// A timer runs the function that it was given in the program's image of that moment: what traces it then, traces it.
#pragma once

#include "base/cpus.h"
#include "helper/trace_buffer.h"
#include "map/timers.h"

namespace graft {

class ProgramTimers final : public TimerRunner {
public:
    ProgramTimers(Cpus& cpus, TraceBuffer& trace) : cpus_(cpus), trace_(trace) {}
    TimerCallee keep(const Callback& callback) override;
    void run_due(Timers& timers) override;

private:
    Cpus& cpus_;
    TraceBuffer& trace_;
};

}  // namespace graft
