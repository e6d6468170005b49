// start_thread: a thread, or the errno because of which there is none.
//
// std::thread's constructor throws, and an exception that nobody catches ends the daemon with all its clients' objects.  What runs out is
// not ours alone: RLIMIT_NPROC counts all processes of the user, a container's limit those of the container.
#pragma once

#include <system_error>
#include <thread>
#include <utility>

#include "base/result.h"

namespace graft {

// EAGAIN: the host starts no more threads.
template <class Work>
Result<std::thread> start_thread(Work&& work) {
    try {
        return std::thread(std::forward<Work>(work));
    } catch (const std::system_error&) {
        return fail(EAGAIN, "the host starts no more threads: raise the limit of processes (ulimit -u, or the container's)");
    }
}

}  // namespace graft
