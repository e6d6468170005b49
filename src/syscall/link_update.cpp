// BPF_LINK_UPDATE and BPF_LINK_DETACH: what a link can do is its type's matter.

#include "syscall/command.h"
#include "syscall/descriptors.h"
#include "syscall/why.h"

namespace graft::command {
namespace {

Result<void> update(Caller& caller, const Attr& attr, Log& log) {
    const uint32_t flags = attr->link_update.flags;
    if ((flags & ~uint32_t{BPF_F_REPLACE}) != 0) return fail(EINVAL, "unknown flag");
    const Ref<Link> link = TRY(link_of(caller, attr->link_update.link_fd));
    Ref<Program> program = TRY(program_of(caller, attr->link_update.new_prog_fd));
    Ref<Program> expected;
    if ((flags & BPF_F_REPLACE) != 0) {
        expected = TRY(program_of(caller, attr->link_update.old_prog_fd));
    } else if (attr->link_update.old_prog_fd != 0) {
        return fail(EINVAL, "old_prog_fd without BPF_F_REPLACE");
    }
    const uint32_t transaction = attr.own().transaction_fd;
    if (transaction == 0) return link->update(std::move(program), std::move(expected), flags);
    if (expected && expected != link->program()) return fail(EPERM, "the link has another program than the expected one");
    return TRY(transaction_of(caller, transaction))->replace(link, std::move(program), log);
}

Result<void> detach(Caller& caller, const Attr& attr) {
    const Ref<Link> link = TRY(link_of(caller, attr->link_detach.link_fd));
    const uint32_t transaction = attr.own().transaction_fd;
    if (transaction == 0) return link->detach();
    return TRY(transaction_of(caller, transaction))->detach(link);
}

}  // namespace

Result<Reply> link_update(Kernel&, Caller& caller, const Attr& attr) {
    Why why = TRY(Why::open(attr));
    TRY(why.close(caller, attr, update(caller, attr, why.log())));
    return Reply(0);
}

Result<Reply> link_detach(Kernel&, Caller& caller, const Attr& attr) {
    Why why = TRY(Why::open(attr));
    TRY(why.close(caller, attr, detach(caller, attr)));
    return Reply(0);
}

}  // namespace graft::command
