// hostile WHAT [N] - a client that does what no honest one does.  Exit status 0: graft answered each call as Linux would.
//
//   die N       N children are killed at any moment of their calls
//   closes      descriptors are closed, copied and misused at random, between calls and during them
//   unmapped    each command with pointers to memory that is not there, or ends too early
//   changing    another thread changes attr, instructions and BTF while graft reads them
//   files       what file system calls can do to an object: truncate, write, punch, seal, map, lock, re-open
//   netlink     rtnetlink messages about interfaces, broken at random, by every way of sending; interfaces may be left
//   flood       eight threads of calls
//   hold N      N maps held at once, then closed; -ENFILE before that is said: "full at M"
//   links N     N links, then waits to be killed (prints "ready")
//   processes   as many processes as there may be, so that graft gets no thread for a call: -EAGAIN or -ENOBUFS until there is room again
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "support/assembly.h"
#include "support/call.h"
#include "support/object_file.h"
#include "support/programs.h"

namespace {

using namespace test;

#define REQUIRE(condition)                                                                                         \
    do {                                                                                                           \
        if (!(condition)) {                                                                                        \
            std::fprintf(stderr, "hostile: line %d: %s (errno %s)\n", __LINE__, #condition, std::strerror(errno)); \
            _exit(1);                                                                                              \
        }                                                                                                          \
    } while (false)

// Numbers that are the same in every run.
class Random {
public:
    explicit Random(uint64_t seed) : state_(seed * 2 + 1) {}
    uint32_t below(uint32_t end) {
        state_ = state_ * 6364136223846793005U + 1442695040888963407U;
        return static_cast<uint32_t>(state_ >> 33) % end;
    }

private:
    uint64_t state_;
};

const Program pass{mov(r0, XDP_PASS), exit()};

// Takes some time to verify: both branches of each comparison are walked.
Program long_program() {
    Program program{mov(r0, 0), load(BPF_W, r2, r1, 12)};
    for (int i = 0; i < 2000; ++i) {
        for (const Code& code : {jump_if(BPF_JEQ, r2, i, 1), mov(r3, i)}) program.push_back(code.slots[0]);
    }
    program.push_back(exit().slots[0]);
    return program;
}

Fd array(uint32_t flags = 0) { return Fd(map_create(BPF_MAP_TYPE_ARRAY, 4, 8, 4, flags)); }

// --- die -------------------------------------------------------------------------------------------------------------------------------

[[noreturn]] void call_for_ever() {
    const Program slow = long_program();
    for (;;) {
        const Fd map = array(), hash(map_create(BPF_MAP_TYPE_HASH, 4, 8, 4)), program(prog_load(BPF_PROG_TYPE_XDP, slow));
        const uint64_t word = 1;
        map_update(map, &word, &word);
        map_update(hash, &word, &word);
        if (program.ok()) run(program.get());
    }
}

int die(int count) {
    Random random(1);
    for (int i = 0; i < count; ++i) {
        const pid_t child = fork();
        if (child == 0) call_for_ever();
        usleep(random.below(20'000));
        kill(child, SIGKILL);
        int status = 0;
        REQUIRE(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
    }
    return 0;
}

// --- closes ----------------------------------------------------------------------------------------------------------------------------

void misuse(Random& random) {
    constexpr int first = 3, count = 40;
    const auto any = [&random] { return first + static_cast<int>(random.below(count)); };
    const auto keep = [](long fd) { return fd; };  // the number is closed by a later step, perhaps
    std::array<unsigned char, 64> memory{};
    switch (random.below(14)) {
        case 0:
            keep(map_create(BPF_MAP_TYPE_ARRAY, 4, 8, 4, random.below(2) != 0 ? BPF_F_MMAPABLE : 0));
            break;
        case 1:
            keep(map_create(BPF_MAP_TYPE_HASH, 4, 8, 4));
            break;
        case 2:
            keep(prog_load(BPF_PROG_TYPE_XDP, pass));
            break;
        case 3:
        case 4:
        case 5:
            close(any());
            break;
        case 6:
            dup2(any(), any());
            break;
        case 7:
            REQUIRE(ftruncate(any(), 12288) != 0);
            break;
        default: {
            // Any command with any numbers as descriptors.
            Attr attr;
            for (size_t at = 0; at < 24; at += 4) attr.put(at, random.below(3) == 0 ? 0U : static_cast<uint32_t>(any()));
            if (random.below(2) != 0) attr.put(8, pointer(memory.data()));
            if (random.below(2) != 0) attr.put(16, pointer(memory.data()));
            constexpr std::array commands = {BPF_MAP_LOOKUP_ELEM,   BPF_MAP_UPDATE_ELEM,    BPF_MAP_DELETE_ELEM,  BPF_MAP_GET_NEXT_KEY,
                                             BPF_PROG_TEST_RUN,     BPF_OBJ_GET_INFO_BY_FD, BPF_MAP_FREEZE,       BPF_LINK_CREATE,
                                             BPF_LINK_UPDATE,       BPF_LINK_DETACH,        BPF_PROG_BIND_MAP,    BPF_RAW_TRACEPOINT_OPEN,
                                             BPF_PROG_GET_FD_BY_ID, BPF_MAP_GET_FD_BY_ID,   BPF_BTF_GET_FD_BY_ID, BPF_LINK_GET_FD_BY_ID};
            attr.call(commands[random.below(commands.size())], 24 + random.below(100));
        }
    }
}

int closes() {
    close_range(3, ~0U, 0);
    std::vector<std::thread> threads;
    for (uint64_t seed = 1; seed <= 3; ++seed) {
        threads.emplace_back([seed] {
            Random random(seed);
            for (int i = 0; i < 4000; ++i) misuse(random);
        });
    }
    for (std::thread& thread : threads) thread.join();
    return 0;
}

// --- unmapped --------------------------------------------------------------------------------------------------------------------------

int unmapped() {
    constexpr size_t page = 4096;
    char* const pages = static_cast<char*>(mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    REQUIRE(pages != MAP_FAILED && munmap(pages + page, page) == 0);
    const std::array<uint64_t, 5> bad = {0, 8, pointer(pages + page - 2), pointer(pages + page), ~uint64_t{0} - 3};
    const Fd map = array(), program(prog_load(BPF_PROG_TYPE_XDP, pass));
    REQUIRE(map.ok() && program.ok());
    uint64_t word = 0;
    for (const uint64_t address : bad) {
        const void* const nowhere = reinterpret_cast<const void*>(address);
        REQUIRE(map_lookup(map, nowhere, &word) == -EFAULT);
        REQUIRE(map_lookup(map, &word, const_cast<void*>(nowhere)) == -EFAULT);
        REQUIRE(map_update(map, &word, nowhere) == -EFAULT);
        REQUIRE(map_next_key(map, &word, const_cast<void*>(nowhere)) == -EFAULT);
        Attr load = program_attr(BPF_PROG_TYPE_XDP, pass);
        load->insns = address;
        REQUIRE(load.call(BPF_PROG_LOAD) == -EFAULT);
        load = program_attr(BPF_PROG_TYPE_XDP, pass);
        load->license = address;
        if (address != pointer(pages + page - 2)) REQUIRE(load.call(BPF_PROG_LOAD) == -EFAULT);  // there, an empty string
        Attr btf;
        btf->btf = address;
        btf->btf_size = 64;
        REQUIRE(btf.call(BPF_BTF_LOAD) == -EFAULT);
        Attr info;
        info->info.bpf_fd = program.u();
        info->info.info = address;
        info->info.info_len = 64;
        REQUIRE(info.call(BPF_OBJ_GET_INFO_BY_FD) == -EFAULT);
        Attr test_run;
        test_run->test.prog_fd = program.u();
        test_run->test.data_in = address;
        test_run->test.data_size_in = 64;
        REQUIRE(test_run.call(BPF_PROG_TEST_RUN) == -EFAULT);
        Attr get;
        get->pathname = address;
        REQUIRE(get.call(BPF_OBJ_GET) == (address == pointer(pages + page - 2) ? -ENOENT : -EFAULT));
        REQUIRE(syscall(SYS_bpf, BPF_MAP_CREATE, address, 72) == -1 && errno == EFAULT);
    }
    // Every command, each word of its attr in turn a bad address: an errno, or what does not look at that word.
    for (int command = 0; command < 40; ++command) {
        for (size_t at = 0; at < 128; at += 8) {
            Attr attr;
            attr->map_fd = map.u();
            attr.put(at, bad[command % bad.size()]);
            const long answer = attr.call(command, 144);
            if (answer > 2 && command != BPF_BTF_GET_FD_BY_ID) close(static_cast<int>(answer));
        }
    }
    return 0;
}

// --- changing --------------------------------------------------------------------------------------------------------------------------

int changing() {
    const Fd map = array();
    Program program = long_program();
    program.resize(64);
    program.back() = exit().slots[0];
    Attr load = program_attr(BPF_PROG_TYPE_XDP, program), update;
    uint64_t key = 0, value = 1;
    update->map_fd = map.u();
    update->key = pointer(&key);
    update->value = pointer(&value);
    std::array<unsigned char, 256> types{};
    Attr btf;
    btf->btf = pointer(types.data());
    btf->btf_size = types.size();
    const Attr honest_load = load, honest_update = update, honest_btf = btf;

    std::atomic<bool> stop = false;
    std::thread changer([&] {
        Random random(7);
        const auto spoil = [&random](void* memory, size_t size) {
            static_cast<volatile unsigned char*>(memory)[random.below(static_cast<uint32_t>(size))] =
                static_cast<unsigned char>(random.below(256));
        };
        while (!stop) {
            spoil(&load, 72);
            spoil(&update, 32);
            spoil(&btf, 24);
            spoil(program.data(), program.size() * sizeof(bpf_insn));
            spoil(types.data(), types.size());
            spoil(&key, sizeof key);
            spoil(&value, sizeof value);
        }
    });
    for (int i = 0; i < 1500; ++i) {
        const long answers[] = {load.call(BPF_PROG_LOAD), update.call(BPF_MAP_UPDATE_ELEM), btf.call(BPF_BTF_LOAD)};
        for (const long answer : answers) {
            if (answer > 2) close(static_cast<int>(answer));
        }
        if (i % 50 != 0) continue;
        load = honest_load;
        update = honest_update;
        btf = honest_btf;
    }
    stop = true;
    changer.join();
    uint64_t again = 0;
    key = 0;
    REQUIRE(map_lookup(map, &key, &again) == 0);
    return 0;
}

// --- files -----------------------------------------------------------------------------------------------------------------------------

// The object still works: reads what is written into it.
void require_alive(const Fd& map) {
    uint32_t key = 1;
    uint64_t in = 0x1122334455667788, out = 0;
    REQUIRE(map_update(map, &key, &in) == 0 && map_lookup(map, &key, &out) == 0 && in == out);
}

void spoil_file(const Fd& map, bool has_memory) {
    const int fd = map.get();
    for (const off_t size : {0, 1, 4096, 1 << 20}) {
        struct stat status{};
        REQUIRE(fstat(fd, &status) == 0);
        REQUIRE(size == status.st_size || ftruncate(fd, size) != 0);
        require_alive(map);
    }
    const std::array<char, 100> junk{};
    REQUIRE(pwrite(fd, junk.data(), junk.size(), 1 << 20) != static_cast<ssize_t>(junk.size()));
    if (!has_memory) REQUIRE(write(fd, junk.data(), junk.size()) <= 0);
    fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096);
    REQUIRE(fallocate(fd, 0, 0, 1 << 20) != 0 && fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 0, 4096) != 0);
    require_alive(map);
    fcntl(fd, F_SETFL, O_NONBLOCK | O_APPEND);
    REQUIRE(flock(fd, LOCK_EX) == 0 && fcntl(fd, F_SETOWN, getpid()) == 0);
    fcntl(fd, F_SETLEASE, F_RDLCK);
    require_alive(map);
    fcntl(fd, F_SETLEASE, F_UNLCK);
    // Opened again: another description of the same object.
    const std::string path = "/proc/self/fd/" + std::to_string(fd);
    const Fd again(open(path.c_str(), O_RDWR));
    if (again.ok()) require_alive(again);
    const Fd truncated(open(path.c_str(), O_RDWR | O_TRUNC));
    REQUIRE(!has_memory || !truncated.ok());
    require_alive(map);
    REQUIRE(execl(path.c_str(), "x", nullptr) != 0);
}

// No seal of a client's may keep the kernel, or a freeze, from its work.
void seal(const Fd& map) {
    for (const int seals : {F_SEAL_FUTURE_WRITE, F_SEAL_WRITE, F_SEAL_SEAL}) {
        fcntl(map.get(), F_ADD_SEALS, seals);
        require_alive(map);
    }
    REQUIRE(map_freeze(map) == 0);
    uint64_t word = 1;
    REQUIRE(map_update(map, &word, &word) == -EPERM && map_lookup(map, &word, &word) == 0);
}

int files() {
    signal(SIGIO, SIG_IGN);
    const Fd plain = array(), mapped = array(BPF_F_MMAPABLE), plain_2 = array(), mapped_2 = array(BPF_F_MMAPABLE);
    char* const memory = static_cast<char*>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, mapped.get(), 0));
    REQUIRE(memory != MAP_FAILED);
    spoil_file(plain, false);
    spoil_file(mapped, true);
    std::memset(memory, 0xff, 4096);
    require_alive(mapped);
    REQUIRE(madvise(memory, 4096, MADV_REMOVE) == 0 || errno != 0);
    require_alive(mapped);
    seal(plain_2);
    seal(mapped_2);
    return 0;
}

// --- flood -----------------------------------------------------------------------------------------------------------------------------

void flood_once() {
    const Fd map = array(), program(prog_load(BPF_PROG_TYPE_XDP, pass));
    REQUIRE(map.ok() && program.ok());
    require_alive(map);
    REQUIRE(run(program.get()).verdict == XDP_PASS);
    Attr attr;
    REQUIRE(attr.call(BPF_MAP_GET_NEXT_ID) == 0 && attr->next_id != 0);
    REQUIRE(attr.call(BPF_OBJ_GET) < 0);
}

int flood() {
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) {
        threads.emplace_back([] {
            for (int round = 0; round < 400; ++round) flood_once();
        });
    }
    for (std::thread& thread : threads) thread.join();
    return 0;
}

// --- netlink ---------------------------------------------------------------------------------------------------------------------------

using Bytes = std::vector<unsigned char>;

void append(Bytes& bytes, const void* data, size_t size) {
    const auto* const from = static_cast<const unsigned char*>(data);
    bytes.insert(bytes.end(), from, from + size);
    bytes.resize((bytes.size() + 3) / 4 * 4);
}

// An attribute around what was appended since `start`, or of a number.
void enclose(Bytes& bytes, size_t start, unsigned type) {
    const rtattr header{static_cast<unsigned short>(bytes.size() - start + sizeof(rtattr)), static_cast<unsigned short>(type)};
    const auto* const from = reinterpret_cast<const unsigned char*>(&header);
    bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(start), from, from + sizeof header);
}
void attribute(Bytes& bytes, unsigned type, const void* data, size_t size) {
    const size_t start = bytes.size();
    append(bytes, data, size);
    enclose(bytes, start, type);
}
void number(Bytes& bytes, unsigned type, uint32_t value) { attribute(bytes, type, &value, sizeof value); }
void name(Bytes& bytes, Random& random) { attribute(bytes, IFLA_IFNAME, ("hostile" + std::to_string(random.below(8))).c_str(), 9); }

