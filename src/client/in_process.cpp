#include "client/in_process.h"

#include <fcntl.h>

#include "client/own_process.h"

namespace graft::client {

Result<std::unique_ptr<InProcess>> InProcess::create(BpfCall bpf, const std::string& bpffs) {
    auto in_process = std::make_unique<InProcess>(TRY(Gateway::create(std::move(bpf))));
    if (!bpffs.empty()) {
        const Fd directory(open(bpffs.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
        if (!directory) return fail(errno, "cannot open the directory for pins");
        TRY(in_process->gateway().bpffs().add_directory(directory.get()));
    }
    return in_process;
}

long InProcess::bpf(int command, uint64_t attr_address, uint32_t size) {
    gateway_->collect();
    OwnProcess caller(*gateway_);
    const Result<Reply> answer = gateway_->bpf(caller, command, attr_address, size);
    if (!answer.ok()) return -answer.code();
    const Reply& reply = answer.value();
    if (!reply.object) return reply.value;
    Result<Fd> descriptor = gateway_->descriptors().open(reply.object, access_of(reply));
    return descriptor.ok() ? descriptor->release() : -descriptor.code();
}

}  // namespace graft::client
