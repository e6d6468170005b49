// TestCaller: a client inside a unit test: this process's memory, a table of descriptors, a directory of pins.
#pragma once

#include <sys/uio.h>
#include <unistd.h>

#include <map>
#include <set>
#include <string>

#include "abi/bpf.h"
#include "syscall/kernel.h"

namespace graft {

class TestCaller : public Caller {
public:
    Result<void> read(uint64_t address, MutableBytes into) override { return copy(process_vm_readv, address, into.data(), into.size()); }
    Result<void> write(uint64_t address, Bytes from) override {
        return copy(process_vm_writev, address, const_cast<std::byte*>(from.data()), from.size());
    }

    Result<DescriptorRef> descriptor(int fd) override {
        if (foreign.contains(fd)) return fail(EINVAL);
        const auto it = descriptors.find(fd);
        if (it == descriptors.end()) return fail(EBADF);
        return it->second;
    }

    Result<int> give(DescriptorRef descriptor) override { return install(std::move(descriptor)); }
    Result<void> take_back(int fd) override {
        if (descriptors.erase(fd) == 0) return fail(EBADF);
        return {};
    }

    Result<NetNamespace> net_namespace() override { return NetNamespace{netns_cookie, -1}; }
    Result<bool> has_interface(uint32_t ifindex) override { return interfaces.contains(ifindex); }

    Result<uint64_t> cgroup(int fd) override {
        const auto it = cgroups.find(fd);
        return it == cgroups.end() ? Result<uint64_t>(fail(EBADF)) : it->second;
    }
    Result<void> pin(const std::string& path, int, Ref<Object> object) override {
        if (!pins.emplace(path, std::move(object)).second) return fail(EEXIST);
        return {};
    }
    Result<Ref<Object>> pinned(const std::string& path, int) override {
        const auto it = pins.find(path);
        if (it == pins.end()) return fail(ENOENT);
        return it->second;
    }
    Result<bool> shares_writably(int, const void*) override { return false; }
    uint32_t uid() const override { return 0; }
    bool gone() override { return false; }

    // bpf(2) as a program calls it: a number (of a descriptor) or -errno.
    template <class T>
    long bpf(Kernel& kernel, int command, T& attr, uint32_t size = sizeof(T)) {
        Result<Reply> reply = kernel.bpf(*this, command, reinterpret_cast<uint64_t>(&attr), size);
        if (!reply.ok()) return -reply.code();
        if (!reply->object) return reply->value;
        return install({reply->object, reply->readable, reply->writable});
    }

    std::map<int, uint64_t> cgroups;  // ids by descriptor

    int install(DescriptorRef descriptor) {
        while (descriptors.contains(next_fd)) ++next_fd;
        descriptors.emplace(next_fd, std::move(descriptor));
        return next_fd;
    }
    void close(long fd) {
        descriptors.erase(static_cast<int>(fd));
        next_fd = 3;
    }

    std::map<int, DescriptorRef> descriptors;
    std::set<int> foreign;  // open, but of no object of this kernel
    std::map<std::string, Ref<Object>> pins;
    std::set<uint32_t> interfaces;
    uint64_t netns_cookie = 1;
    int next_fd = 3;

private:
    template <class F>
    static Result<void> copy(F transfer, uint64_t address, void* local, size_t size) {
        iovec here{local, size};
        iovec there{reinterpret_cast<void*>(address), size};
        if (size != 0 && transfer(getpid(), &here, 1, &there, 1, 0) != static_cast<ssize_t>(size)) return fail(EFAULT);
        return {};
    }
};

}  // namespace graft
