// Caller: the client on whose behalf a bpf(2) call runs: its memory, its descriptors, its files, its network namespace.
//
// client/ implements it twice: for a task behind a seccomp listener, and for the calling thread of this process.  A Caller is used by one
// thread, for one call.  Every method may fail with EFAULT or EBADF as Linux would, or ESRCH when the client has died meanwhile.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "object/object.h"

namespace graft {

// A network namespace that a client is in.  Keyed by cookie (SO_NETNS_COOKIE), which the host never reuses.
struct NetNamespace {
    uint64_t cookie = 0;
    int fd = -1;  // borrowed from the Caller, valid during the call
};

// A descriptor of the client and how it was opened.
struct DescriptorRef {
    Ref<Object> object;
    bool readable = true;  // false: BPF_F_WRONLY when it was made
    bool writable = true;  // false: BPF_F_RDONLY
};

class Caller {
public:
    virtual ~Caller() = default;

    // Copies all of the bytes or fails with EFAULT.  Read each thing once: the client may change it meanwhile.
    virtual Result<void> read(uint64_t address, MutableBytes into) = 0;
    virtual Result<void> write(uint64_t address, Bytes from) = 0;

    // The object behind the client's descriptor.  EBADF: not open; EINVAL: open, but no object of this kernel.
    virtual Result<DescriptorRef> descriptor(int fd) = 0;
    // A new descriptor of the object for the client, before the call is answered; its number.  EMFILE, ENFILE.
    virtual Result<int> give(DescriptorRef object) = 0;
    // The client's descriptor no longer is one of an object.  EBADF: it was none.  Unlike close(2), its number may stay in use.
    virtual Result<void> take_back(int fd) = 0;

    // The netns the client is in.
    virtual Result<NetNamespace> net_namespace() = 0;
    // The index of an interface there by name or ENODEV; and whether an index exists.
    virtual Result<bool> has_interface(uint32_t ifindex) = 0;

    // The id of the cgroup (of the second version) on whose directory the descriptor is open.  EBADF: it is open on none.
    virtual Result<uint64_t> cgroup(int fd) = 0;

    // BPF_OBJ_PIN and BPF_OBJ_GET.  `path` as the client gave it; errno as Linux: EPERM not a bpffs, EEXIST, ENOENT, EACCES ...
    // path_fd: -1 (AT_FDCWD) or a descriptor of the client (BPF_F_PATH_FD).
    virtual Result<void> pin(const std::string& path, int path_fd, Ref<Object> object) = 0;
    virtual Result<Ref<Object>> pinned(const std::string& path, int path_fd) = 0;

    // Whether the client shares memory with the file that `fd` is open on and may write it.  `own`: where this process maps it, which does
    // not count where the client is this process.
    virtual Result<bool> shares_writably(int fd, const void* own) = 0;

    // Thread group and its name, for bpf_prog_info.created_by_uid, load_time, and messages.
    virtual uint32_t uid() const = 0;
    // Whether the call should be given up: the client was killed (polled by long commands).
    virtual bool gone() = 0;

    // One line for who looks at the client: that something which it did has less effect than on Linux.
    virtual void tell(const std::string&) {}

    // What a command knows of its failure beyond its Error's literal reason: one line, for `graft run --explain`.
    void set_explanation(std::string line) { explanation_ = std::move(line); }
    [[nodiscard]] const std::string& explanation() const { return explanation_; }

    // A NUL-terminated string of at most `limit` bytes with its NUL.  EFAULT; ENAMETOOLONG-like overflow is EINVAL.
    Result<std::string> read_string(uint64_t address, size_t limit);

    template <class T>
    Result<T> read_value(uint64_t address) {
        T value{};
        TRY(read(address, writable_bytes_of(value)));
        return value;
    }
    template <class T>
    Result<void> write_value(uint64_t address, const T& value) {
        return write(address, bytes_of(value));
    }

private:
    std::string explanation_;
};

}  // namespace graft
