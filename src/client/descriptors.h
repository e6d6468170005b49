// Descriptors: the objects that clients hold as file descriptors.
//
// A client's descriptor of a map, program, BTF or link is a description of a sealed memfd in the client's own descriptor table, so close,
// dup, fork, exec and SCM_RIGHTS keep their meaning.  All descriptions of one object share one memfd; an object is known by the memfd's
// (st_dev, st_ino).  This process keeps one description of its own for each object that some client holds (`own`), and one reference.
//
// When a client's description is closed, a notice arrives (Notices).  Whether it was the last one says a lease: F_SETLEASE(F_WRLCK) on
// `own` succeeds only when no other description and no mapping is left.  Surprising: the notice comes *before* the host drops the count, so
// a refused test must be repeated; collect() does so.  A close(2) that has returned has dropped its count, so a client cannot see the
// delay.
//
// Thread safe.  One lock from a lease test to the removal, and over each reopening, so that nothing revives a dead object.  References are
// dropped without the lock, since an object's destructor may do much.
// Errno: ENFILE when this process has no descriptor left for one more object.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string_view>
#include <unordered_map>

#include "base/fd.h"
#include "base/ref.h"
#include "base/result.h"
#include "client/notices.h"
#include "object/object.h"

struct stat;

namespace graft::client {

// What tells one file from another.  Inode numbers alone do not: two tmpfs have equal ones.
struct FileKey {
    dev_t dev = 0;
    ino_t ino = 0;
    friend bool operator==(const FileKey&, const FileKey&) = default;
};
[[nodiscard]] FileKey key_of(const struct stat& status);

struct FileKeyHash {
    size_t operator()(const FileKey& key) const {
        return std::hash<uint64_t>{}(static_cast<uint64_t>(key.ino) * 0x9E3779B97F4A7C15U ^ static_cast<uint64_t>(key.dev));
    }
};

// How a client may use a descriptor through bpf(2): BPF_F_RDONLY, BPF_F_WRONLY.
enum class Access : uint8_t { read_write, read_only, write_only };

class Descriptors final : public NoticeSink {
public:
    // `limit`: how many objects may be held by clients at once; see default_limit().
    static Result<std::unique_ptr<Descriptors>> create(Notices& notices, size_t limit);
    Descriptors(Notices& notices, size_t limit) : notices_(notices), limit_(limit) {}
    ~Descriptors();
    Descriptors(const Descriptors&) = delete;
    Descriptors& operator=(const Descriptors&) = delete;

    // What the limit of open files leaves for objects.
    [[nodiscard]] static size_t default_limit();

    // A new description of the object, to be given to a client.
    Result<Fd> open(const Ref<Object>& object, Access access);

    struct Found {
        Ref<Object> object;       // null: no object of ours
        bool restricted = false;  // some description of it is not read-write: look at this one's mode
    };
    [[nodiscard]] Found find(const FileKey& key) const;

    // What a descriptor is that find() does not know.  `link`: what /proc/PID/fd/N says, empty when it is not there any more.  EBADF:
    // closed, or of an object that is gone (a client that opened an O_PATH copy again, or another kernel's); EINVAL: none of BPF.
    [[nodiscard]] static Error unknown(std::string_view link);
    // The name of the memfd in the place of a descriptor that is to count as closed.
    static constexpr const char* closed_name = "bpf-closed";

    // Drops the objects whose last description is gone.  Call it after Notices::drain() and before acting on a client's call.
    void collect();
    // When collect() should be called without a call's being there; negative: not at all.
    [[nodiscard]] std::chrono::milliseconds next_collect() const;

    [[nodiscard]] size_t size() const;

    void on_notice(int watch, uint32_t mask) override;
    void on_overflow() override;

private:
    using Clock = std::chrono::steady_clock;
    struct Held {
        UserRef object;
        Fd own;
        FileKey key;
        int watch = -1;
        bool restricted = false;
    };
    // A closed description whose lease test was refused: the host may not have dropped the count yet, or there are others.
    struct Pending {
        Clock::time_point next;
        std::chrono::milliseconds delay;
    };

    Result<Held*> hold(const Ref<Object>& object);  // lock_ held
    UserRef drop_if_last(const FileKey& key);       // lock_ held; null: not the last
    void test_pending();
    void sweep();

    Notices& notices_;
    const size_t limit_;
    mutable std::mutex lock_;
    std::unordered_map<FileKey, Held, FileKeyHash> held_;
    std::unordered_map<const Object*, FileKey> by_object_;
    std::unordered_map<int, FileKey> by_watch_;
    std::unordered_map<FileKey, Pending, FileKeyHash> pending_;
    std::atomic<Clock::time_point> last_sweep_ = Clock::now();
};

}  // namespace graft::client
