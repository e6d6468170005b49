#include "client/mappings.h"

#include <fmt/core.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <string>
#include <string_view>

namespace graft::client {
namespace {

// Calls `visit(line)` for each line of a file until it says true, and returns whether it did.
template <class F>
Result<bool> any_line(int fd, F&& visit) {
    std::string text;
    std::array<char, 16384> chunk;
    for (;;) {
        const ssize_t size = read(fd, chunk.data(), chunk.size());
        if (size < 0) return fail(errno, "cannot read the client's mappings");
        if (size == 0) return false;
        text.append(chunk.data(), static_cast<size_t>(size));
        size_t at = 0;
        for (size_t end = 0; (end = text.find('\n', at)) != std::string::npos; at = end + 1) {
            if (visit(std::string_view(text).substr(at, end - at))) return true;
        }
        text.erase(0, at);
    }
}

std::string identity(const struct stat& file) {
    return fmt::format(" {:02x}:{:02x} {} ", major(file.st_dev), minor(file.st_dev), file.st_ino);
}

}  // namespace

// A mapping begins with "START-END PERMS OFFSET MAJOR:MINOR INODE PATH"; among its further lines is "VmFlags: " with two letters a flag.
Result<bool> shares_writably(int smaps, const struct stat& file, const void* except) {
    const std::string wanted = identity(file);
    const std::string excepted = fmt::format("{:08x}-", reinterpret_cast<uintptr_t>(except));
    bool inside = false;
    return any_line(smaps, [&](std::string_view line) {
        constexpr std::string_view flags = "VmFlags: ";
        if (line.starts_with(flags)) {
            const std::string_view rest = line.substr(flags.size());
            return inside && rest.find("sh ") != std::string_view::npos && rest.find("wr ") != std::string_view::npos;
        }
        const bool begins = !line.empty() && ((line[0] >= '0' && line[0] <= '9') || (line[0] >= 'a' && line[0] <= 'f'));
        if (begins) inside = line.find(wanted) != std::string_view::npos && (except == nullptr || !line.starts_with(excepted));
        return false;
    });
}

Result<size_t> mapped_size(int maps, const struct stat& file) {
    const std::string wanted = identity(file);
    size_t size = 0;
    TRY(any_line(maps, [&](std::string_view line) {
        unsigned long begin = 0, end = 0, offset = 0;
        char permissions[5] = {};
        if (line.find(wanted) == std::string_view::npos) return false;
        if (std::sscanf(std::string(line).c_str(), "%lx-%lx %4s %lx", &begin, &end, permissions, &offset) != 4) return false;
        if (permissions[3] == 's' && offset == 0) size = end - begin;
        return size != 0;
    }));
    return size;
}

}  // namespace graft::client
