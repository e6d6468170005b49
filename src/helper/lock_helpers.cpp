// bpf_spin_lock and bpf_spin_unlock: the lock is a word in a map's value; the verifier pairs them.

#include <array>

#include "abi/bpf.h"
#include "helper/families.h"
#include "map/value_copy.h"

namespace graft {
namespace {

uint64_t spin_lock(uint64_t lock, uint64_t, uint64_t, uint64_t, uint64_t) {
    ValueLock::lock(pointer_in<void>(lock));
    return 0;
}

uint64_t spin_unlock(uint64_t lock, uint64_t, uint64_t, uint64_t, uint64_t) {
    ValueLock::unlock(pointer_in<void>(lock));
    return 0;
}

constexpr auto rows = std::to_array<Helper>({
    {.id = BPF_FUNC_spin_lock, .name = "bpf_spin_lock", .function = spin_lock, .ret = Ret::nothing, .args = {Arg::spin_lock}},
    {.id = BPF_FUNC_spin_unlock, .name = "bpf_spin_unlock", .function = spin_unlock, .ret = Ret::nothing, .args = {Arg::spin_lock}},
});

}  // namespace

std::span<const Helper> lock_helpers() { return rows; }

}  // namespace graft
