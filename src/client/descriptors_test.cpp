#include "client/descriptors.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "client/gateway.h"

namespace graft::client {
namespace {

class Counted : public Object {
public:
    explicit Counted(std::atomic<int>& alive, ObjectKind kind = ObjectKind::map) : Object(kind), alive_(alive) { ++alive_; }
    ~Counted() override { --alive_; }

private:
    std::atomic<int>& alive_;
};

class Mappable final : public Counted {
public:
    Mappable(std::atomic<int>& alive, size_t size) : Counted(alive), memory_(memfd_create("bpf-map", MFD_CLOEXEC | MFD_ALLOW_SEALING)) {
        EXPECT_EQ(ftruncate(memory_.get(), static_cast<off_t>(size)), 0);
        EXPECT_EQ(fcntl(memory_.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), 0);
    }
    int backing_fd() const override { return memory_.get(); }

private:
    Fd memory_;
};

class DescriptorsTest : public ::testing::Test {
protected:
    void SetUp() override {
        auto made = Gateway::create([](Caller&, int, uint64_t, uint32_t) -> Result<Reply> { return fail(ENOSYS); });
        ASSERT_TRUE(made.ok());
        gateway = std::move(*made);
    }
    Fd open(const Ref<Object>& object, Access access = Access::read_write) {
        Result<Fd> opened = gateway->descriptors().open(object, access);
        EXPECT_TRUE(opened.ok()) << opened.error().reason;
        return opened.ok() ? std::move(*opened) : Fd();
    }
    Ref<Object> find(int fd) {
        struct stat status{};
        EXPECT_EQ(fstat(fd, &status), 0);
        return gateway->descriptors().find(key_of(status)).object;
    }
    int alive_after_collect() {
        gateway->collect();
        return alive;
    }

