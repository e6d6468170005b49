#include "client/supervisor.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <functional>
#include <latch>
#include <string>
#include <thread>
#include <vector>

#include "client/bpf_traps.h"
#include "client/bpffs_traps.h"
#include "client/fake_kernel.h"
#include "client/launch.h"
#include "client/rlimit_traps.h"

#if defined(__SANITIZE_THREAD__)
// A client is forked from a process that has threads, and may start some itself.
extern "C" const char* __tsan_default_options() { return "die_after_fork=0"; }
#endif

namespace graft::client {
namespace {

// --- what a client does; in a child process, so without gtest --------------------------------------------------------------------------

long bpf(int command, bpf_attr& attr) {
    const long result = syscall(SYS_bpf, command, &attr, sizeof(attr));
    return result < 0 ? -errno : result;
}
int make_map(uint32_t flags = 0) {
    bpf_attr attr = zeroed<bpf_attr>();
    attr.map_flags = flags;
    return static_cast<int>(bpf(BPF_MAP_CREATE, attr));
}
long lookup(int fd, const void* key, void* value) {
    bpf_attr attr = zeroed<bpf_attr>();
    attr.map_fd = static_cast<uint32_t>(fd);
    attr.key = reinterpret_cast<uint64_t>(key);
    attr.value = reinterpret_cast<uint64_t>(value);
    return bpf(BPF_MAP_LOOKUP_ELEM, attr);
}
long lookup(int fd) {
    uint64_t key = 7, value = 0;
    const long result = lookup(fd, &key, &value);
    return result == 0 && value != key ? -EIO : result;
}
long next_id(uint32_t start = 0) {
    bpf_attr attr = zeroed<bpf_attr>();
    attr.start_id = start;
    const long result = bpf(BPF_MAP_GET_NEXT_ID, attr);
    return result < 0 ? result : static_cast<long>(attr.next_id);
}
long load_program() {
    bpf_attr attr = zeroed<bpf_attr>();
    return bpf(BPF_PROG_LOAD, attr);
}
long object_path(int command, const std::string& path, int fd = 0) {
    bpf_attr attr = zeroed<bpf_attr>();
    attr.pathname = reinterpret_cast<uint64_t>(path.c_str());
    attr.bpf_fd = static_cast<uint32_t>(fd);
    return bpf(command, attr);
}

// A check in a client: its exit status is the line that failed.
#define CLIENT_CHECK(condition)                  \
    do {                                         \
        if (!(condition)) _exit(__LINE__ & 255); \
    } while (false)

// --- the supervisor's side -------------------------------------------------------------------------------------------------------------

class Barrier {
public:
    Barrier() { EXPECT_EQ(pipe2(fds_.data(), O_CLOEXEC), 0); }
    ~Barrier() {
        ::close(fds_[0]);
        if (fds_[1] >= 0) ::close(fds_[1]);
    }
    Barrier(const Barrier&) = delete;
    Barrier& operator=(const Barrier&) = delete;
    // In the client: until the test opens it.
    void wait() const {
        char byte = 0;
        ::close(fds_[1]);
        while (read(fds_[0], &byte, 1) < 0) {
        }
    }
    void open() {
        ::close(fds_[1]);
        fds_[1] = -1;
    }

private:
    std::array<int, 2> fds_{};
};

class SupervisorTest : public ::testing::Test {
protected:
    void SetUp() override { start({}); }
    void TearDown() override { stop(); }

    void start(std::vector<TrapRow> more) {
        stop();
        auto made_gateway = Gateway::create(kernel.call());
        auto made_loop = EventLoop::create();
        ASSERT_TRUE(made_gateway.ok() && made_loop.ok());
        gateway = std::move(*made_gateway);
        loop = std::move(*made_loop);
        std::vector<TrapRow> rows = bpf_traps(*gateway);
        for (TrapRow& row : bpffs_traps(*gateway)) rows.push_back(std::move(row));
        for (TrapRow& row : more) rows.push_back(std::move(row));
        auto made = Supervisor::create(*loop, *gateway, std::move(rows));
        ASSERT_TRUE(made.ok());
        supervisor = std::move(*made);
        thread = std::thread([this] { EXPECT_TRUE(loop->run()); });
    }
    void stop() {
        for (const pid_t pid : clients) {
            kill(pid, SIGKILL);
            waitpid(pid, nullptr, 0);
        }
        clients.clear();
        if (!loop) return;
        loop->stop();
        thread.join();
        supervisor.reset();
        gateway.reset();
        loop.reset();
        EXPECT_EQ(kernel.objects.size(), 0U);
    }

