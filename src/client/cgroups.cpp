#include "client/cgroups.h"

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <cerrno>

namespace graft::client {

Result<uint64_t> cgroup_id(int fd) {
    struct statfs fs{};
    struct stat file{};
    if (fstatfs(fd, &fs) != 0 || fstat(fd, &file) != 0) return fail(EBADF, "target_fd is not open");
    if (fs.f_type != CGROUP2_SUPER_MAGIC || !S_ISDIR(file.st_mode)) return fail(EBADF, "target_fd is not the directory of a cgroup");
    return file.st_ino;
}

}  // namespace graft::client
