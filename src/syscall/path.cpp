#include "syscall/path.h"

#include <fcntl.h>

#include <climits>

namespace graft {

Result<int> path_fd_of(const Attr& attr) {
    const int given = attr.at<int32_t>(abi::obj_path_fd);
    if ((attr->file_flags & abi::f_path_fd) != 0) return given;
    if (given != 0) return fail(EINVAL, "path_fd without BPF_F_PATH_FD");
    return AT_FDCWD;
}

Result<std::string> path_of(Caller& caller, const Attr& attr) {
    Result<std::string> path = caller.read_string(attr->pathname, PATH_MAX);
    if (path.code() == EINVAL) return fail(ENAMETOOLONG, "the path has no end within PATH_MAX");
    if (path.ok() && path->empty()) return fail(ENOENT, "the path is empty");
    return path;
}

}  // namespace graft
