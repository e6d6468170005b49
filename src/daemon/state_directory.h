// StateDirectory: where one user's kernel keeps its socket, its lock and its log.
//
// $XDG_RUNTIME_DIR/graft, else /tmp/graft-UID; what a client runs finds it by $GRAFT_DIRECTORY, having another uid perhaps.  Mode 0700 and
// the user's own, or it is refused.  The socket lets only this user in, by the directory's mode and by SO_PEERCRED.
#pragma once

#include <cstdint>
#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace graft::daemon {

class StateDirectory {
public:
    // create: makes it when it is not there; else ENOENT.
    enum class Missing : uint8_t { create, fail };
    static Result<StateDirectory> open(Missing missing);

    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] int fd() const { return directory_.get(); }

    // ECONNREFUSED or ENOENT: no kernel runs.
    Result<Fd> connect() const;
    // Replaces what a dead kernel left.
    Result<Fd> listen();
    // While it is held nobody else starts or ends a kernel.
    Result<Fd> lock() const;
    // For the end of the kernel that listened: the directory and what is in it, unless another kernel listens there by now.
    void remove() const;
    // The same by who holds the lock, and knows that no kernel came to be.
    void remove_locked() const;
    // What a kernel that was killed has left; nothing when one runs.
    void remove_remains() const;

    static constexpr const char* variable = "GRAFT_DIRECTORY";
    static constexpr const char* log_name = "log";
    static constexpr const char* pins_name = "bpf";

private:
    StateDirectory(std::string path, Fd directory) : path_(std::move(path)), directory_(std::move(directory)) {}
    std::string path_;
    Fd directory_;
    Fd socket_file_;  // what listen() made
};

}  // namespace graft::daemon
