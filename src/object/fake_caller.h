// FakeCaller: a client for unit tests: memory is this process's, descriptors are numbers given out by add().
#pragma once

#include <cstring>
#include <vector>

#include "object/caller.h"

namespace graft {

class FakeCaller final : public Caller {
public:
    int add(DescriptorRef descriptor) {
        descriptors_.push_back(std::move(descriptor));
        return first_descriptor + static_cast<int>(descriptors_.size()) - 1;
    }
    int add(Ref<Object> object) { return add(DescriptorRef{.object = std::move(object), .readable = true, .writable = true}); }

    void forget() { descriptors_.clear(); }

    // The first page is not mapped.
    Result<void> read(uint64_t address, MutableBytes into) override {
        if (address < 4096) return fail(EFAULT);
        std::memcpy(into.data(), reinterpret_cast<const void*>(address), into.size());
        return {};
    }
    Result<void> write(uint64_t address, Bytes from) override {
        if (address < 4096) return fail(EFAULT);
        std::memcpy(reinterpret_cast<void*>(address), from.data(), from.size());
        return {};
    }
    Result<DescriptorRef> descriptor(int fd) override {
        if (fd >= 0 && fd < first_descriptor) return fail(EINVAL);
        const auto index = static_cast<size_t>(fd - first_descriptor);
        if (fd < 0 || index >= descriptors_.size()) return fail(EBADF);
        return descriptors_[index];
    }
    Result<int> give(DescriptorRef object) override { return add(std::move(object)); }
    Result<void> take_back(int fd) override {
        TRY(descriptor(fd));
        descriptors_[static_cast<size_t>(fd - first_descriptor)] = {};
        return {};
    }
    Result<NetNamespace> net_namespace() override { return NetNamespace{.cookie = 1, .fd = -1}; }
    Result<bool> has_interface(uint32_t ifindex) override { return ifindex >= 1 && ifindex <= 10; }
    Result<uint64_t> cgroup(int) override { return fail(EBADF); }
    Result<void> pin(const std::string&, int, Ref<Object>) override { return fail(EPERM); }
    Result<Ref<Object>> pinned(const std::string&, int) override { return fail(ENOENT); }
    Result<bool> shares_writably(int, const void*) override { return maps_writably; }
    uint32_t uid() const override { return 0; }
    bool gone() override { return dies_after_polls != 0 && --dies_after_polls == 0; }

    uint32_t dies_after_polls = 0;  // 0: never

    bool maps_writably = false;

private:
    static constexpr int first_descriptor = 3;
    std::vector<DescriptorRef> descriptors_;
};

}  // namespace graft
