// BPF_ENABLE_STATS: programs count their runs while the descriptor that it gives is open.

#include "syscall/command.h"

namespace graft::command {
namespace {

class Statistics final : public Object {
public:
    explicit Statistics(std::atomic<uint32_t>& users) : Object(ObjectKind::statistics), users_(users) { ++users_; }
    ~Statistics() override { --users_; }

private:
    std::atomic<uint32_t>& users_;
};

}  // namespace

Result<Reply> enable_stats(Kernel& kernel, Caller&, const Attr& attr) {
    if (attr->enable_stats.type != BPF_STATS_RUN_TIME) return fail(EINVAL, "unknown kind of statistics");
    return Reply(make_ref<Statistics>(kernel.statistics_users));
}

}  // namespace graft::command