    std::atomic<int> alive = 0;
    std::unique_ptr<Gateway> gateway;
};

TEST_F(DescriptorsTest, LastCloseDropsTheObject) {
    Fd fd = open(make_ref<Counted>(alive));
    EXPECT_EQ(alive_after_collect(), 1);
    EXPECT_EQ(fcntl(fd.get(), F_GETFD), FD_CLOEXEC);
    fd.close();
    EXPECT_EQ(alive_after_collect(), 0);
    EXPECT_EQ(gateway->descriptors().size(), 0U);
}

TEST_F(DescriptorsTest, EveryCopyCounts) {
    Fd first = open(make_ref<Counted>(alive));
    const Ref<Object> object = find(first.get());
    Fd copy(dup(first.get()));
    Fd second = open(object);
    int pair[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    char byte = 0;
    iovec data{&byte, 1};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    const int sent = first.get();
    std::memcpy(CMSG_DATA(header), &sent, sizeof(int));
    ASSERT_EQ(sendmsg(pair[0], &message, 0), 1);

    EXPECT_EQ(find(copy.get()), object);
    EXPECT_EQ(find(second.get()), object);
    first.close();
    copy.close();
    second.close();
    EXPECT_EQ(gateway->descriptors().size(), 1U);
    gateway->collect();
    EXPECT_EQ(gateway->descriptors().size(), 1U);  // the one in flight

    ASSERT_EQ(recvmsg(pair[1], &message, 0), 1);
    int received = -1;
    std::memcpy(&received, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int));
    EXPECT_EQ(find(received), object);
    close(received);
    gateway->collect();
    EXPECT_EQ(gateway->descriptors().size(), 0U);
    close(pair[0]);
    close(pair[1]);
}

TEST_F(DescriptorsTest, AChildHoldsIt) {
    Fd fd = open(make_ref<Counted>(alive));
    int gate[2];
    ASSERT_EQ(pipe2(gate, O_CLOEXEC), 0);
    const pid_t child = fork();
    if (child == 0) {
        char byte = 0;
        close(gate[1]);
        if (read(gate[0], &byte, 1) != 0) _exit(1);
        _exit(0);
    }
    fd.close();
    EXPECT_EQ(alive_after_collect(), 1);
    close(gate[0]);
    close(gate[1]);
    ASSERT_EQ(waitpid(child, nullptr, 0), child);
    EXPECT_EQ(alive_after_collect(), 0);
}

// Closing one of two leaves a test pending; the other's close must be seen at the next call all the same, and the object be usable until
// then.
TEST_F(DescriptorsTest, MergedNoticesAreNotCounted) {
    Fd first = open(make_ref<Counted>(alive));
    std::vector<Fd> more;
    for (int i = 0; i < 100; ++i) more.push_back(open(find(first.get())));
    more.clear();
    EXPECT_EQ(alive_after_collect(), 1);
    EXPECT_TRUE(find(first.get()));
    first.close();
    EXPECT_EQ(alive_after_collect(), 0);
}

TEST_F(DescriptorsTest, AMappingHoldsIt) {
    constexpr size_t size = 4096;
    Fd fd = open(make_ref<Mappable>(alive, size));
    void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
    ASSERT_NE(memory, MAP_FAILED);
    fd.close();
    EXPECT_EQ(alive_after_collect(), 1);
    munmap(memory, size);
    EXPECT_EQ(alive_after_collect(), 0);
}

// An object with memory of its own may be held again after its last descriptor went: by the same file.
TEST_F(DescriptorsTest, BackingMemoryIsTheFile) {
    const Ref<Object> object = make_ref<Mappable>(alive, size_t{4096});
    Fd fd = open(object);
    char text[] = "bytes";
    EXPECT_EQ(pwrite(fd.get(), text, sizeof(text), 0), static_cast<ssize_t>(sizeof(text)));
    fd.close();
    EXPECT_EQ(alive_after_collect(), 1);
    EXPECT_EQ(gateway->descriptors().size(), 0U);
    Fd again = open(object);
    EXPECT_EQ(find(again.get()), object);
    char seen[sizeof(text)] = {};
    EXPECT_EQ(pread(again.get(), seen, sizeof(seen), 0), static_cast<ssize_t>(sizeof(seen)));
    EXPECT_STREQ(seen, text);
}

TEST_F(DescriptorsTest, ClientsCannotResizeTheFile) {
    Fd fd = open(make_ref<Counted>(alive));
    EXPECT_EQ(ftruncate(fd.get(), 1), -1);
    EXPECT_EQ(write(fd.get(), "x", 1), -1);
    EXPECT_EQ(fcntl(fd.get(), F_ADD_SEALS, F_SEAL_WRITE), -1);
}

TEST_F(DescriptorsTest, ReadOnlyAndWriteOnly) {
    const Ref<Object> object = make_ref<Counted>(alive);
    Fd read_only = open(object, Access::read_only);
    Fd write_only = open(object, Access::write_only);
    EXPECT_EQ(fcntl(read_only.get(), F_GETFL) & O_ACCMODE, O_RDONLY);
    EXPECT_EQ(fcntl(write_only.get(), F_GETFL) & O_ACCMODE, O_WRONLY);
    read_only.close();
    gateway->collect();
    EXPECT_EQ(gateway->descriptors().size(), 1U);
    write_only.close();
    gateway->collect();
    EXPECT_EQ(gateway->descriptors().size(), 0U);
}

// A kept O_PATH copy does not hold the object; opened again it is a descriptor of nothing, and its opening during the lease kills nobody.
TEST_F(DescriptorsTest, OPathCopyOfADeadObject) {
    Fd fd = open(make_ref<Counted>(alive));
    const std::string self = "/proc/self/fd/";
    const Fd path(::open((self + std::to_string(fd.get())).c_str(), O_PATH | O_CLOEXEC));
    std::atomic<bool> stop = false;
    std::thread reopener([&] {
        while (!stop) {
            const Fd again(::open((self + std::to_string(path.get())).c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK));
        }
    });
    fd.close();
    while (alive_after_collect() != 0) std::this_thread::yield();
    stop = true;
    reopener.join();
    const Fd again(::open((self + std::to_string(path.get())).c_str(), O_RDWR | O_CLOEXEC));
    ASSERT_TRUE(again);
    EXPECT_FALSE(find(again.get()));
    EXPECT_EQ(Descriptors::unknown("/memfd:bpf-map (deleted)").code, EBADF);
    EXPECT_EQ(Descriptors::unknown("/memfd:bpf-closed (deleted)").code, EBADF);
    EXPECT_EQ(Descriptors::unknown("").code, EBADF);  // closed since it was looked for
    EXPECT_EQ(Descriptors::unknown("/dev/null").code, EINVAL);
    EXPECT_EQ(Descriptors::unknown("/memfd:bpf-mapper (deleted)").code, EINVAL);
}

TEST_F(DescriptorsTest, NamesThatBpftoolKnows) {
    const std::pair<ObjectKind, std::string> names[] = {
        {ObjectKind::map, "bpf-map"}, {ObjectKind::program, "bpf-prog"}, {ObjectKind::link, "bpf-link"}, {ObjectKind::btf, "btf"}};
    for (const auto& [kind, name] : names) {
        const Fd fd = open(make_ref<Counted>(alive, kind));
        char target[64] = {};
        ASSERT_GT(readlink(("/proc/self/fd/" + std::to_string(fd.get())).c_str(), target, sizeof(target) - 1), 0);
        EXPECT_EQ(std::string(target), "/memfd:" + name + " (deleted)");
    }
}

// *_GET_FD_BY_ID against the last close, from several threads: what was opened is always the object, and at the end it is gone.
TEST_F(DescriptorsTest, ResurrectionRaces) {
    for (int round = 0; round < 200; ++round) {
        Ref<Object> object = make_ref<Counted>(alive);
        Fd fd = open(object);
        std::atomic<int> wrong = 0;
        std::vector<std::thread> threads;
        for (int i = 0; i < 3; ++i) {
            threads.emplace_back([&] {
                for (int j = 0; j < 20; ++j) {
                    Fd opened = open(object);
                    if (find(opened.get()) != object) ++wrong;
                    opened.close();
                    gateway->collect();
                }
            });
        }
        fd.close();
        for (std::thread& thread : threads) thread.join();
        EXPECT_EQ(wrong, 0);
        object = nullptr;
        EXPECT_EQ(alive_after_collect(), 0);
    }
}

// More closes than the host queues notices for.
TEST_F(DescriptorsTest, TenThousandObjectsAndAnOverflow) {
    rlimit files{};
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &files), 0);
    rlimit raised = files;
    raised.rlim_cur = raised.rlim_max;
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &raised), 0);
    SetUp();  // with the raised limit
    const size_t count = std::min<size_t>(10'000, raised.rlim_cur / 2 - 64);
    std::vector<Fd> held;
    for (size_t i = 0; i < count; ++i) held.push_back(open(make_ref<Counted>(alive)));
    EXPECT_EQ(static_cast<size_t>(alive_after_collect()), count);
    // Alternating, so that the host merges none.
    Fd a = open(find(held[0].get())), b = open(find(held[1].get()));
    for (int i = 0; i < 10'000; ++i) {
        const Fd of_a = open(find(a.get()));
        const Fd of_b = open(find(b.get()));
    }
    a.close();
    b.close();
    held.clear();
    EXPECT_EQ(alive_after_collect(), 0);
    setrlimit(RLIMIT_NOFILE, &files);
}

TEST_F(DescriptorsTest, TheLimitIsEnfileWithAReason) {
    auto small = Gateway::create([](Caller&, int, uint64_t, uint32_t) -> Result<Reply> { return fail(ENOSYS); }, 2);
    ASSERT_TRUE(small.ok());
    Descriptors& descriptors = (*small)->descriptors();
    const auto first = descriptors.open(make_ref<Counted>(alive), Access::read_write);
    auto second = descriptors.open(make_ref<Counted>(alive), Access::read_write);
    const auto third = descriptors.open(make_ref<Counted>(alive), Access::read_write);
    EXPECT_TRUE(first.ok() && second.ok());
    EXPECT_EQ(third.code(), ENFILE);
    EXPECT_NE(std::string(third.error().reason).find("limit of open files"), std::string::npos);
    second->close();
    (*small)->collect();
    EXPECT_TRUE(descriptors.open(make_ref<Counted>(alive), Access::read_write).ok());
}

}  // namespace
}  // namespace graft::client
