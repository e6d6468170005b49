#include "client/rlimit_traps.h"

#include <sys/resource.h>
#include <sys/syscall.h>

#include <algorithm>

namespace graft::client {
namespace {

// What the client asks for, as far as the host lets it go without privilege.
Outcome raise(Trap& trap, uint64_t wanted_at, uint64_t old_at) {
    const Result<rlimit64> wanted = trap.read_value<rlimit64>(wanted_at);
    if (!wanted.ok() || wanted->rlim_cur > wanted->rlim_max) return Outcome::proceed();  // the host says what is wrong
    rlimit64 old{};
    if (prlimit64(trap.tid(), RLIMIT_MEMLOCK, nullptr, &old) != 0 || !trap.valid()) return Outcome::proceed();
    if (wanted->rlim_max <= old.rlim_max) return Outcome::proceed();
    const rlimit64 possible{std::min(wanted->rlim_cur, old.rlim_max), old.rlim_max};
    if (prlimit64(trap.tid(), RLIMIT_MEMLOCK, &*wanted, nullptr) != 0 && prlimit64(trap.tid(), RLIMIT_MEMLOCK, &possible, nullptr) != 0)
        return Outcome::proceed();
    if (old_at != 0) {
        if (const Result<void> written = trap.write_value(old_at, old); !written.ok()) return Outcome::error(written.error());
    }
    return Outcome::value(0);
}

}  // namespace

std::vector<TrapRow> rlimit_traps() {
    TrapRow set, change;
    set.number = SYS_setrlimit;
    set.when = {argument_is(0, RLIMIT_MEMLOCK)};
    set.handle = [](const std::shared_ptr<Trap>& trap) { return raise(*trap, trap->argument(1), 0); };
    change.number = SYS_prlimit64;
    // Of the caller itself; who only asks gives no limits.
    change.when = {argument_is(0, 0), argument_is(1, RLIMIT_MEMLOCK)};
    change.handle = [](const std::shared_ptr<Trap>& trap) {
        return trap->argument(2) == 0 ? Outcome::proceed() : raise(*trap, trap->argument(2), trap->argument(3));
    };
    return {std::move(set), std::move(change)};
}

}  // namespace graft::client
