#include "syscall/program_calls.h"

#include <sys/uio.h>
#include <unistd.h>

#include <new>

#include "btf/btf.h"
#include "helper/checked_read.h"

namespace graft {
namespace {

// The client, with a program's memory in the place of its own where the attr and what it points to are read.
class ProgramCaller final : public Caller {
public:
    ProgramCaller(Caller& client, uint64_t attr, uint32_t size) : client_(client), attr_(attr), size_(size) {}

    Result<void> read(uint64_t address, MutableBytes into) override {
        if (!checked_read(address, into)) return fail(EFAULT, "the program's attr points to no memory");
        return {};
    }
    // An answer through the attr.  The program may have it in memory that is not written to: the host checks.
    Result<void> write(uint64_t address, Bytes from) override {
        if (address < attr_ || address - attr_ >= size_) return client_.write(address, from);
        const iovec here{const_cast<std::byte*>(from.data()), from.size()};
        const iovec there{reinterpret_cast<void*>(address), from.size()};
        if (from.size() > size_ - (address - attr_) ||
            process_vm_writev(getpid(), &here, 1, &there, 1, 0) != static_cast<ssize_t>(from.size())) {
            return fail(EFAULT, "the program's attr cannot be written");
        }
        return {};
    }
    Result<DescriptorRef> descriptor(int fd) override { return client_.descriptor(fd); }
    Result<int> give(DescriptorRef object) override { return client_.give(std::move(object)); }
    Result<void> take_back(int fd) override { return client_.take_back(fd); }
    Result<NetNamespace> net_namespace() override { return client_.net_namespace(); }
    Result<bool> has_interface(uint32_t ifindex) override { return client_.has_interface(ifindex); }
    Result<uint64_t> cgroup(int fd) override { return client_.cgroup(fd); }
    Result<void> pin(const std::string& path, int path_fd, Ref<Object> object) override {
        return client_.pin(path, path_fd, std::move(object));
    }
    Result<Ref<Object>> pinned(const std::string& path, int path_fd) override { return client_.pinned(path, path_fd); }
    Result<bool> shares_writably(int fd, const void* own) override { return client_.shares_writably(fd, own); }
    uint32_t uid() const override { return client_.uid(); }
    bool gone() override { return client_.gone(); }

private:
    Caller& client_;
    const uint64_t attr_;
    const uint32_t size_;
};

}  // namespace

int64_t ProgramCalls::bpf(uint32_t command, uint64_t attr, uint32_t size) {
    ProgramCaller caller(client_, attr, size);
    const Result<Reply> answer = kernel_.bpf(caller, static_cast<int>(command), attr, size);
    if (!answer.ok()) return -answer.code();
    const Reply& reply = answer.value();
    if (!reply.object) return reply.value;
    try {
        const Result<int> fd = client_.give({reply.object, reply.readable, reply.writable});
        return fd.ok() ? fd.value() : -fd.code();
    } catch (const std::bad_alloc&) {
        return -ENOMEM;
    }
}

int64_t ProgramCalls::close(int fd) {
    const Result<void> closed = client_.take_back(fd);
    return closed.ok() ? 0 : -closed.code();
}

int64_t ProgramCalls::find_type(const std::string& name, uint32_t kind) {
    const Result<BtfType> found = kernel_.vmlinux_btf->find(name, kind);
    return found.ok() ? int64_t{found.value().id()} : -ENOENT;
}

}  // namespace graft
