// BPF_PROG_BIND_MAP: a map that the program does not name is to live, and be listed, with it.

#include "syscall/command.h"
#include "syscall/descriptors.h"

namespace graft::command {

Result<Reply> prog_bind_map(Kernel&, Caller& caller, const Attr& attr) {
    if (attr->prog_bind_map.flags != 0) return fail(EINVAL, "unknown flag");
    const Ref<Program> program = TRY(program_of(caller, attr->prog_bind_map.prog_fd));
    program->bind_map(TRY(map_of(caller, attr->prog_bind_map.map_fd)));
    return Reply(0);
}

}  // namespace graft::command
