// Commands of bpf(2): the table, and the handlers that fill it.
//
// A handler gets an attr that is zero behind the command's last field.  It answers a number or an object, or fails with Linux's errno; it
// runs on the caller's thread and may take long.  One file a command (or a family that differs in a word).
#pragma once

#include <cstdint>
#include <span>

#include "syscall/attr.h"
#include "syscall/kernel.h"

namespace graft {

struct Command {
    uint32_t number;
    const char* name;
    uint32_t attr_end;  // end of its last field: a client's byte behind it must be zero (EINVAL)
    Result<Reply> (*run)(Kernel& kernel, Caller& caller,
                         const Attr& attr);  // null: not yet, answered with EINVAL as by a kernel without it
    const char* partly;                      // what is missing, for docs/support.md; null: complete
    bool is_own = false;                     // knows struct graft_attr (abi/graft.h) behind Linux's attr
};

// Ascending by number, without gaps: every command that Linux 6.12 has.
[[nodiscard]] std::span<const Command> commands();
// Those that Linux does not have.
[[nodiscard]] std::span<const Command> own_commands();
// Null: no such command.
[[nodiscard]] const Command* find_command(int number);

namespace command {

Result<Reply> prog_get_next_id(Kernel& kernel, Caller& caller, const Attr& attr);
Result<Reply> map_get_next_id(Kernel& kernel, Caller& caller, const Attr& attr);
Result<Reply> btf_get_next_id(Kernel& kernel, Caller& caller, const Attr& attr);
Result<Reply> link_get_next_id(Kernel& kernel, Caller& caller, const Attr& attr);
Result<Reply> prog_get_fd_by_id(Kernel& kernel, Caller& caller, const Attr& attr);
Result<Reply> map_get_fd_by_id(Kernel& kernel, Caller& caller, const Attr& attr);
Result<Reply> btf_get_fd_by_id(Kernel& kernel, Caller& caller, const Attr& attr);
Result<Reply> link_get_fd_by_id(Kernel& kernel, Caller& caller, const Attr& attr);
Result<Reply> obj_get_info_by_fd(Kernel& kernel, Caller& caller, const Attr& attr);
Result<Reply> btf_load(Kernel& kernel, Caller& caller, const Attr& attr);

Result<Reply> prog_load(Kernel& kernel, Caller& caller, const Attr& attr);
Result<Reply> prog_test_run(Kernel& kernel, Caller& caller, const Attr& attr);
Result<Reply> prog_attach(Kernel& kernel, Caller& caller, const Attr& attr);
Result<Reply> prog_detach(Kernel& kernel, Caller& caller, const Attr& attr);
Result<Reply> prog_query(Kernel& kernel, Caller& caller, const Attr& attr);
Result<Reply> prog_bind_map(Kernel& kernel, Caller& caller, const Attr& attr);
Result<Reply> obj_pin(Kernel& kernel, Caller& caller, const Attr& attr);
Result<Reply> obj_get(Kernel& kernel, Caller& caller, const Attr& attr);
Result<Reply> link_create(Kernel& kernel, Caller& caller, const Attr& attr);
Result<Reply> link_update(Kernel& kernel, Caller& caller, const Attr& attr);
Result<Reply> link_detach(Kernel& kernel, Caller& caller, const Attr& attr);
Result<Reply> raw_tracepoint_open(Kernel& kernel, Caller& caller, const Attr& attr);
Result<Reply> graft_abi(Kernel& kernel, Caller& caller, const Attr& attr);
Result<Reply> transaction_create(Kernel& kernel, Caller& caller, const Attr& attr);
Result<Reply> transaction_commit(Kernel& kernel, Caller& caller, const Attr& attr);
Result<Reply> enable_stats(Kernel& kernel, Caller& caller, const Attr& attr);
Result<Reply> task_fd_query(Kernel& kernel, Caller& caller, const Attr& attr);
Result<Reply> iter_create(Kernel& kernel, Caller& caller, const Attr& attr);

Result<Reply> map_create(Kernel& kernel, Caller& caller, const Attr& attr);
Result<Reply> map_lookup_elem(Kernel& kernel, Caller& caller, const Attr& attr);
Result<Reply> map_update_elem(Kernel& kernel, Caller& caller, const Attr& attr);
Result<Reply> map_delete_elem(Kernel& kernel, Caller& caller, const Attr& attr);
Result<Reply> map_get_next_key(Kernel& kernel, Caller& caller, const Attr& attr);
Result<Reply> map_lookup_and_delete_elem(Kernel& kernel, Caller& caller, const Attr& attr);
Result<Reply> map_freeze(Kernel& kernel, Caller& caller, const Attr& attr);
Result<Reply> map_lookup_batch(Kernel& kernel, Caller& caller, const Attr& attr);
Result<Reply> map_lookup_and_delete_batch(Kernel& kernel, Caller& caller, const Attr& attr);
Result<Reply> map_update_batch(Kernel& kernel, Caller& caller, const Attr& attr);
Result<Reply> map_delete_batch(Kernel& kernel, Caller& caller, const Attr& attr);

}  // namespace command
}  // namespace graft
