// The table of commands, by number.

#include "syscall/command.h"

namespace graft {
namespace {

// End of the last field of a command's part of union bpf_attr.
#define END_OF(field) static_cast<uint32_t>(offsetof(bpf_attr, field) + sizeof(bpf_attr::field))

// Ends of parts that grew after the system's header.
constexpr uint32_t map_create_end = 80;      // map_token_fd
constexpr uint32_t prog_load_end = 148;      // prog_token_fd
constexpr uint32_t obj_end = 20;             // path_fd
constexpr uint32_t prog_attach_end = 32;     // expected_revision
constexpr uint32_t prog_query_end = 64;      // revision
constexpr uint32_t raw_tracepoint_end = 24;  // cookie
constexpr uint32_t btf_load_end = 40;        // btf_token_fd
constexpr uint32_t link_create_end = 60;     // uprobe_multi.pid
constexpr uint32_t token_create_end = 8;     // bpffs_fd

constexpr Command table[] = {
    {BPF_MAP_CREATE, "BPF_MAP_CREATE", map_create_end, command::map_create, nullptr},
    {BPF_MAP_LOOKUP_ELEM, "BPF_MAP_LOOKUP_ELEM", END_OF(flags), command::map_lookup_elem, nullptr},
    {BPF_MAP_UPDATE_ELEM, "BPF_MAP_UPDATE_ELEM", END_OF(flags), command::map_update_elem, nullptr},
    {BPF_MAP_DELETE_ELEM, "BPF_MAP_DELETE_ELEM", END_OF(key), command::map_delete_elem, nullptr},
    {BPF_MAP_GET_NEXT_KEY, "BPF_MAP_GET_NEXT_KEY", END_OF(next_key), command::map_get_next_key, nullptr},
    {BPF_PROG_LOAD, "BPF_PROG_LOAD", prog_load_end, command::prog_load, "no tokens, no offload to a device"},
    {BPF_OBJ_PIN, "BPF_OBJ_PIN", obj_end, command::obj_pin, nullptr},
    {BPF_OBJ_GET, "BPF_OBJ_GET", obj_end, command::obj_get, nullptr},
    {BPF_PROG_ATTACH, "BPF_PROG_ATTACH", prog_attach_end, command::prog_attach, "no attach point"},
    {BPF_PROG_DETACH, "BPF_PROG_DETACH", prog_attach_end, command::prog_detach, "no attach point"},
    {BPF_PROG_TEST_RUN, "BPF_PROG_TEST_RUN", END_OF(test.batch_size), command::prog_test_run, "XDP, tc and socket filters; no live frames"},
    {BPF_PROG_GET_NEXT_ID, "BPF_PROG_GET_NEXT_ID", END_OF(next_id), command::prog_get_next_id, nullptr},
    {BPF_MAP_GET_NEXT_ID, "BPF_MAP_GET_NEXT_ID", END_OF(next_id), command::map_get_next_id, nullptr},
    {BPF_PROG_GET_FD_BY_ID, "BPF_PROG_GET_FD_BY_ID", END_OF(prog_id), command::prog_get_fd_by_id, nullptr},
    {BPF_MAP_GET_FD_BY_ID, "BPF_MAP_GET_FD_BY_ID", END_OF(open_flags), command::map_get_fd_by_id, nullptr},
    {BPF_OBJ_GET_INFO_BY_FD, "BPF_OBJ_GET_INFO_BY_FD", END_OF(info.info), command::obj_get_info_by_fd, "BTF only"},
    {BPF_PROG_QUERY, "BPF_PROG_QUERY", prog_query_end, command::prog_query,
     "nothing can be attached: flow dissector, sk_lookup and tcx are answered, empty"},
    {BPF_RAW_TRACEPOINT_OPEN, "BPF_RAW_TRACEPOINT_OPEN", raw_tracepoint_end, command::raw_tracepoint_open,
     "freplace, fentry and fexit; no raw tracepoints", true},
    {BPF_BTF_LOAD, "BPF_BTF_LOAD", btf_load_end, command::btf_load, "no tokens"},
    {BPF_BTF_GET_FD_BY_ID, "BPF_BTF_GET_FD_BY_ID", END_OF(btf_id), command::btf_get_fd_by_id, nullptr},
    {BPF_TASK_FD_QUERY, "BPF_TASK_FD_QUERY", END_OF(task_fd_query.probe_addr), command::task_fd_query, "no probes"},
    {BPF_MAP_LOOKUP_AND_DELETE_ELEM, "BPF_MAP_LOOKUP_AND_DELETE_ELEM", END_OF(flags), command::map_lookup_and_delete_elem, nullptr},
    {BPF_MAP_FREEZE, "BPF_MAP_FREEZE", END_OF(map_fd), command::map_freeze, nullptr},
    {BPF_BTF_GET_NEXT_ID, "BPF_BTF_GET_NEXT_ID", END_OF(next_id), command::btf_get_next_id, nullptr},
    {BPF_MAP_LOOKUP_BATCH, "BPF_MAP_LOOKUP_BATCH", END_OF(batch.flags), command::map_lookup_batch, nullptr},
    {BPF_MAP_LOOKUP_AND_DELETE_BATCH, "BPF_MAP_LOOKUP_AND_DELETE_BATCH", END_OF(batch.flags), command::map_lookup_and_delete_batch,
     nullptr},
    {BPF_MAP_UPDATE_BATCH, "BPF_MAP_UPDATE_BATCH", END_OF(batch.flags), command::map_update_batch, nullptr},
    {BPF_MAP_DELETE_BATCH, "BPF_MAP_DELETE_BATCH", END_OF(batch.flags), command::map_delete_batch, nullptr},
    {BPF_LINK_CREATE, "BPF_LINK_CREATE", link_create_end, command::link_create, "freplace, fentry, fexit and XDP", true},
    {BPF_LINK_UPDATE, "BPF_LINK_UPDATE", END_OF(link_update.old_prog_fd), command::link_update, nullptr, true},
    {BPF_LINK_GET_FD_BY_ID, "BPF_LINK_GET_FD_BY_ID", END_OF(link_id), command::link_get_fd_by_id, nullptr},
    {BPF_LINK_GET_NEXT_ID, "BPF_LINK_GET_NEXT_ID", END_OF(next_id), command::link_get_next_id, nullptr},
    {BPF_ENABLE_STATS, "BPF_ENABLE_STATS", END_OF(enable_stats.type), command::enable_stats, nullptr},
    {BPF_ITER_CREATE, "BPF_ITER_CREATE", END_OF(iter_create.flags), command::iter_create, "no iterators"},
    {BPF_LINK_DETACH, "BPF_LINK_DETACH", END_OF(link_detach.link_fd), command::link_detach, nullptr, true},
    {BPF_PROG_BIND_MAP, "BPF_PROG_BIND_MAP", END_OF(prog_bind_map.flags), command::prog_bind_map, nullptr},
    {abi::cmd_token_create, "BPF_TOKEN_CREATE", token_create_end, nullptr, nullptr},
};
#undef END_OF

constexpr uint32_t transaction_commit_end = 4;
constexpr Command own_table[] = {
    {GRAFT_ABI, "GRAFT_ABI", 0, command::graft_abi, nullptr, true},
    {GRAFT_TRANSACTION_CREATE, "GRAFT_TRANSACTION_CREATE", 0, command::transaction_create, nullptr, true},
    {GRAFT_TRANSACTION_COMMIT, "GRAFT_TRANSACTION_COMMIT", transaction_commit_end, command::transaction_commit, nullptr, true},
};

constexpr bool rows_are_in_order() {
    uint32_t number = 0;
    for (const Command& row : table) {
        if (row.number != number++ || row.attr_end > abi::attr_size) return false;
    }
    return true;
}
static_assert(rows_are_in_order());

}  // namespace

std::span<const Command> commands() { return table; }

std::span<const Command> own_commands() { return own_table; }

const Command* find_command(int number) {
    for (const Command& own : own_table) {
        if (own.number == static_cast<uint32_t>(number)) return &own;
    }
    if (number < 0 || static_cast<size_t>(number) >= std::size(table)) return nullptr;
    return &table[number];
}

}  // namespace graft
