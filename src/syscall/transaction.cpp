// Graft's own commands (abi/graft.h): GRAFT_TRANSACTION_CREATE and _COMMIT, changes of links made together; GRAFT_ABI.

#include "link/transaction.h"

#include "syscall/command.h"
#include "syscall/descriptors.h"
#include "syscall/why.h"

namespace graft::command {

Result<Reply> graft_abi(Kernel&, Caller&, const Attr&) { return Reply(GRAFT_ABI_VERSION); }

Result<Reply> transaction_create(Kernel& kernel, Caller&, const Attr&) {
    return Reply(make_ref<Transaction>(kernel.targets, kernel.links));
}

Result<Reply> transaction_commit(Kernel&, Caller& caller, const Attr& attr) {
    Why why = TRY(Why::open(attr));
    const auto transaction = transaction_of(caller, attr.at<uint32_t>(0));
    TRY(why.close(caller, attr, transaction.ok() ? (*transaction.value()).commit() : Result<void>(transaction.error())));
    return Reply(0);
}

}  // namespace graft::command
