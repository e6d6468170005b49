#include "syscall/descriptors.h"

namespace graft {
namespace {

template <class T>
Result<Ref<T>> object_of(Caller& caller, uint32_t fd, ObjectKind kind, const char* otherwise) {
    DescriptorRef found = TRY(caller.descriptor(static_cast<int>(fd)));
    if (found.object->object_kind() != kind) return fail(EINVAL, otherwise);
    return static_ref_cast<T>(std::move(found.object));
}

}  // namespace

Result<Ref<Program>> program_of(Caller& caller, uint32_t fd) {
    return object_of<Program>(caller, fd, ObjectKind::program, "the descriptor is not of a program");
}
Result<Ref<Link>> link_of(Caller& caller, uint32_t fd) {
    return object_of<Link>(caller, fd, ObjectKind::link, "the descriptor is not of a link");
}
Result<Ref<Map>> map_of(Caller& caller, uint32_t fd) {
    return object_of<Map>(caller, fd, ObjectKind::map, "the descriptor is not of a map");
}
Result<Ref<Transaction>> transaction_of(Caller& caller, uint32_t fd) {
    return object_of<Transaction>(caller, fd, ObjectKind::transaction, "the descriptor is not of a transaction");
}

}  // namespace graft
