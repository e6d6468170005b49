// BPF_ENABLE_STATS: programs count their runs while the descriptor that it gives is open.  Unlike on Linux extensions do so too.

#include "syscall/command.h"
#include "syscall/statistics.h"

namespace graft {

Result<Ref<Object>> Statistics::start(Kernel& kernel) {
    TRY(kernel.targets.start_counting());
    ++kernel.run_state.statistics_users;
    return Ref<Object>::adopt(new Statistics(kernel));
}

Statistics::~Statistics() {
    --kernel_.run_state.statistics_users;
    kernel_.targets.stop_counting();
}

namespace command {

Result<Reply> enable_stats(Kernel& kernel, Caller&, const Attr& attr) {
    if (attr->enable_stats.type != BPF_STATS_RUN_TIME) return fail(EINVAL, "unknown kind of statistics");
    return Reply(TRY(Statistics::start(kernel)));
}

}  // namespace command
}  // namespace graft
