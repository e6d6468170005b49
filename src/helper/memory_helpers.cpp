// bpf_probe_read_kernel and its relatives: the kernel that programs look into is this process.

#include <array>
#include <cstring>

#include "abi/bpf.h"
#include "helper/checked_read.h"
#include "helper/client_calls.h"
#include "helper/families.h"
#include "helper/kfuncs.h"
#include "helper/run_context.h"

namespace graft {
namespace {

uint64_t probe_read_kernel(uint64_t to, uint64_t size, uint64_t from, uint64_t, uint64_t) {
    const MutableBytes into(pointer_in<std::byte>(to), static_cast<uint32_t>(size));
    if (checked_read(from, into)) return 0;
    std::memset(into.data(), 0, into.size());
    return answer(-EFAULT);
}

uint64_t probe_read_kernel_str(uint64_t to, uint64_t size, uint64_t from, uint64_t, uint64_t) {
    const MutableBytes into(pointer_in<std::byte>(to), static_cast<uint32_t>(size));
    const int64_t length = checked_read_string(from, into);
    if (length < 0) std::memset(into.data(), 0, into.size());
    return answer(length);
}

// A run on behalf of a client has its memory; other programs run on graft's threads, which have no user.
uint64_t copy_from_user(uint64_t to, uint64_t size, uint64_t from, uint64_t, uint64_t) {
    const MutableBytes into(pointer_in<std::byte>(to), static_cast<uint32_t>(size));
    ClientCalls* const client = current_run()->client;
    if (into.empty() || (client != nullptr && client->read(from, into))) return 0;
    std::memset(into.data(), 0, into.size());
    return answer(-EFAULT);
}

// The thread that runs a program has no user.
uint64_t no_user(uint64_t to, uint64_t size, uint64_t, uint64_t, uint64_t) {
    std::memset(pointer_in<std::byte>(to), 0, static_cast<uint32_t>(size));
    return answer(size == 0 ? 0 : -EFAULT);
}
constexpr const char* nobodys_memory = "answers -EFAULT: programs run on graft's threads, which have no user";

constexpr auto rows = std::to_array<Helper>({
    {.id = BPF_FUNC_probe_read_str,
     .name = "bpf_probe_read_str",
     .function = probe_read_kernel_str,
     .args = {Arg::mem_write, Arg::const_size_or_zero, Arg::anything},
     .gpl_only = true},
    {.id = BPF_FUNC_probe_read,
     .name = "bpf_probe_read",
     .function = probe_read_kernel,
     .args = {Arg::mem_write, Arg::const_size_or_zero, Arg::anything},
     .gpl_only = true},
    {.id = BPF_FUNC_probe_read_kernel,
     .name = "bpf_probe_read_kernel",
     .function = probe_read_kernel,
     .args = {Arg::mem_write, Arg::const_size_or_zero, Arg::anything},
     .gpl_only = true},
    {.id = BPF_FUNC_probe_read_kernel_str,
     .name = "bpf_probe_read_kernel_str",
     .function = probe_read_kernel_str,
     .args = {Arg::mem_write, Arg::const_size_or_zero, Arg::anything},
     .gpl_only = true},
    {.id = BPF_FUNC_probe_read_user,
     .name = "bpf_probe_read_user",
     .function = no_user,
     .args = {Arg::mem_write, Arg::const_size_or_zero, Arg::anything},
     .gpl_only = true,
     .partly = nobodys_memory},
    {.id = BPF_FUNC_probe_read_user_str,
     .name = "bpf_probe_read_user_str",
     .function = no_user,
     .args = {Arg::mem_write, Arg::const_size_or_zero, Arg::anything},
     .gpl_only = true,
     .partly = nobodys_memory},
    {.id = BPF_FUNC_copy_from_user,
     .name = "bpf_copy_from_user",
     .function = copy_from_user,
     .args = {Arg::mem_write, Arg::const_size_or_zero, Arg::anything},
     .might_sleep = true,
     .partly = "answers -EFAULT but in BPF_PROG_TEST_RUN, whose client's memory it reads"},
});

uint64_t copy_from_user_str(uint64_t to, uint64_t size, uint64_t, uint64_t flags, uint64_t) {
    constexpr uint64_t pad_zeros = 1;  // BPF_F_PAD_ZEROS, after 6.1
    if ((flags & ~pad_zeros) != 0) return answer(-EINVAL);
    return no_user(to, size, 0, 0, 0);
}

constexpr auto kfunc_rows = std::to_array<Helper>({
    {.id = user_kfunc,
     .name = "bpf_copy_from_user_str",
     .function = copy_from_user_str,
     .args = {Arg::mem_write, Arg::const_size_or_zero, Arg::anything, Arg::scalar},
     .might_sleep = true,
     .partly = nobodys_memory},
});

}  // namespace

std::span<const Helper> user_kfuncs() { return kfunc_rows; }

std::span<const Helper> memory_helpers() { return rows; }

}  // namespace graft
