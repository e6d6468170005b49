// Perf buffers: records that programs hand to clients (BPF_MAP_TYPE_PERF_EVENT_ARRAY, perf_event_open, epoll).
#include <gtest/gtest.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <vector>

#include "support/assembly.h"
#include "support/call.h"
#include "support/object_file.h"
#include "support/programs.h"

namespace test {
namespace {

struct Received {
    std::vector<std::vector<uint32_t>> records;
    uint64_t lost = 0;
};

struct FreeBuffer {
    void operator()(perf_buffer* buffer) const { perf_buffer__free(buffer); }
};

class PerfBuffer : public testing::Test {
protected:
    // Loads one program of perf.bpf.c.
    void load(ObjectFile& object, const char* name, int target = -1, const char* function = nullptr) {
        bpf_program* each = nullptr;
        bpf_object__for_each_program(each, object.get()) bpf_program__set_autoload(each, false);
        bpf_program__set_autoload(object.program(name), true);
        if (target >= 0) {
            ASSERT_EQ(0, bpf_program__set_attach_target(object.program(name), target, function));
        }
        ASSERT_EQ(0, object.load());
    }
    void open(ObjectFile& object, size_t pages = 8) {
        buffer.reset(perf_buffer__new(object.map_fd("events"), pages, take, lose, &received, nullptr));
        ASSERT_NE(nullptr, buffer) << errno;
    }
    long answer(ObjectFile& object) {
        struct {
            uint32_t number;
            long answer;
        } data{};
        uint32_t zero = 0;
        bpf_map_lookup_elem(object.map_fd(".bss"), &zero, &data);
        return data.answer;
    }