    // Starts a process behind the filter.
    pid_t client(const std::function<void()>& run) {
        int pair[2];
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
        const pid_t pid = fork();
        if (pid == 0) {
            Result<Fd> listener = install_filter(supervisor->filter());
            CLIENT_CHECK(listener.ok());
            const int fd = listener->get();
            CLIENT_CHECK(send_message(pair[1], bytes_of('x'), std::span(&fd, 1)).ok());
            listener->close();
            ::close(pair[0]);
            ::close(pair[1]);
            run();
            _exit(0);
        }
        clients.push_back(pid);
        ::close(pair[1]);
        Result<Message> message = receive_message(pair[0]);
        ::close(pair[0]);
        EXPECT_TRUE(message.ok());
        EXPECT_EQ(message->descriptors.size(), 1U);
        if (message.ok() && message->descriptors.size() == 1) {
            EXPECT_TRUE(supervisor->add({std::move(message->descriptors[0]), pid, "test", explain, [this] { ++ended; }}).ok());
        }
        return pid;
    }
    pid_t probe(const std::vector<std::string>& steps) {
        return client([&] {
            std::vector<char*> arguments = {const_cast<char*>("probe")};
            for (const std::string& step : steps) arguments.push_back(const_cast<char*>(step.c_str()));
            arguments.push_back(nullptr);
            execv(GRAFT_BINARY_DIR "/bin/graft-probe", arguments.data());
            _exit(127);
        });
    }
    // The exit status, or 1000 + the signal.
    int wait(pid_t pid) {
        int status = 0;
        EXPECT_EQ(waitpid(pid, &status, 0), pid);
        std::erase(clients, pid);
        return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
    }
    int run(const std::function<void()>& body) { return wait(client(body)); }
    size_t objects() {
        gateway->collect();
        return kernel.objects.size();
    }

