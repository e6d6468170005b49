// Statistics: while one is alive, programs count their runs, and chains what each of their members does (program/member_counters.h).
//
// What BPF_ENABLE_STATS gives a client, and `graft stats on` the kernel's own.  Must not outlive the Kernel.
#pragma once

#include "base/ref.h"
#include "base/result.h"
#include "object/object.h"
#include "syscall/kernel.h"

namespace graft {

class Statistics final : public Object {
public:
    // ENOMEM: images that count could not be linked.
    static Result<Ref<Object>> start(Kernel& kernel);
    ~Statistics() override;

private:
    explicit Statistics(Kernel& kernel) : Object(ObjectKind::statistics), kernel_(kernel) {}
    Kernel& kernel_;
};

}  // namespace graft
