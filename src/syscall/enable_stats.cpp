// BPF_ENABLE_STATS: programs count their runs while the descriptor that it gives is open.  Unlike on Linux extensions do so too.

#include "syscall/command.h"

namespace graft::command {
namespace {

class Statistics final : public Object {
public:
    explicit Statistics(Kernel& kernel) : Object(ObjectKind::statistics), kernel_(kernel) { ++kernel_.run_state.statistics_users; }
    ~Statistics() override {
        --kernel_.run_state.statistics_users;
        kernel_.targets.stop_counting();
    }

private:
    Kernel& kernel_;
};

}  // namespace

Result<Reply> enable_stats(Kernel& kernel, Caller&, const Attr& attr) {
    if (attr->enable_stats.type != BPF_STATS_RUN_TIME) return fail(EINVAL, "unknown kind of statistics");
    TRY(kernel.targets.start_counting());
    return Reply(make_ref<Statistics>(kernel));
}

}  // namespace graft::command
