#include "client/in_process.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <thread>

#include "client/fake_kernel.h"

namespace graft::client {
namespace {

class InProcessTest : public ::testing::Test {
protected:
    void SetUp() override {
        std::string pattern = ::testing::TempDir() + "graft-pins-XXXXXX";
        ASSERT_NE(mkdtemp(pattern.data()), nullptr);
        directory = pattern;
        std::filesystem::create_directory(directory + "/bpf");
        auto made = InProcess::create(kernel.call(), directory + "/bpf");
        ASSERT_TRUE(made.ok());
        in_process = std::move(*made);
        route_bpf_to(in_process.get());
    }
    void TearDown() override {
        route_bpf_to(nullptr);
        in_process.reset();
        EXPECT_EQ(kernel.objects.size(), 0U);
        std::filesystem::remove_all(directory);
    }
    static int make_map(uint32_t flags = 0) {
        LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = flags);
        return bpf_map_create(BPF_MAP_TYPE_ARRAY, nullptr, 4, 8, 1, &options);
    }
    // 0, or -errno.
    int pin(int fd, const std::string& path) { return bpf_obj_pin(fd, path.c_str()); }
    int get(const std::string& path) { return bpf_obj_get(path.c_str()); }
    std::string pins(const std::string& rest) { return directory + "/bpf/" + rest; }

