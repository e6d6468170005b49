// OwnProcess: the Caller that is the calling thread of this process.
#pragma once

#include <vector>

#include "base/fd.h"
#include "client/gateway.h"
#include "object/caller.h"

namespace graft::client {

class OwnProcess final : public Caller {
public:
    explicit OwnProcess(Gateway& gateway) : gateway_(gateway) {}

    Result<void> read(uint64_t address, MutableBytes into) override;
    Result<void> write(uint64_t address, Bytes from) override;
    Result<DescriptorRef> descriptor(int fd) override;
    Result<int> give(DescriptorRef object) override;
    Result<void> take_back(int fd) override;
    Result<NetNamespace> net_namespace() override;
    Result<bool> has_interface(uint32_t ifindex) override;
    Result<uint64_t> cgroup(int fd) override;
    Result<void> pin(const std::string& path, int path_fd, Ref<Object> object) override;
    Result<Ref<Object>> pinned(const std::string& path, int path_fd) override;
    Result<bool> shares_writably(int fd, const void* own) override;
    uint32_t uid() const override;
    bool gone() override { return false; }

private:
    Gateway& gateway_;
    Fd net_namespace_;
};

}  // namespace graft::client
