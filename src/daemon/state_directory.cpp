#include "daemon/state_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

namespace graft::daemon {
namespace {

constexpr const char *socket_name = "socket", *lock_name = "lock";

// A socket's address holds 107 bytes; the directory's path may be longer.
sockaddr_un address_in(int directory) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", directory, socket_name);
    return address;
}

Result<Fd> make_socket() {
    Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    if (!socket) return fail(errno, "cannot make a local socket");
    return socket;
}

std::string path_of_user() {
    if (const char* told = std::getenv(StateDirectory::variable); told != nullptr && *told == '/') return told;
    const char* runtime = std::getenv("XDG_RUNTIME_DIR");
    return runtime != nullptr && *runtime == '/' ? std::string(runtime) + "/graft" : "/tmp/graft-" + std::to_string(geteuid());
}

}  // namespace

Result<StateDirectory> StateDirectory::open(Missing missing) {
    const std::string path = path_of_user();
    Fd directory;
    // A kernel that ends at this moment takes its directory along.
    for (int attempt = 0; attempt < 10 && !directory; ++attempt) {
        if (missing == Missing::create && mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
            return fail(errno, "cannot make graft's directory in XDG_RUNTIME_DIR, or in /tmp without it");
        directory = Fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!directory && (errno != ENOENT || missing == Missing::fail)) break;
    }
    struct stat status{};
    if (!directory || fstat(directory.get(), &status) != 0)
        return fail(errno, "cannot open graft's directory in XDG_RUNTIME_DIR, or in /tmp without it");
    if (status.st_uid != geteuid() || (status.st_mode & 077) != 0)
        return fail(
            EPERM,
            "graft's directory (in XDG_RUNTIME_DIR, else /tmp) is another user's or open to others: remove it or set XDG_RUNTIME_DIR");
    return StateDirectory(path, std::move(directory));
}

Result<Fd> StateDirectory::connect() const {
    Fd socket = TRY(make_socket());
    const sockaddr_un address = address_in(directory_.get());
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
        return fail(errno, "no graft kernel is running");
    return socket;
}

Result<Fd> StateDirectory::listen() {
    Fd socket = TRY(make_socket());
    const sockaddr_un address = address_in(directory_.get());
    unlinkat(directory_.get(), socket_name, 0);
    if (bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 || ::listen(socket.get(), 64) != 0)
        return fail(errno, "cannot listen in graft's directory");
    // Held, so that its inode number is not given to another.
    socket_file_ = Fd(openat(directory_.get(), socket_name, O_PATH | O_CLOEXEC));
    return socket;
}

Result<Fd> StateDirectory::lock() const {
    for (;;) {
        Fd file(openat(directory_.get(), lock_name, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
        if (!file) return fail(errno, "cannot make the lock in graft's directory");
        while (flock(file.get(), LOCK_EX) != 0) {
            if (errno != EINTR) return fail(errno, "cannot take the lock in graft's directory");
        }
        // Who held it may have removed it.
        struct stat ours{}, named{};
        if (fstat(file.get(), &ours) == 0 && fstatat(directory_.get(), lock_name, &named, 0) == 0 && ours.st_ino == named.st_ino)
            return file;
    }
}

void StateDirectory::remove() const {
    // A new kernel may have been started since we stopped listening.
    const Result<Fd> held = lock();
    struct stat ours{}, named{};
    if (!held.ok() || fstat(socket_file_.get(), &ours) != 0 || fstatat(directory_.get(), socket_name, &named, 0) != 0 ||
        ours.st_ino != named.st_ino)
        return;
    remove_locked();
}

void StateDirectory::remove_locked() const {
    std::error_code ignored;
    std::filesystem::remove_all(path_ + "/" + pins_name, ignored);
    for (const char* name : {socket_name, log_name, lock_name}) unlinkat(directory_.get(), name, 0);
    rmdir(path_.c_str());
}

void StateDirectory::remove_remains() const {
    const Result<Fd> held = lock();
    if (held.ok() && !connect().ok()) remove_locked();
}

}  // namespace graft::daemon
