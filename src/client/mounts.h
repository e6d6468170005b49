// Mount work in a mount namespace of our own: covering a directory to add to it.
//
// Single-threaded use.  errno of the host.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace graft::client {

// A detached copy of what is mounted at `path`, with all below it.
Result<Fd> clone_mount(const std::string& path);
// Mounts such a copy at `path`; a symbolic link there is covered, not followed.
Result<void> attach_mount(int tree, const std::string& path);

// Mounts a tmpfs there that shows the same entries; what is added is ours alone.
Result<void> cover(const std::string& directory);
// Makes the directory, where the host's filesystem does not let us (a sysfs, another user's /run), by covering the nearest directory above
// it with a tmpfs that shows the same entries.
Result<void> provide_directory(const std::string& path);

// A fresh sysfs on /sys, which shows the interfaces of this network namespace; what is mounted below /sys stays.
Result<void> remount_sysfs();

// Undoes that for this process, which gets a mount namespace of its own: the host's sysfs, with what is ours mounted in it (from a tmpfs
// whose source is named) in its place.
Result<void> reveal_sysfs(std::initializer_list<std::string_view> sources);

}  // namespace graft::client
