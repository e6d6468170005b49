// ProgramTimers: enters programs for the timers of maps.
//
// A timer runs the function that it was given in the program's image of that moment: what traces it then, traces it.
#pragma once

#include "helper/runtime.h"
#include "map/timers.h"

namespace graft {

class ProgramTimers final : public TimerRunner {
public:
    explicit ProgramTimers(Runtime& runtime) : runtime_(runtime) {}
    TimerCallee keep(const Callback& callback) override;
    void run_due(Timers& timers) override;

private:
    Runtime& runtime_;
};

}  // namespace graft
