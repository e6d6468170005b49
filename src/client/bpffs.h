// Bpffs: pins.  A pin is a file of a tmpfs that clients see as a bpffs; what it holds is kept here, by the file's (st_dev, st_ino).
//
// mkdir, readdir, rename, link, rmdir and unlink are then the host's own.  When a pin's file is gone (unlinked everywhere, or its
// filesystem unmounted), a notice says so and its reference is dropped.  Where no tmpfs can be mounted, an ordinary directory can be
// declared a bpffs, with all below it.
//
// Thread safe; references are dropped without the lock.  Pins live as long as this object at most.
// Errno of pin() and pinned(): those of Linux 6.12, asked there; see the tests.
#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/ref.h"
#include "base/result.h"
#include "client/descriptors.h"
#include "client/notices.h"
#include "object/object.h"

namespace graft::client {

// statfs's f_type of a bpffs.
inline constexpr long bpffs_magic = 0xcafe4a11;

// A path taken apart where a file is to be made: "a/b/c" is "a/b" and "c".
struct NewFilePath {
    std::string parent;  // to be opened as a directory
    std::string name;    // empty: the path ends in nothing that could be made (".", "..", "/")
    bool slash = false;  // something follows the name
};
[[nodiscard]] NewFilePath split_new_file(std::string_view path);

class Bpffs final : public NoticeSink {
public:
    explicit Bpffs(Notices& notices) : notices_(notices) {}
    ~Bpffs();
    Bpffs(const Bpffs&) = delete;
    Bpffs& operator=(const Bpffs&) = delete;

    // Declares the filesystem whose root `root` is open on to be a bpffs, until it is unmounted everywhere.
    Result<void> add_filesystem(int root);
    // Declares a directory and what is below it to be a bpffs.
    Result<void> add_directory(int directory);

    // Whether the file `fd` is open on (O_PATH will do) lies in a bpffs.
    [[nodiscard]] bool contains(int fd) const;
    [[nodiscard]] bool contains_device(dev_t device) const;

    // BPF_OBJ_PIN in `directory`, the opened path.parent.
    Result<void> pin(int directory, const NewFilePath& path, Ref<Object> object);
    // BPF_OBJ_GET of the file `fd` is open on.  EACCES: not a pin.
    Result<Ref<Object>> pinned(int fd) const;

    [[nodiscard]] size_t size() const;

    void on_notice(int watch, uint32_t mask) override;
    void on_overflow() override;

private:
    struct Pin {
        UserRef object;
        int watch = -1;
    };
    UserRef forget(int watch);  // lock_ held

    Notices& notices_;
    mutable std::mutex lock_;
    std::unordered_map<FileKey, Pin, FileKeyHash> pins_;
    std::unordered_map<int, FileKey> pin_by_watch_;
    std::unordered_map<int, dev_t> filesystems_;  // by the watch on their root
    std::vector<std::string> directories_;
};

}  // namespace graft::client