    FakeKernel kernel;
    std::string directory;
    std::unique_ptr<InProcess> in_process;
};

TEST_F(InProcessTest, LibbpfReachesTheKernelOfThisProcess) {
    const int fd = make_map();
    ASSERT_GE(fd, 0);
    EXPECT_GE(kernel.calls, 1);  // libbpf probes first
    uint64_t key = 0x1122334455667788, value = 0;
    EXPECT_EQ(bpf_map_lookup_elem(fd, &key, &value), 0);
    EXPECT_EQ(value, key);
    uint32_t id = 0;
    EXPECT_EQ(bpf_map_get_next_id(0, &id), 0);
    EXPECT_NE(id, 0U);
    close(fd);
    EXPECT_EQ(bpf_map_get_next_id(0, &id), -ENOENT);
    EXPECT_EQ(::syscall(SYS_getpid), getpid());  // the rest goes to the host
}

TEST_F(InProcessTest, UnmappedMemoryIsEfault) {
    const int fd = make_map();
    uint64_t key = 0;
    EXPECT_EQ(bpf_map_lookup_elem(fd, nullptr, &key), -EFAULT);
    const char text[] = "read-only";
    void* page = mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT_EQ(bpf_map_lookup_elem(fd, &key, page), -EFAULT);
    EXPECT_EQ(bpf_map_lookup_elem(fd, &key, static_cast<char*>(page) + 4092), -EFAULT);
    EXPECT_EQ(bpf_map_lookup_elem(fd, text, &key), 0);
    munmap(page, 4096);
    close(fd);
}

TEST_F(InProcessTest, WhatIsNoObject) {
    uint64_t key = 0, value = 0;
    EXPECT_EQ(bpf_map_lookup_elem(0, &key, &value), -EINVAL);
    EXPECT_EQ(bpf_map_lookup_elem(9999, &key, &value), -EBADF);
    EXPECT_EQ(bpf_map_lookup_elem(-1, &key, &value), -EBADF);
    const int fd = make_map();
    const int path = open(("/proc/self/fd/" + std::to_string(fd)).c_str(), O_PATH | O_CLOEXEC);
    EXPECT_EQ(bpf_map_lookup_elem(path, &key, &value), -EBADF);
    close(fd);
    EXPECT_EQ(bpf_map_get_fd_by_id(1), -ENOENT);
    const int again = open(("/proc/self/fd/" + std::to_string(path)).c_str(), O_RDWR | O_CLOEXEC);
    EXPECT_EQ(bpf_map_lookup_elem(again, &key, &value), -EBADF);
    close(path);
    close(again);
}

TEST_F(InProcessTest, RestrictedDescriptors) {
    uint64_t key = 0, value = 0;
    const int read_only = make_map(BPF_F_RDONLY), write_only = make_map(BPF_F_WRONLY);
    EXPECT_EQ(bpf_map_update_elem(read_only, &key, &value, 0), -EPERM);
    EXPECT_EQ(bpf_map_lookup_elem(read_only, &key, &value), 0);
    EXPECT_EQ(bpf_map_lookup_elem(write_only, &key, &value), -EPERM);
    EXPECT_EQ(bpf_map_update_elem(write_only, &key, &value, 0), 0);
    close(read_only);
    close(write_only);
}

// Each line was asked on Linux 6.12, with a bpffs in place of bpf/.
TEST_F(InProcessTest, PinErrors) {
    const int fd = make_map();
    std::filesystem::create_directory(pins("dir"));
    close(open((directory + "/exists").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
    EXPECT_EQ(pin(fd, pins("a")), 0);
    EXPECT_EQ(pin(fd, pins("a")), -EEXIST);
    EXPECT_EQ(pin(fd, directory + "/new"), -EPERM);
    EXPECT_EQ(pin(fd, directory + "/exists"), -EEXIST);
    EXPECT_EQ(pin(fd, pins("none/a")), -ENOENT);
    EXPECT_EQ(pin(fd, pins("a/b")), -ENOTDIR);
    EXPECT_EQ(pin(fd, ""), -ENOENT);
    EXPECT_EQ(pin(fd, pins("b/")), -ENOENT);
    EXPECT_EQ(pin(fd, pins("dir/")), -EEXIST);
    EXPECT_EQ(pin(fd, pins("dir/.")), -EEXIST);
    EXPECT_EQ(pin(fd, pins("dir/..")), -EEXIST);
    EXPECT_EQ(pin(fd, "/"), -EEXIST);
    EXPECT_EQ(pin(fd, pins("a.b")), -EPERM);
    EXPECT_EQ(pin(fd, pins(std::string(300, 'a'))), -ENAMETOOLONG);
    std::filesystem::create_symlink("nowhere", pins("dangling"));
    EXPECT_EQ(pin(fd, pins("dangling")), -EEXIST);
    EXPECT_EQ(get(pins("zz")), -ENOENT);
    EXPECT_EQ(get(directory + "/exists"), -EACCES);
    EXPECT_EQ(get(pins("dir")), -EACCES);
    EXPECT_EQ(get(pins("a/b")), -ENOTDIR);
    EXPECT_EQ(get(""), -ENOENT);
    EXPECT_EQ(get("/dev/null"), -EACCES);
    struct stat status{};
    EXPECT_EQ(stat(pins("a").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0600U);
    close(fd);
}

TEST_F(InProcessTest, APinHoldsTheObjectUntilItsLastNameGoes) {
    const int fd = make_map();
    ASSERT_EQ(pin(fd, pins("a")), 0);
    close(fd);
    uint32_t id = 0;
    EXPECT_EQ(bpf_map_get_next_id(0, &id), 0);
    std::filesystem::create_symlink("a", pins("symlink"));
    std::filesystem::create_hard_link(pins("a"), pins("hard"));
    std::filesystem::create_directory(pins("dir"));
    std::filesystem::rename(pins("hard"), pins("dir/renamed"));
    for (const char* name : {"a", "symlink", "dir/renamed"}) {
        const int again = get(pins(name));
        ASSERT_GE(again, 0) << name;
        close(again);
    }
    unlink(pins("a").c_str());
    EXPECT_EQ(bpf_map_get_next_id(0, &id), 0);
    unlink(pins("dir/renamed").c_str());
    EXPECT_EQ(bpf_map_get_next_id(0, &id), -ENOENT);
    EXPECT_EQ(in_process->gateway().bpffs().size(), 0U);
}

TEST_F(InProcessTest, ManyPinsGoAtOnce) {
    constexpr int count = 300;
    for (int i = 0; i < count; ++i) {
        const int fd = make_map();
        ASSERT_EQ(pin(fd, pins(std::to_string(i))), 0);
        close(fd);
    }
    in_process->gateway().collect();
    EXPECT_EQ(kernel.objects.size(), static_cast<size_t>(count));
    std::filesystem::remove_all(pins(""));
    in_process->gateway().collect();
    EXPECT_EQ(kernel.objects.size(), 0U);
}

// Lost notices: what was unlinked meanwhile is found all the same, what was not stays.
TEST_F(InProcessTest, PinsSurviveAnOverflowOfNotices) {
    const int fd = make_map(), other = make_map();
    ASSERT_EQ(pin(fd, pins("goes")), 0);
    ASSERT_EQ(pin(other, pins("stays")), 0);
    unlink(pins("goes").c_str());
    in_process->gateway().bpffs().on_overflow();
    EXPECT_EQ(in_process->gateway().bpffs().size(), 1U);
    EXPECT_GE(get(pins("stays")), 0);
    close(fd);
    close(other);
}

TEST(SplitNewFile, Paths) {
    const auto same = [](std::string_view path, std::string_view parent, std::string_view name, bool slash) {
        const NewFilePath split = split_new_file(path);
        return split.parent == parent && split.name == name && split.slash == slash;
    };
    EXPECT_TRUE(same("/sys/fs/bpf/a", "/sys/fs/bpf/", "a", false));
    EXPECT_TRUE(same("a", ".", "a", false));
    EXPECT_TRUE(same("/a", "/", "a", false));
    EXPECT_TRUE(same("x//a//", "x//", "a", true));
    EXPECT_TRUE(same("/", "/", "", true));
    EXPECT_TRUE(same("a/..", "a/", "", false));
}

}  // namespace
}  // namespace graft::client
