#include "client/gateway.h"

namespace graft::client {

Result<std::unique_ptr<Gateway>> Gateway::create(BpfCall bpf, size_t object_limit) {
    return std::make_unique<Gateway>(std::move(bpf), TRY(Notices::create()), object_limit);
}

Gateway::Gateway(BpfCall bpf, std::unique_ptr<Notices> notices, size_t object_limit)
    : bpf_(std::move(bpf)), notices_(std::move(notices)), descriptors_(*notices_, object_limit), bpffs_(*notices_) {}

void Gateway::collect() {
    const std::lock_guard guard(collecting_);
    notices_->drain();
    descriptors_.collect();
}

Access access_of(const Reply& reply) {
    if (!reply.writable) return Access::read_only;
    return reply.readable ? Access::read_write : Access::write_only;
}

Access access_of(const DescriptorRef& descriptor) {
    if (!descriptor.writable) return Access::read_only;
    return descriptor.readable ? Access::read_write : Access::write_only;
}

}  // namespace graft::client