// A message that is right.
Bytes link_message(Random& random) {
    constexpr std::array<uint16_t, 4> types = {RTM_NEWLINK, RTM_SETLINK, RTM_GETLINK, RTM_DELLINK};
    nlmsghdr header{};
    header.nlmsg_type = types[random.below(types.size())];
    header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    if (header.nlmsg_type == RTM_NEWLINK && random.below(2) != 0) header.nlmsg_flags |= NLM_F_CREATE | NLM_F_EXCL;
    header.nlmsg_seq = random.below(UINT32_MAX);
    ifinfomsg link{};
    if (random.below(2) != 0) link.ifi_index = static_cast<int>(2 + random.below(8));  // not lo
    Bytes bytes;
    append(bytes, &header, sizeof header);
    append(bytes, &link, sizeof link);
    if (random.below(2) != 0) name(bytes, random);
    if (random.below(4) == 0) number(bytes, IFLA_MTU, random.below(70'000));
    if (random.below(4) == 0) number(bytes, random.below(2) != 0 ? IFLA_NET_NS_FD : IFLA_NET_NS_PID, random.below(64));
    const size_t start = bytes.size();
    if (random.below(2) != 0) {
        number(bytes, IFLA_XDP_FD, random.below(8) - 1);
        number(bytes, IFLA_XDP_FLAGS, random.below(32));
        if (random.below(2) != 0) number(bytes, IFLA_XDP_EXPECTED_FD, random.below(8) - 1);
        enclose(bytes, start, IFLA_XDP | NLA_F_NESTED);
    } else {
        attribute(bytes, IFLA_INFO_KIND, "veth", 4);
        const size_t data = bytes.size();
        append(bytes, &link, sizeof link);
        name(bytes, random);
        enclose(bytes, data, VETH_INFO_PEER);
        enclose(bytes, data, IFLA_INFO_DATA);
        enclose(bytes, start, IFLA_LINKINFO);
    }
    header.nlmsg_len = static_cast<uint32_t>(bytes.size());
    std::memcpy(bytes.data(), &header, sizeof header);
    return bytes;
}

void send_somehow(int socket, Bytes& bytes, Random& random) {
    const size_t half = random.below(static_cast<uint32_t>(bytes.size()));
    std::array<iovec, 2> pieces = {{{bytes.data(), half}, {bytes.data() + half, bytes.size() - half}}};
    mmsghdr message{};
    message.msg_hdr.msg_iov = pieces.data();
    message.msg_hdr.msg_iovlen = pieces.size();
    const std::array<ssize_t, 5> sent = {
        random.below(5) == 0 ? send(socket, bytes.data(), bytes.size(), 0) : 0,
        random.below(5) == 0 ? write(socket, bytes.data(), bytes.size()) : 0, random.below(5) == 0 ? writev(socket, pieces.data(), 2) : 0,
        random.below(5) == 0 ? sendmsg(socket, &message.msg_hdr, 0) : 0, random.below(5) == 0 ? sendmmsg(socket, &message, 1, 0) : 0};
    static_cast<void>(sent);
}

// Some messages move interfaces into another process's network namespace: in a user namespace they cannot reach the host's.
bool may_reach_the_host() {
    unsigned inside = 1, outside = 1, count = 0;
    std::ifstream("/proc/self/uid_map") >> inside >> outside >> count;
    return count == UINT32_MAX;
}

int netlink() {
    REQUIRE(!may_reach_the_host());
    Random random(1);
    std::array<unsigned char, 65536> answer{};
    for (int i = 0; i < 150; ++i) {
        const Fd one(socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK, NETLINK_ROUTE));
        REQUIRE(one.ok());
        for (int messages = 0; messages < 20; ++messages) {
            Bytes bytes = link_message(random);
            if (random.below(4) == 0) {
                const Bytes second = link_message(random);
                bytes.insert(bytes.end(), second.begin(), second.end());
            }
            constexpr std::array<uint32_t, 4> spoiled = {0, 1, 3, 10};
            for (uint32_t n = spoiled[random.below(spoiled.size())]; n > 0; --n)
                bytes[random.below(static_cast<uint32_t>(bytes.size()))] = static_cast<unsigned char>(random.below(256));
            send_somehow(one.get(), bytes, random);
            while (recv(one.get(), answer.data(), 1U << random.below(17), random.below(2) != 0 ? MSG_TRUNC : 0) >= 0) {
            }
        }
    }
    require_alive(array());
    return 0;
}

// --- hold, links -----------------------------------------------------------------------------------------------------------------------

int hold(int count) {
    std::vector<Fd> maps;
    while (static_cast<int>(maps.size()) < count) {
        Fd map = array();
        if (map.error() == -ENFILE) {
            std::printf("full at %zu\n", maps.size());
            break;
        }
        REQUIRE(map.ok());
        maps.push_back(std::move(map));
    }
    require_alive(maps.front());
    require_alive(maps.back());
    // There is room again at once.
    maps.resize(maps.size() / 2);
    const Fd one_more = array();
    REQUIRE(one_more.ok());
    require_alive(one_more);
    return 0;
}

// --- processes -------------------------------------------------------------------------------------------------------------------------

int processes() {
    const char* place = "hostile-bpffs";
    REQUIRE(mkdir(place, 0700) == 0 || errno == EEXIST);
    std::vector<pid_t> children;
    for (;;) {
        const pid_t child = fork();
        if (child == 0) {
            pause();
            _exit(0);
        }
        if (child < 0) break;
        children.push_back(child);
    }
    const bool full = errno == EAGAIN;
    // What needs no thread goes on, also what frees after a grace period.
    for (int i = 0; i < 100; ++i) {
        const Fd hash(map_create(BPF_MAP_TYPE_HASH, 4, 8, 4));
        const uint64_t word = 1;
        const uint32_t key = 1;
        REQUIRE(hash.ok() && map_update(hash, &key, &word) == 0 && map_update(hash, &key, &word) == 0 && map_delete(hash, &key) == 0);
        const Fd program(prog_load(BPF_PROG_TYPE_XDP, pass));
        REQUIRE(program.ok() && run(program.get()).verdict == XDP_PASS);
    }
    const bool refused = mount("bpf", place, "bpf", 0, nullptr) != 0 && errno == EAGAIN;
    const Fd no_socket(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE) >= 0 ? 0 : -errno);
    for (const pid_t child : children) kill(child, SIGKILL);
    for (const pid_t child : children) waitpid(child, nullptr, 0);
    REQUIRE(full && refused && no_socket.error() == -ENOBUFS);
    require_alive(array());
    REQUIRE(mount("bpf", place, "bpf", 0, nullptr) == 0 && umount(place) == 0 && rmdir(place) == 0);
    REQUIRE(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE) >= 0);
    return 0;
}

