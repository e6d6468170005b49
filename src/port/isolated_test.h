// For tests that need network namespaces: runs the body of a test in a process of its own, in a network namespace of its own, as root of
// a user namespace when it is not root.  Nothing such a test makes outlives it.
//
//     TEST(Port, Something) {
//         ISOLATED();
//         ...
//     }
//
// Where user namespaces are not allowed to an ordinary user the test fails and says so.
#pragma once

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "base/result.h"
#include "port/netns.h"

namespace graft::test {

inline bool write_file(const char* path, const std::string& text) {
    FILE* file = std::fopen(path, "w");
    if (file == nullptr) return false;
    const bool written = std::fputs(text.c_str(), file) >= 0;
    return std::fclose(file) == 0 && written;
}

// In the child, before it executes the test again.
inline void isolate_or_exit() {
    const uid_t uid = getuid();
    const gid_t gid = getgid();
    if (unshare((uid == 0 ? 0 : CLONE_NEWUSER) | CLONE_NEWNET | CLONE_NEWNS) != 0) {
        std::perror("this test needs a network namespace of its own (root, or user namespaces): unshare");
        _exit(70);
    }
    if (uid == 0) return;
    write_file("/proc/self/setgroups", "deny");
    if (!write_file("/proc/self/uid_map", "0 " + std::to_string(uid) + " 1") ||
        !write_file("/proc/self/gid_map", "0 " + std::to_string(gid) + " 1")) {
        std::perror("cannot map the user of a user namespace");
        _exit(70);
    }
}

// True in the process that is to skip the body: the child has run it.
inline bool ran_isolated() {
    if (std::getenv("GRAFT_TEST_ISOLATED") != nullptr) return false;
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    const std::string filter = std::string("--gtest_filter=") + info->test_suite_name() + "." + info->name();
    std::fflush(nullptr);
    const pid_t child = fork();
    if (child == 0) {
        isolate_or_exit();
        setenv("GRAFT_TEST_ISOLATED", "1", 1);
        execl("/proc/self/exe", "graft-unit-tests", filter.c_str(), "--gtest_brief=1", "--gtest_also_run_disabled_tests", nullptr);
        _exit(71);
    }
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "the isolated test failed, status " << status;
    return true;
}

// Runs a shell command in a namespace; its exit status.
inline int shell(int netns, const std::string& command) {
    int status = -1;
    const auto entered = in_network_namespace(netns, [&]() -> Result<void> {
        status = std::system(command.c_str());
        return {};
    });
    EXPECT_TRUE(entered.ok());
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

}  // namespace graft::test

#define ISOLATED() \
    if (graft::test::ran_isolated()) return