    FakeKernel kernel;
    std::unique_ptr<Gateway> gateway;
    std::unique_ptr<EventLoop> loop;
    std::unique_ptr<Supervisor> supervisor;
    std::thread thread;
    std::vector<pid_t> clients;
    std::atomic<int> ended = 0;
    bool explain = false;
};

TEST_F(SupervisorTest, CallsAreAnswered) {
    EXPECT_EQ(run([] {
                  const int fd = make_map();
                  CLIENT_CHECK(fd >= 0);
                  CLIENT_CHECK(fcntl(fd, F_GETFD) == FD_CLOEXEC);
                  CLIENT_CHECK(lookup(fd) == 0);
                  CLIENT_CHECK(next_id() > 0);
                  close(fd);
                  CLIENT_CHECK(next_id() == -ENOENT);
                  CLIENT_CHECK(lookup(fd) == -EBADF);
                  CLIENT_CHECK(lookup(-1) == -EBADF);
                  const int null = open("/dev/null", O_RDWR);
                  CLIENT_CHECK(lookup(null) == -EINVAL);
              }),
              0);
}

TEST_F(SupervisorTest, StaticProgramsThreadsAndForks) {
    EXPECT_EQ(wait(probe({"map", "lookup", "threads", "fork", "lookup"})), 0);
    EXPECT_EQ(objects(), 0U);
}

TEST_F(SupervisorTest, ObjectsSurviveExecOnlyWhenAsked) {
    EXPECT_EQ(run([] {
                  const int kept = make_map(), lost = make_map();
                  CLIENT_CHECK(dup2(kept, 100) == 100 && dup3(lost, 101, O_CLOEXEC) == 101);
                  execl(GRAFT_BINARY_DIR "/bin/graft-probe", "probe", "inherited=100", "closed=101", nullptr);
                  _exit(127);
              }),
              0);
    EXPECT_EQ(objects(), 0U);
}

TEST_F(SupervisorTest, ObjectsGoWithAKilledClient) {
    EXPECT_EQ(wait(probe({"map", "map", "kill"})), 1000 + SIGKILL);
    EXPECT_EQ(run([] { CLIENT_CHECK(next_id() == -ENOENT); }), 0);
}

TEST_F(SupervisorTest, OneClientPassesAnObjectToAnother) {
    int pair[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    const pid_t giver = client([&] {
        const int fd = make_map();
        CLIENT_CHECK(fd >= 0 && send_message(pair[0], bytes_of('x'), std::span(&fd, 1)).ok());
    });
    EXPECT_EQ(wait(giver), 0);
    EXPECT_EQ(objects(), 1U);  // in flight
    const pid_t taker = client([&] {
        Result<Message> message = receive_message(pair[1]);
        CLIENT_CHECK(message.ok() && message->descriptors.size() == 1);
        CLIENT_CHECK(lookup(message->descriptors[0].get()) == 0);
    });
    EXPECT_EQ(wait(taker), 0);
    EXPECT_EQ(objects(), 0U);
    close(pair[0]);
    close(pair[1]);
}

TEST_F(SupervisorTest, BadMemoryIsEfault) {
    EXPECT_EQ(run([] {
                  const int fd = make_map();
                  uint64_t word = 1;
                  char* pages = static_cast<char*>(mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
                  munmap(pages + 4096, 4096);
                  CLIENT_CHECK(lookup(fd, nullptr, &word) == -EFAULT);
                  CLIENT_CHECK(lookup(fd, pages + 4092, &word) == -EFAULT);
                  CLIENT_CHECK(lookup(fd, &word, pages + 4092) == -EFAULT);
                  CLIENT_CHECK(lookup(fd, reinterpret_cast<void*>(~0UL), &word) == -EFAULT);
                  CLIENT_CHECK(lookup(fd, &word, pages) == 0);
                  mprotect(pages, 4096, PROT_READ);
                  CLIENT_CHECK(lookup(fd, &word, pages) == -EFAULT);
                  CLIENT_CHECK(lookup(fd, pages, &word) == 0);
                  mprotect(pages, 4096, PROT_NONE);
                  CLIENT_CHECK(lookup(fd, pages, &word) == -EFAULT);
                  CLIENT_CHECK(syscall(SYS_bpf, BPF_MAP_CREATE, 8, 72) == -1 && errno == EFAULT);
                  // A path that ends with its page is read up to there.
                  mprotect(pages, 4096, PROT_READ | PROT_WRITE);
                  bpf_attr attr = zeroed<bpf_attr>();
                  attr.pathname = reinterpret_cast<uint64_t>(pages + 4090);
                  std::memcpy(pages + 4090, "/none", 6);
                  CLIENT_CHECK(bpf(BPF_OBJ_GET, attr) == -ENOENT);
                  pages[4095] = 'x';
                  CLIENT_CHECK(bpf(BPF_OBJ_GET, attr) == -EFAULT);
              }),
              0);
}

TEST_F(SupervisorTest, RestrictedDescriptors) {
    EXPECT_EQ(run([] {
                  const int read_only = make_map(BPF_F_RDONLY), write_only = make_map(BPF_F_WRONLY);
                  bpf_attr attr = zeroed<bpf_attr>();
                  attr.map_fd = static_cast<uint32_t>(read_only);
                  CLIENT_CHECK(bpf(BPF_MAP_UPDATE_ELEM, attr) == -EPERM);
                  attr.map_fd = static_cast<uint32_t>(write_only);
                  CLIENT_CHECK(bpf(BPF_MAP_UPDATE_ELEM, attr) == 0);
                  CLIENT_CHECK(lookup(read_only) == 0 && lookup(write_only) == -EPERM);
                  CLIENT_CHECK(lookup(dup(write_only)) == -EPERM);
              }),
              0);
}

TEST_F(SupervisorTest, ASlowCallDelaysNobody) {
    std::latch entered(1), leave(1);
    kernel.on_prog_load = [&](Caller&) {
        entered.count_down();
        leave.wait();
    };
    const pid_t slow = client([] { CLIENT_CHECK(load_program() >= 0); });
    entered.wait();
    EXPECT_EQ(wait(probe({"map", "lookup"})), 0);
    leave.count_down();
    EXPECT_EQ(wait(slow), 0);
    stop();  // before what the handler refers to goes
}

// One client's flood of slow calls leaves threads for another's.
TEST_F(SupervisorTest, SlowCallsOfOneClientDoNotUseUpTheWorkers) {
    std::atomic<int> inside = 0;
    std::atomic<bool> leave = false;
    std::atomic<pid_t> favoured = 0;
    kernel.on_prog_load = [&](Caller& caller) {
        if (static_cast<Trap&>(caller).listener()->pid == favoured) return;
        ++inside;
        while (!leave) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    };
    const pid_t flood = client([] {
        for (int i = 0; i < 40; ++i) {
            if (fork() == 0) _exit(load_program() >= 0 ? 0 : 1);
        }
        int status = 0;
        while (::wait(&status) > 0) CLIENT_CHECK(status == 0);
    });
    while (inside < 16) std::this_thread::yield();
    Barrier go;
    const pid_t other = client([&] {
        go.wait();
        CLIENT_CHECK(load_program() >= 0);
    });
    favoured = other;
    go.open();
    EXPECT_EQ(wait(other), 0);
    EXPECT_EQ(inside, 16);
    leave = true;
    EXPECT_EQ(wait(flood), 0);
    EXPECT_EQ(inside, 40);
    stop();  // before what the handler refers to goes
}

// A client whose memory is served by a userfaultfd that nobody answers.
TEST_F(SupervisorTest, MemoryThatHangsHoldsUpItsOwnerAlone) {
    const int allowed = static_cast<int>(syscall(SYS_userfaultfd, O_CLOEXEC));
    if (allowed < 0) GTEST_SKIP() << "no userfaultfd that serves the kernel's faults here: " << std::strerror(errno);
    close(allowed);
    std::vector<pid_t> stuck;
    for (int i = 0; i < 3; ++i) {
        stuck.push_back(client([] {
            const int faults = static_cast<int>(syscall(SYS_userfaultfd, O_CLOEXEC));
            uffdio_api api{};
            api.api = UFFD_API;
            CLIENT_CHECK(ioctl(faults, UFFDIO_API, &api) == 0);
            void* page = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            uffdio_register range{};
            range.range = {reinterpret_cast<uint64_t>(page), 4096};
            range.mode = UFFDIO_REGISTER_MODE_MISSING;
            CLIENT_CHECK(ioctl(faults, UFFDIO_REGISTER, &range) == 0);
            syscall(SYS_bpf, BPF_MAP_GET_NEXT_ID, page, 16);
            _exit(99);
        }));
        EXPECT_EQ(wait(probe({"map", "lookup", "threads"})), 0);
    }
    for (const pid_t pid : stuck) {
        EXPECT_EQ(kill(pid, SIGKILL), 0);
        EXPECT_EQ(wait(pid), 1000 + SIGKILL);
    }
    EXPECT_EQ(wait(probe({"map", "lookup"})), 0);
}

// Eighty such threads of one client take its share of the workers, not a thread each.
TEST_F(SupervisorTest, MemoryThatHangsIsNotWaitedForByTheLoopTwice) {
    const int allowed = static_cast<int>(syscall(SYS_userfaultfd, O_CLOEXEC));
    if (allowed < 0) GTEST_SKIP() << "no userfaultfd that serves the kernel's faults here: " << std::strerror(errno);
    close(allowed);
    const auto threads = [] {
        return std::distance(std::filesystem::directory_iterator("/proc/self/task"), std::filesystem::directory_iterator());
    };
    EXPECT_EQ(wait(probe({"map", "lookup"})), 0);
    const auto before = threads();
    Barrier stuck;
    const pid_t pid = client([&] {
        const int faults = static_cast<int>(syscall(SYS_userfaultfd, O_CLOEXEC));
        uffdio_api api{};
        api.api = UFFD_API;
        CLIENT_CHECK(ioctl(faults, UFFDIO_API, &api) == 0);
        void* page = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        uffdio_register range{};
        range.range = {reinterpret_cast<uint64_t>(page), 4096};
        range.mode = UFFDIO_REGISTER_MODE_MISSING;
        CLIENT_CHECK(ioctl(faults, UFFDIO_REGISTER, &range) == 0);
        std::vector<std::thread> callers;
        for (int i = 0; i < 80; ++i) callers.emplace_back([page] { syscall(SYS_bpf, BPF_MAP_GET_NEXT_ID, page, 16); });
        uffd_msg fault{};
        CLIENT_CHECK(::read(faults, &fault, sizeof fault) == sizeof fault);  // the first has come
        stuck.open();
        pause();
    });
    stuck.wait();
    for (int i = 0; i < 5; ++i) EXPECT_EQ(wait(probe({"map", "lookup"})), 0);
    // The loop's first thread, the client's sixteen workers, and some for the others.
    EXPECT_LE(threads(), before + 40);
    EXPECT_EQ(kill(pid, SIGKILL), 0);
    EXPECT_EQ(wait(pid), 1000 + SIGKILL);
    EXPECT_EQ(wait(probe({"map", "lookup"})), 0);
}

TEST_F(SupervisorTest, AClientKilledInsideACallIsNoticed) {
    std::latch entered(1), left(1);
    kernel.on_prog_load = [&](Caller& caller) {
        entered.count_down();
        while (!caller.gone()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        uint64_t word = 0;
        EXPECT_EQ(caller.write_value(reinterpret_cast<uint64_t>(&word), word).code(), ESRCH);
        left.count_down();
    };
    const pid_t pid = client([] { load_program(); });
    entered.wait();
    kill(pid, SIGKILL);
    EXPECT_EQ(wait(pid), 1000 + SIGKILL);
    left.wait();
    while (objects() != 0) std::this_thread::yield();  // the worker's own copy of the program
    EXPECT_EQ(wait(probe({"map", "lookup"})), 0);
    stop();  // before what the handler refers to goes
}

// Clients die at any moment: nothing is left, and others go on.
TEST_F(SupervisorTest, KilledAtAnyMoment) {
    for (int round = 0; round < 40; ++round) {
        const pid_t pid = client([] {
            for (;;) {
                const int fd = make_map();
                lookup(fd);
                load_program();
                if (fork() == 0) {
                    lookup(fd);
                    _exit(0);
                }
                close(fd);
                ::wait(nullptr);
            }
        });
        usleep(static_cast<useconds_t>(500 + round * 250));
        kill(pid, SIGKILL);
        EXPECT_EQ(wait(pid), 1000 + SIGKILL);
    }
    EXPECT_EQ(wait(probe({"map", "lookup"})), 0);
    for (int i = 0; objects() != 0 && i < 2000; ++i) usleep(1000);  // orphans of the killed
    EXPECT_EQ(objects(), 0U);
}

TEST_F(SupervisorTest, MemoryThatChangesWhileItIsRead) {
    EXPECT_EQ(run([] {
                  struct Shared {
                      bpf_attr attr;
                      std::atomic<bool> stop;
                  };
                  void* memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
                  Shared* shared = new (memory) Shared{};
                  const pid_t child = fork();
                  if (child == 0) {
                      uint64_t state = 1;
                      while (!shared->stop) {
                          for (unsigned char& byte : reinterpret_cast<unsigned char(&)[sizeof(bpf_attr)]>(shared->attr)) {
                              state = state * 6364136223846793005U + 1442695040888963407U;
                              const_cast<volatile unsigned char&>(byte) = static_cast<unsigned char>(state >> 56);
                          }
                      }
                      _exit(0);
                  }
                  for (int i = 0; i < 3000; ++i) {
                      const long result = syscall(SYS_bpf, i % 8, &shared->attr, sizeof(bpf_attr));
                      if (result > 2) close(static_cast<int>(result));
                  }
                  shared->stop = true;
                  waitpid(child, nullptr, 0);
              }),
              0);
    EXPECT_EQ(wait(probe({"map", "lookup"})), 0);
}

TEST_F(SupervisorTest, RandomClosesAndMisuse) {
    const auto misuse = [] {
        uint64_t state = static_cast<uint64_t>(getpid());
        for (int fd = 3; fd < 35; ++fd) close(fd);  // an inherited file may be truncated
        for (int i = 0; i < 3000; ++i) {
            state = state * 6364136223846793005U + 1442695040888963407U;
            const int fd = 3 + static_cast<int>((state >> 40) % 32);
            switch ((state >> 32) % 8) {
                case 0:
                case 1:
                    make_map();
                    break;
                case 2:
                case 3:
                    close(fd);
                    break;
                case 4:
                    dup2(fd, 3 + static_cast<int>((state >> 50) % 32));
                    break;
                case 5:
                    if (ftruncate(fd, 4096) == 0) _exit(100);
                    break;
                case 6: {
                    void* memory = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
                    if (memory != MAP_FAILED) munmap(memory, 4096);
                    break;
                }
                default: {
                    const long found = lookup(fd);
                    if (found != 0 && found != -EBADF && found != -EINVAL) _exit(101);
                }
            }
        }
    };
    std::vector<pid_t> pids;
    for (int i = 0; i < 4; ++i) pids.push_back(client(misuse));
    for (const pid_t pid : pids) EXPECT_EQ(wait(pid), 0);
    EXPECT_EQ(objects(), 0U);
}

TEST_F(SupervisorTest, AFullDescriptorTableIsEmfile) {
    EXPECT_EQ(run([] {
                  rlimit limit{};
                  getrlimit(RLIMIT_NOFILE, &limit);
                  limit.rlim_cur = 20;
                  setrlimit(RLIMIT_NOFILE, &limit);
                  int last = 0;
                  while ((last = make_map()) >= 0) {
                  }
                  CLIENT_CHECK(last == -EMFILE);
                  close(19);
                  CLIENT_CHECK(make_map() == 19);
              }),
              0);
    EXPECT_EQ(objects(), 0U);
}

TEST_F(SupervisorTest, TenThousandObjects) {
    rlimit files{};
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &files), 0);
    rlimit raised = files;
    raised.rlim_cur = raised.rlim_max;
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &raised), 0);
    start({});  // with the raised limit
    const size_t count = std::min<size_t>(10'000, Descriptors::default_limit());
    Barrier go;
    int ready[2];
    ASSERT_EQ(pipe2(ready, O_CLOEXEC), 0);
    const pid_t pid = client([&] {
        for (size_t i = 0; i < count; ++i) CLIENT_CHECK(make_map() >= 0);
        CLIENT_CHECK(write(ready[1], "x", 1) == 1);
        go.wait();
        close_range(3, 6000, 0);
        CLIENT_CHECK(make_map() >= 0);
    });
    close(ready[1]);  // or we waited for ever for a client that has failed
    char byte = 0;
    ASSERT_EQ(read(ready[0], &byte, 1), 1) << "status of the client: " << wait(pid);
    EXPECT_EQ(objects(), count);
    EXPECT_EQ(wait(probe({"map", "lookup"})), 0);
    go.open();
    EXPECT_EQ(wait(pid), 0);
    EXPECT_EQ(run([] { CLIENT_CHECK(next_id() == -ENOENT); }), 0);
    close(ready[0]);
    stop();
    setrlimit(RLIMIT_NOFILE, &files);
}

TEST_F(SupervisorTest, AfterCloseCallsAreEnosys) {
    int ready[2];
    ASSERT_EQ(pipe2(ready, O_CLOEXEC), 0);
    Barrier go;
    const pid_t pid = client([&] {
        CLIENT_CHECK(make_map() >= 0);
        CLIENT_CHECK(write(ready[1], "x", 1) == 1);
        go.wait();
        CLIENT_CHECK(make_map() == -ENOSYS);
        execl(GRAFT_BINARY_DIR "/bin/graft-probe", "probe", "enosys", nullptr);
        _exit(127);
    });
    char byte = 0;
    EXPECT_EQ(read(ready[0], &byte, 1), 1);
    loop->post([this] { supervisor->close(); });
    go.open();
    EXPECT_EQ(wait(pid), 0);
    close(ready[0]);
    close(ready[1]);
}

TEST_F(SupervisorTest, ClosingGivesUpLongCalls) {
    std::latch entered(1);
    kernel.on_prog_load = [&](Caller& caller) {
        entered.count_down();
        while (!caller.gone()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    };
    const pid_t pid = client([] { CLIENT_CHECK(load_program() == -ENOSYS); });
    entered.wait();
    loop->post([this] { supervisor->close(); });
    EXPECT_EQ(wait(pid), 0);
    stop();  // before what the handler refers to goes
}

TEST_F(SupervisorTest, TheEndOfAClientIsToldOnce) {
    Barrier go;
    const pid_t pid = client([&] {
        if (fork() == 0) {
            go.wait();
            _exit(0);
        }
    });
    EXPECT_EQ(wait(pid), 0);
    EXPECT_EQ(supervisor->list().size(), 1U);  // the grandchild
    EXPECT_EQ(ended, 0);
    go.open();
    while (ended == 0) std::this_thread::yield();
    EXPECT_TRUE(supervisor->list().empty());
    EXPECT_EQ(ended, 1);
}

TEST_F(SupervisorTest, ASecondListenerIsRefusedWithAReason) {
    EXPECT_EQ(run([this] {
                  const Result<Fd> second = install_filter(supervisor->filter());
                  CLIENT_CHECK(second.code() == EBUSY);
                  CLIENT_CHECK(std::strstr(second.error().reason, "second seccomp listener") != nullptr);
              }),
              0);
}

TEST_F(SupervisorTest, WhatIsNoListenerIsRefused) {
    int ends[2];
    ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
    const Fd other_end(ends[1]);
    Supervisor::NewClient client;
    client.listener = Fd(ends[0]);
    EXPECT_EQ(supervisor->add(std::move(client)).code(), EINVAL);
    EXPECT_TRUE(supervisor->list().empty());
}

// The 32-bit entry must not reach the host's bpf(2).  A host without that entry kills the client.
TEST_F(SupervisorTest, TheCompatEntryIsEnosys) {
    const int status = run([] {
        long result = 357;
        asm volatile("int $0x80" : "+a"(result) : "b"(0), "c"(0), "d"(0) : "memory");
        CLIENT_CHECK(static_cast<int>(result) == -ENOSYS);
        CLIENT_CHECK(syscall(0x40000000 | SYS_bpf, 0, nullptr, 0) == -1 && errno == ENOSYS);
    });
    EXPECT_TRUE(status == 0 || status == 1000 + SIGSEGV) << status;
}

// getpriority(2) stands for calls that other modules trap.
TEST_F(SupervisorTest, RowsTrapWhatTheirTestsSay) {
    TrapRow row;
    row.number = SYS_getpriority;
    row.when = {argument_is(0, PRIO_USER), {1, 960, 1015}};
    row.handle = [](const std::shared_ptr<Trap>& trap) { return Outcome::value(static_cast<int64_t>(trap->argument(1))); };
    TrapRow other = row;
    other.when = {argument_is(0, PRIO_PGRP)};
    other.handle = [](const std::shared_ptr<Trap>&) { return Outcome::error(EDOM); };
    start({row, other});
    EXPECT_EQ(run([] {
                  const auto get = [](int which, int who) { return syscall(SYS_getpriority, which, who); };
                  CLIENT_CHECK(get(PRIO_USER, 960) == 960 && get(PRIO_USER, 1015) == 1015 && get(PRIO_USER, 1000) == 1000);
                  CLIENT_CHECK(get(PRIO_USER, 0) <= 40);
                  CLIENT_CHECK(get(PRIO_PROCESS, 0) <= 40);
                  CLIENT_CHECK(get(PRIO_PGRP, 0) == -1 && errno == EDOM);
                  CLIENT_CHECK(get(99, 0) == -1 && errno == EINVAL);
              }),
              0);
}

TEST_F(SupervisorTest, AHandlerMayAnswerLater) {
    std::mutex lock;
    std::shared_ptr<Trap> kept;
    std::atomic<int> gone = 0;
    TrapRow row;
    row.number = SYS_getpriority;
    row.handle = [&](const std::shared_ptr<Trap>& trap) {
        trap->when_gone([&] {
            ++gone;
            const std::lock_guard guard(lock);
            kept.reset();
        });
        const std::lock_guard guard(lock);
        kept = trap;
        return Outcome::later();
    };
    start({row});
    const auto is_kept = [&] {
        const std::lock_guard guard(lock);
        return static_cast<bool>(kept);
    };
    const pid_t answered = client([] { CLIENT_CHECK(syscall(SYS_getpriority, 0, 0) == 77); });
    while (!is_kept()) std::this_thread::yield();
    EXPECT_EQ(wait(probe({"map", "lookup"})), 0);
    kept->finish(Outcome::value(77));
    kept->finish(Outcome::value(78));
    EXPECT_EQ(wait(answered), 0);
    kept.reset();

    const pid_t killed = client([] { syscall(SYS_getpriority, 0, 0); });
    while (!is_kept()) std::this_thread::yield();
    kill(killed, SIGKILL);
    EXPECT_EQ(wait(killed), 1000 + SIGKILL);
    while (gone == 0) std::this_thread::yield();
    EXPECT_FALSE(is_kept());
    stop();  // before what the handler refers to goes
}

TEST_F(SupervisorTest, ADroppedTrapIsAnswered) {
    TrapRow row;
    row.number = SYS_getpriority;
    row.handle = [](const std::shared_ptr<Trap>&) { return Outcome::later(); };
    start({row});
    EXPECT_EQ(run([] { CLIENT_CHECK(syscall(SYS_getpriority, 0, 0) == -1 && errno == EIO); }), 0);
}

TEST_F(SupervisorTest, DescriptorsAndLinesForTheClient) {
    int shown[2];
    ASSERT_EQ(pipe2(shown, O_CLOEXEC), 0);
    TrapRow row;
    row.number = SYS_getpriority;
    row.handle = [](const std::shared_ptr<Trap>& trap) {
        Result<Fd> copied = trap->copy_descriptor(trap->int_argument(1));
        if (!copied.ok()) return Outcome::error(copied.error());
        trap->tell("graft: a line\n");
        const Result<int> at = trap->install(copied->get(), 960, true);
        return at.ok() ? Outcome::value(at.value()) : Outcome::error(at.error());
    };
    start({row});
    EXPECT_EQ(run([&] {
                  dup2(shown[1], STDERR_FILENO);
                  int fds[2];
                  CLIENT_CHECK(pipe(fds) == 0);
                  CLIENT_CHECK(syscall(SYS_getpriority, 0, fds[1]) == 960);
                  CLIENT_CHECK(write(960, "x", 1) == 1 && fcntl(960, F_GETFD) == FD_CLOEXEC);
                  char byte = 0;
                  CLIENT_CHECK(read(fds[0], &byte, 1) == 1 && byte == 'x');
                  CLIENT_CHECK(syscall(SYS_getpriority, 0, 900) == -1 && errno == EBADF);
              }),
              0);
    char text[64] = {};
    EXPECT_GT(read(shown[0], text, sizeof(text) - 1), 0);
    EXPECT_STREQ(text, "graft: a line\n");
    close(shown[0]);
    close(shown[1]);
}

// BPF's tools raise it and give up when they may not.
TEST_F(SupervisorTest, LockedMemoryMayBeRaised) {
    start(rlimit_traps());
    EXPECT_EQ(run([] {
                  const rlimit infinite{RLIM_INFINITY, RLIM_INFINITY};
                  rlimit low{4096, 65536}, before{}, now{};
                  CLIENT_CHECK(setrlimit(RLIMIT_MEMLOCK, &low) == 0);
                  CLIENT_CHECK(getrlimit(RLIMIT_MEMLOCK, &now) == 0 && now.rlim_cur == 4096 && now.rlim_max == 65536);
                  CLIENT_CHECK(syscall(SYS_prlimit64, 0, RLIMIT_MEMLOCK, &infinite, &before) == 0 && before.rlim_cur == 4096);
                  CLIENT_CHECK(getrlimit(RLIMIT_MEMLOCK, &now) == 0 && now.rlim_cur >= 65536);
                  CLIENT_CHECK(syscall(SYS_setrlimit, RLIMIT_MEMLOCK, &infinite) == 0);
                  CLIENT_CHECK(setrlimit(RLIMIT_MEMLOCK, &low) == 0);
                  // Mistakes are the host's to tell.
                  const rlimit wrong{65536, 4096};
                  CLIENT_CHECK(setrlimit(RLIMIT_MEMLOCK, &wrong) == -1 && errno == EINVAL);
                  CLIENT_CHECK(syscall(SYS_setrlimit, RLIMIT_MEMLOCK, 8) == -1 && errno == EFAULT);
                  CLIENT_CHECK(syscall(SYS_prlimit64, 0, RLIMIT_MEMLOCK, &infinite, 8) == -1 && errno == EFAULT);
                  // Other limits are the host's.
                  CLIENT_CHECK(getrlimit(RLIMIT_NICE, &before) == 0);
              }),
              0);
}

// A bpffs that the client mounts: its own, empty, answers statfs as one; what is pinned in it goes with it.
TEST_F(SupervisorTest, MountOfABpffs) {
    if (geteuid() != 0) GTEST_SKIP() << "entering the client's mount namespace takes root here; `graft run` gives it to the daemon";
    std::string directory = ::testing::TempDir() + "graft-bpffs-XXXXXX";
    ASSERT_NE(mkdtemp(directory.data()), nullptr);
    EXPECT_EQ(run([&] {
                  CLIENT_CHECK(unshare(CLONE_NEWNS) == 0 && mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0);
                  const int fd = make_map();
                  struct statfs status{};
                  CLIENT_CHECK(statfs(directory.c_str(), &status) == 0 && status.f_type != bpffs_magic);
                  CLIENT_CHECK(object_path(BPF_OBJ_PIN, directory + "/a", fd) == -EPERM);
                  CLIENT_CHECK(mount("bpf", directory.c_str(), "bpf", 0, "mode=0750,bogus=1") == 0);
                  CLIENT_CHECK(statfs(directory.c_str(), &status) == 0 && status.f_type == bpffs_magic);
                  struct stat root{};
                  CLIENT_CHECK(stat(directory.c_str(), &root) == 0 && (root.st_mode & 07777) == 0750);
                  const int root_fd = open(directory.c_str(), O_RDONLY);
                  CLIENT_CHECK(fstatfs(root_fd, &status) == 0 && status.f_type == bpffs_magic);
                  close(root_fd);
                  CLIENT_CHECK(object_path(BPF_OBJ_PIN, directory + "/a", fd) == 0);
                  CLIENT_CHECK(chdir(directory.c_str()) == 0 && object_path(BPF_OBJ_PIN, "b", fd) == 0 && chdir("/") == 0);
                  CLIENT_CHECK(lookup(static_cast<int>(object_path(BPF_OBJ_GET, directory + "/b"))) == 0);
                  CLIENT_CHECK(unlink((directory + "/b").c_str()) == 0);
                  close_range(3, ~0U, 0);
                  CLIENT_CHECK(next_id() > 0);
                  CLIENT_CHECK(mount("x", directory.c_str(), "nosuchfs", 0, nullptr) == -1 && errno == ENODEV);
                  CLIENT_CHECK(umount(directory.c_str()) == 0);
                  CLIENT_CHECK(next_id() == -ENOENT);
                  CLIENT_CHECK(mount("bpf", (directory + "/none").c_str(), "bpf", 0, nullptr) == -1 && errno == ENOENT);
                  // Graft mounts with its own rights, so it asks for the client's.
                  CLIENT_CHECK(setresuid(65534, 65534, 65534) == 0 && prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0);
                  CLIENT_CHECK(mount("bpf", directory.c_str(), "bpf", 0, nullptr) == -1 && errno == EPERM);
              }),
              0);
    rmdir(directory.c_str());
}

}  // namespace
}  // namespace graft::client