// One freplace program at as many targets.
int links(int count) {
    ObjectFile first("xdp_target"), extension("extension");
    REQUIRE(first.load() == 0);
    const int target = first.program_fd("target");
    bpf_program* program = nullptr;
    bpf_object__for_each_program(program, extension.get()) bpf_program__set_autoload(program, false);
    bpf_program* const new_x = extension.program("new_x");
    bpf_program__set_autoload(new_x, true);
    REQUIRE(bpf_program__set_attach_target(new_x, target, "get_x") == 0 && extension.load() == 0);
    std::vector<int> held;
    for (int i = 0; i < count; ++i) {
        ObjectFile copy("xdp_target");
        REQUIRE(copy.load() == 0);
        LIBBPF_OPTS(bpf_link_create_opts, options, .target_btf_id = function_id(target, "get_x"));
        held.push_back(bpf_link_create(bpf_program__fd(new_x), copy.program_fd("target"), static_cast<bpf_attach_type>(0), &options));
        REQUIRE(held.back() >= 0);
    }
    std::puts("ready");
    std::fflush(stdout);
    pause();
    return 1;
}

}  // namespace

int main(int argc, char** argv) {
    const std::string what = argc > 1 ? argv[1] : "";
    const int count = argc > 2 ? std::atoi(argv[2]) : 100;
    libbpf_set_print(nullptr);
    if (what == "die") return die(count);
    if (what == "closes") return closes();
    if (what == "unmapped") return unmapped();
    if (what == "changing") return changing();
    if (what == "files") return files();
    if (what == "netlink") return netlink();
    if (what == "flood") return flood();
    if (what == "hold") return hold(count);
    if (what == "links") return links(count);
    if (what == "processes") return processes();
    std::fprintf(stderr, "hostile: what?\n");
    return 2;
}
