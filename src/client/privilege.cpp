#include "client/privilege.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/nsfs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>

namespace graft::client {
namespace {

bool same_file(int one, int other) {
    struct stat a{}, b{};
    return fstat(one, &a) == 0 && fstat(other, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

struct Credentials {
    uid_t effective_uid = UINT32_MAX;
    uint64_t effective = 0;  // capabilities
};

Result<Credentials> credentials(Trap& trap) {
    const Fd file = TRY(trap.open_proc("status", O_RDONLY));
    std::array<char, 4096> text;
    const ssize_t size = read(file.get(), text.data(), text.size() - 1);
    if (size <= 0) return fail(ESRCH);
    text[static_cast<size_t>(size)] = '\0';
    Credentials found;
    const char* uid = std::strstr(text.data(), "\nUid:");
    const char* effective = std::strstr(text.data(), "\nCapEff:");
    unsigned real = 0;
    unsigned long long bits = 0;
    if (uid == nullptr || std::sscanf(uid, "\nUid: %u %u", &real, &found.effective_uid) != 2) return fail(ESRCH);
    if (effective == nullptr || std::sscanf(effective, "\nCapEff: %llx", &bits) != 1) return fail(ESRCH);
    found.effective = bits;
    return found;
}

Result<bool> check(Trap& trap, int capability, int ns) {
    const Credentials task = TRY(credentials(trap));
    const Fd own = TRY(trap.open_proc("ns/user", O_RDONLY));
    Fd at(ioctl(ns, NS_GET_USERNS));  // EPERM: above graft's, so above the client's
    bool made_by_task = false;        // the one below `at`
    while (at) {
        if (same_file(at.get(), own.get())) return made_by_task || (task.effective >> capability & 1) != 0;
        uid_t owner = UINT32_MAX;
        made_by_task = ioctl(at.get(), NS_GET_OWNER_UID, &owner) == 0 && owner == task.effective_uid;
        at = Fd(ioctl(at.get(), NS_GET_PARENT));
    }
    return false;
}

}  // namespace

bool has_capability(Trap& trap, int capability, int ns) {
    const Result<bool> checked = check(trap, capability, ns);
    return checked.ok() && checked.value();
}

}  // namespace graft::client
