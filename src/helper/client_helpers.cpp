// What programs do for the client that runs them: bpf(2), close, a look into the kernel's BTF.  Light skeletons load programs so.

#include <array>

#include "abi/bpf.h"
#include "helper/client_calls.h"
#include "helper/families.h"
#include "helper/run_context.h"

namespace graft {
namespace {

uint64_t sys_bpf(uint64_t command, uint64_t attr, uint64_t size, uint64_t, uint64_t) {
    switch (static_cast<uint32_t>(command)) {
        case BPF_MAP_CREATE:
        case BPF_MAP_UPDATE_ELEM:
        case BPF_MAP_DELETE_ELEM:
        case BPF_MAP_FREEZE:
        case BPF_MAP_GET_FD_BY_ID:
        case BPF_PROG_LOAD:
        case BPF_BTF_LOAD:
        case BPF_LINK_CREATE:
        case BPF_RAW_TRACEPOINT_OPEN:
            break;
        default:
            return answer(-EINVAL);
    }
    ClientCalls* const client = current_run()->client;
    if (client == nullptr) return answer(-EPERM);
    return answer(client->bpf(static_cast<uint32_t>(command), attr, static_cast<uint32_t>(size)));
}

uint64_t sys_close(uint64_t fd, uint64_t, uint64_t, uint64_t, uint64_t) {
    ClientCalls* const client = current_run()->client;
    return answer(client != nullptr ? client->close(static_cast<int>(fd)) : -EBADF);
}

uint64_t btf_find_by_name_kind(uint64_t name, uint64_t size, uint64_t kind, uint64_t flags, uint64_t) {
    const auto length = static_cast<uint32_t>(size);
    const char* const text = pointer_in<char>(name);
    if (static_cast<uint32_t>(flags) != 0 || length <= 1 || text[length - 1] != '\0') return answer(-EINVAL);
    ClientCalls* const client = current_run()->client;
    return answer(client != nullptr ? client->find_type(text, static_cast<uint32_t>(kind)) : -ENOENT);
}

constexpr auto rows = std::to_array<Helper>({
    {.id = BPF_FUNC_sys_bpf, .name = "bpf_sys_bpf", .function = sys_bpf, .args = {Arg::anything, Arg::mem_read, Arg::const_size}},
    {.id = BPF_FUNC_btf_find_by_name_kind,
     .name = "bpf_btf_find_by_name_kind",
     .function = btf_find_by_name_kind,
     .args = {Arg::mem_read, Arg::const_size, Arg::anything, Arg::anything}},
    {.id = BPF_FUNC_sys_close, .name = "bpf_sys_close", .function = sys_close, .args = {Arg::anything}},
});

}  // namespace

std::span<const Helper> client_helpers() { return rows; }

}  // namespace graft