    Received received;
    std::unique_ptr<perf_buffer, FreeBuffer> buffer;

private:
    static void take(void* context, int, void* data, uint32_t size) {
        std::vector<uint32_t> words(size / 4);
        std::memcpy(words.data(), data, words.size() * 4);
        static_cast<Received*>(context)->records.push_back(words);
    }
    static void lose(void* context, int, unsigned long long count) { static_cast<Received*>(context)->lost += count; }
};

TEST_F(PerfBuffer, RecordsArrive) {
    ObjectFile object("perf");
    load(object, "count");
    open(object);
    EXPECT_EQ(0, perf_buffer__poll(buffer.get(), 0));
    for (uint32_t i = 1; i <= 3; ++i) {
        ASSERT_EQ(0, run(object.program_fd("count")).answer);
        EXPECT_EQ(0, answer(object));
        EXPECT_EQ(1, perf_buffer__poll(buffer.get(), 5000));
        ASSERT_EQ(i, received.records.size());
        // A record's size is rounded up so that the next one is aligned.
        ASSERT_EQ(3U, received.records.back().size());
        EXPECT_EQ(0xabcdU, received.records.back()[0]);
        EXPECT_EQ(i, received.records.back()[1]);
    }
    EXPECT_EQ(0, perf_buffer__poll(buffer.get(), 0));
    EXPECT_EQ(0U, received.lost);
}

TEST_F(PerfBuffer, WhatDoesNotFitIsCounted) {
    ObjectFile object("perf");
    load(object, "count");
    open(object, 1);
    Attr attr;
    attr->test.prog_fd = static_cast<uint32_t>(object.program_fd("count"));
    std::vector<unsigned char> packet(64);
    attr->test.data_in = pointer(packet.data());
    attr->test.data_size_in = static_cast<uint32_t>(packet.size());
    attr->test.repeat = 20000;
    ASSERT_ANSWER(0, attr.call(BPF_PROG_TEST_RUN));
    perf_buffer__consume(buffer.get());
    EXPECT_GT(received.records.size(), 100U);
    // That some were lost is said in front of the next that fits, which may come on another CPU first.
    for (int i = 0; i < 1000 && received.lost == 0; ++i) {
        ASSERT_ANSWER(0, attr.call(BPF_PROG_TEST_RUN));
        perf_buffer__consume(buffer.get());
    }
    EXPECT_GT(received.lost, 100U);
}

TEST_F(PerfBuffer, AProgramsMistakes) {
    ObjectFile object("perf");
    load(object, "misuse");
    const auto refusal = [&](uint32_t number) {
        uint64_t data[2] = {number, 0};
        uint32_t zero = 0;
        bpf_map_update_elem(object.map_fd(".bss"), &zero, data, BPF_ANY);
        return name_of(-static_cast<long>(run(object.program_fd("misuse")).verdict));
    };
    EXPECT_EQ("-E2BIG", refusal(0));
    EXPECT_EQ("-EINVAL", refusal(1));
    EXPECT_EQ("-ENOENT", refusal(2));
    open(object);
    EXPECT_EQ("0", refusal(2));
}

// From the frame's first byte on, what the program said and then as many bytes as its flags.
TEST_F(PerfBuffer, AProgramOnPacketsHandsOverTheFrame) {
    for (const char* name : {"count_frame", "count_skb"}) {
        SCOPED_TRACE(name);
        buffer.reset();  // before its map's descriptor is another's
        ObjectFile object("perf");
        load(object, name);
        open(object);
        received = {};
        std::vector<unsigned char> packet(64, 0x11);
        Attr attr;
        attr->test.prog_fd = static_cast<uint32_t>(object.program_fd(name));
        attr->test.data_in = pointer(packet.data());
        attr->test.data_size_in = static_cast<uint32_t>(packet.size());
        ASSERT_ANSWER(0, attr.call(BPF_PROG_TEST_RUN));
        EXPECT_EQ(0, answer(object));
        EXPECT_EQ(1, perf_buffer__poll(buffer.get(), 5000));
        ASSERT_EQ(1U, received.records.size());
        EXPECT_EQ((std::vector<uint32_t>{0xbeef, 1, 0x11111111, 0x11111111}),
                  std::vector<uint32_t>(received.records[0].begin(), received.records[0].begin() + 4));
    }
}

TEST_F(PerfBuffer, AProgramOnPacketsHasNoMoreThanTheFrame) {
    ObjectFile object("perf");
    load(object, "count_too_much");
    ASSERT_EQ(0, run(object.program_fd("count_too_much")).answer);
    EXPECT_EQ(-EFAULT, answer(object));
}

// The program that is shown calls what the program that was loaded calls.
TEST_F(PerfBuffer, TheInstructionsShownAreOfPerfEventOutput) {
    ObjectFile object("perf");
    load(object, "count_frame");
    std::vector<bpf_insn> insns(256);
    bpf_prog_info info{};
    info.xlated_prog_insns = pointer(insns.data());
    info.xlated_prog_len = static_cast<uint32_t>(insns.size() * sizeof(bpf_insn));
    uint32_t length = sizeof info;
    ASSERT_EQ(0, bpf_obj_get_info_by_fd(object.program_fd("count_frame"), &info, &length));
    insns.resize(info.xlated_prog_len / sizeof(bpf_insn));
    size_t calls = 0, of_other_helpers = 0;
    for (const bpf_insn& insn : insns) {
        calls += insn.code == (BPF_JMP | BPF_CALL);
        of_other_helpers += insn.code == (BPF_JMP | BPF_CALL) && (insn.imm == BPF_FUNC_xdp_output || insn.imm == BPF_FUNC_skb_output);
    }
    EXPECT_EQ(1U, calls);
    EXPECT_EQ(0U, of_other_helpers);
}

TEST_F(PerfBuffer, AWatchingProgramHandsOverTheFrame) {
    ObjectFile watched("xdp_target"), watcher("perf");
    ASSERT_EQ(0, watched.load());
    load(watcher, "watch", watched.program_fd("target"), "target");
    open(watcher);
    Fd link(bpf_link_create(watcher.program_fd("watch"), 0, BPF_TRACE_FENTRY, nullptr));
    ASSERT_TRUE(link.ok()) << errno;
    ASSERT_EQ(0, run(watched.program_fd("target")).answer);
    EXPECT_EQ(0, answer(watcher));
    EXPECT_EQ(1, perf_buffer__poll(buffer.get(), 5000));
    ASSERT_EQ(1U, received.records.size());
    ASSERT_LE(7U, received.records[0].size());
    EXPECT_EQ(0xf00dU, received.records[0][0]);
    EXPECT_EQ(64U, received.records[0][1]);
}

TEST_F(PerfBuffer, MoreThanTheFrameIsEfault) {
    ObjectFile watched("xdp_target"), watcher("perf");
    ASSERT_EQ(0, watched.load());
    load(watcher, "watch_too_much", watched.program_fd("target"), "target");
    Fd link(bpf_link_create(watcher.program_fd("watch_too_much"), 0, BPF_TRACE_FENTRY, nullptr));
    ASSERT_TRUE(link.ok()) << errno;
    ASSERT_EQ(0, run(watched.program_fd("target")).answer);
    EXPECT_EQ(-EFAULT, answer(watcher));
}

// --- by hand -------------------------------------------------------------------------------------------

class PerfArray : public testing::Test {
protected:
    static Fd create(uint32_t flags = 0, uint32_t key_size = 4, uint32_t value_size = 4) {
        Attr attr;
        attr->map_type = BPF_MAP_TYPE_PERF_EVENT_ARRAY;
        attr->key_size = key_size;
        attr->value_size = value_size;
        attr->max_entries = 2;
        attr->map_flags = flags;
        return Fd(attr.call(BPF_MAP_CREATE));
    }
    static Fd event(uint64_t config = PERF_COUNT_SW_BPF_OUTPUT) {
        perf_event_attr attr{};
        attr.type = PERF_TYPE_SOFTWARE;
        attr.size = sizeof attr;
        attr.config = config;
        attr.sample_type = PERF_SAMPLE_RAW;
        attr.sample_period = 1;
        attr.wakeup_events = 1;
        long fd = syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
        return Fd(fd < 0 ? -errno : fd);
    }
    static std::string element(bpf_cmd command, Fd& map, uint32_t key, uint32_t value, uint64_t flags = 0) {
        Attr attr;
        attr->map_fd = map.u();
        attr->key = pointer(&key);
        if (command != BPF_MAP_DELETE_ELEM) attr->value = pointer(&value);
        attr->flags = flags;
        return name_of(attr.call(command));
    }
};

TEST_F(PerfArray, WhatMayBeCreated) {
    EXPECT_TRUE(create().ok());
    EXPECT_TRUE(create(BPF_F_PRESERVE_ELEMS).ok());
    EXPECT_EQ("-EINVAL", name_of(create(0, 8).error()));
    EXPECT_EQ("-EINVAL", name_of(create(0, 4, 8).error()));
    EXPECT_EQ("-EINVAL", name_of(create(BPF_F_RDONLY_PROG).error()));
    EXPECT_EQ("-EINVAL", name_of(create(BPF_F_MMAPABLE).error()));
}
TEST_F(PerfArray, TakesPerfEvents) {
    Fd map = create(), output = event();
    ASSERT_TRUE(output.ok()) << output.error();
    EXPECT_EQ("0", element(BPF_MAP_UPDATE_ELEM, map, 0, output.u()));
    EXPECT_EQ("0", element(BPF_MAP_UPDATE_ELEM, map, 0, output.u()));
    EXPECT_EQ("-E2BIG", element(BPF_MAP_UPDATE_ELEM, map, 2, output.u()));
    EXPECT_EQ("-EINVAL", element(BPF_MAP_UPDATE_ELEM, map, 0, output.u(), BPF_NOEXIST));
    EXPECT_EQ("-EBADF", element(BPF_MAP_UPDATE_ELEM, map, 0, 4095));
    EXPECT_EQ("-ENOTSUPP", element(BPF_MAP_LOOKUP_ELEM, map, 0, 0));
    EXPECT_EQ("0", element(BPF_MAP_DELETE_ELEM, map, 0, 0));
    EXPECT_EQ("-ENOENT", element(BPF_MAP_DELETE_ELEM, map, 0, 0));
    EXPECT_EQ("-E2BIG", element(BPF_MAP_DELETE_ELEM, map, 2, 0));
}
TEST_F(PerfArray, TakesNoOtherDescriptors) {
    Fd map = create(), other = create();
    EXPECT_EQ("-EBADF", element(BPF_MAP_UPDATE_ELEM, map, 0, other.u()));
}
TEST_F(PerfArray, AnEventIsSwitchedOnAndOff) {
    Fd output = event();
    ASSERT_TRUE(output.ok()) << output.error();
    void* ring = mmap(nullptr, 3 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, output.get(), 0);
    ASSERT_NE(MAP_FAILED, ring);
    EXPECT_EQ(0, ioctl(output.get(), PERF_EVENT_IOC_ENABLE, 0));
    EXPECT_EQ(0, ioctl(output.get(), PERF_EVENT_IOC_DISABLE, 0));
    munmap(ring, 3 * 4096);
}

}  // namespace
}  // namespace test
