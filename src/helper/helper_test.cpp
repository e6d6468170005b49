// Helpers called as an engine calls them.  What Linux 6.12 answers to the same was asked of it.
#include "helper/helper.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <array>
#include <cstring>
#include <set>
#include <string>

#include "abi/bpf.h"
#include "abi/kernel_types.h"
#include "helper/checked_read.h"
#include "helper/format.h"
#include "helper/run_context.h"
#include "helper/trace_buffer.h"
#include "map/fake_tail_callee.h"
#include "map/map_test_support.h"

namespace graft {
namespace {

class HelperTest : public MapTest {
protected:
    HelperTest() { current_run() = &run; }
    ~HelperTest() override { current_run() = nullptr; }

    template <class T>
    static uint64_t reg(T value) {
        if constexpr (std::is_null_pointer_v<T>) {
            return 0;
        } else if constexpr (std::is_pointer_v<T>) {
            return reinterpret_cast<uint64_t>(value);
        } else {
            return static_cast<uint64_t>(static_cast<int64_t>(value));
        }
    }
    template <class... Args>
    int64_t call(uint32_t id, Args... args) {
        const Helper* const helper = find_helper(id);
        EXPECT_NE(helper, nullptr);
        std::array<uint64_t, 5> r{};
        size_t i = 0;
        ((r[i++] = reg(args)), ...);
        return static_cast<int64_t>(helper->function(r[0], r[1], r[2], r[3], r[4]));
    }

    RunContext run;
    rcu::ReadGuard reading;
};

TEST_F(HelperTest, RowsAreInOrderAndNamedAsLinuxNamesThem) {
    uint32_t last = 0;
    for (const Helper* helper : helpers()) {
        EXPECT_GT(helper->id, last);
        last = helper->id;
        EXPECT_STREQ(helper->name, helper_name(helper->id));
        EXPECT_EQ(find_helper(helper->id), helper);
        EXPECT_TRUE(helper->function != nullptr || helper->id == BPF_FUNC_tail_call);
    }
    EXPECT_EQ(find_helper(0), nullptr);
    EXPECT_EQ(find_helper(100000), nullptr);
    EXPECT_STREQ(helper_name(0), "bpf_unspec");
    EXPECT_STREQ(helper_name(1), "bpf_map_lookup_elem");
    EXPECT_STREQ(helper_name(209), "bpf_user_ringbuf_drain");
    EXPECT_STREQ(helper_name(211), "bpf_cgrp_storage_delete");
    EXPECT_EQ(helper_name(212), nullptr);
}

// --- maps
// -----------------------------------------------------------------------------------------------------------------------------------

TEST_F(HelperTest, MapElements) {
    const Ref<Map> m = map(spec(BPF_MAP_TYPE_HASH, 4, 8, 4));
    const uint32_t key = 1;
    const uint64_t value = 7;
    EXPECT_EQ(call(BPF_FUNC_map_lookup_elem, m.get(), &key), 0);
    EXPECT_EQ(call(BPF_FUNC_map_update_elem, m.get(), &key, &value, BPF_ANY), 0);
    EXPECT_EQ(call(BPF_FUNC_map_update_elem, m.get(), &key, &value, BPF_NOEXIST), -EEXIST);
    const auto* const found = reinterpret_cast<const uint64_t*>(call(BPF_FUNC_map_lookup_elem, m.get(), &key));
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(*found, 7U);
    EXPECT_EQ(call(BPF_FUNC_map_lookup_percpu_elem, m.get(), &key, 0), 0);
    EXPECT_EQ(call(BPF_FUNC_map_delete_elem, m.get(), &key), 0);
    EXPECT_EQ(call(BPF_FUNC_map_delete_elem, m.get(), &key), -ENOENT);
}

TEST_F(HelperTest, PerCpuValuesAreThoseOfTheRunsSlot) {
    for (const uint32_t type : {uint32_t{BPF_MAP_TYPE_PERCPU_HASH}, uint32_t{BPF_MAP_TYPE_PERCPU_ARRAY}}) {
        const Ref<Map> m = map(spec(type, 4, 8, 4));
        const uint32_t key = 1;
        for (run.cpu = 0; run.cpu < test_cpus; ++run.cpu) {
            const uint64_t value = 100 + run.cpu;
            EXPECT_EQ(call(BPF_FUNC_map_update_elem, m.get(), &key, &value, BPF_ANY), 0);
        }
        for (uint32_t cpu = 0; cpu < test_cpus; ++cpu) {
            run.cpu = cpu;
            const auto* const mine = reinterpret_cast<const uint64_t*>(call(BPF_FUNC_map_lookup_elem, m.get(), &key));
            ASSERT_NE(mine, nullptr);
            EXPECT_EQ(*mine, 100 + cpu);
            const uint32_t other = (cpu + 1) % test_cpus;
            const auto* const theirs = reinterpret_cast<const uint64_t*>(call(BPF_FUNC_map_lookup_percpu_elem, m.get(), &key, other));
            ASSERT_NE(theirs, nullptr);
            EXPECT_EQ(*theirs, 100 + other);
        }
        EXPECT_EQ(call(BPF_FUNC_map_lookup_percpu_elem, m.get(), &key, test_cpus), 0);
        EXPECT_EQ(call(BPF_FUNC_map_lookup_percpu_elem, m.get(), &key, UINT32_MAX), 0);
    }
}

// --- where and when
// -------------------------------------------------------------------------------------------------------------------------

TEST_F(HelperTest, ClocksRunForward) {
    for (const uint32_t id :
         {BPF_FUNC_ktime_get_ns, BPF_FUNC_ktime_get_boot_ns, BPF_FUNC_ktime_get_coarse_ns, BPF_FUNC_ktime_get_tai_ns, BPF_FUNC_jiffies64}) {
        const int64_t before = call(id);
        EXPECT_GT(before, 0);
        EXPECT_GE(call(id), before);
    }
    EXPECT_GT(call(BPF_FUNC_jiffies64), 0xffff0000);
}

TEST_F(HelperTest, WhereARunIs) {
    run.cpu = 3;
    EXPECT_EQ(call(BPF_FUNC_get_smp_processor_id), 3);
    EXPECT_GE(call(BPF_FUNC_get_numa_node_id), 0);
    EXPECT_EQ(call(BPF_FUNC_get_current_pid_tgid) >> 32, getpid());
    std::set<int64_t> numbers;
    for (int i = 0; i < 100; ++i) {
        const int64_t number = call(BPF_FUNC_get_prandom_u32);
        EXPECT_GE(number, 0);
        EXPECT_LE(number, UINT32_MAX);
        numbers.insert(number);
    }
    EXPECT_GT(numbers.size(), 90U);
    std::array<char, 6> name;
    name.fill('x');
    EXPECT_EQ(call(BPF_FUNC_get_current_comm, name.data(), name.size()), 0);
    EXPECT_EQ(name.back(), '\0');
}

TEST_F(HelperTest, ALockExcludes) {
    uint32_t lock = 0;
    call(BPF_FUNC_spin_lock, &lock);
    EXPECT_NE(lock, 0U);
    call(BPF_FUNC_spin_unlock, &lock);
    EXPECT_EQ(lock, 0U);
}

// --- memory
// ---------------------------------------------------------------------------------------------------------------------------------

TEST_F(HelperTest, ProbeReadsWhatIsThere) {
    const uint64_t from = 0x1122334455667788;
    uint64_t to = 0;
    EXPECT_EQ(call(BPF_FUNC_probe_read_kernel, &to, 8, &from), 0);
    EXPECT_EQ(to, from);
    EXPECT_EQ(call(BPF_FUNC_probe_read_kernel, &to, 8, 8), -EFAULT);
    EXPECT_EQ(to, 0U);
    EXPECT_EQ(call(BPF_FUNC_probe_read_kernel, &to, 8, int64_t{-4096}), -EFAULT);
    EXPECT_EQ(call(BPF_FUNC_probe_read_user, &to, 8, &from), -EFAULT);
    EXPECT_EQ(to, 0U);
    EXPECT_EQ(call(BPF_FUNC_probe_read_user, &to, 0, &from), 0);
    EXPECT_EQ(call(BPF_FUNC_probe_read_kernel, &to, 0, 8), 0);
}

TEST_F(HelperTest, ProbeReadsStringsUpToTheEndOfAMapping) {
    auto* const pages = static_cast<char*>(mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    ASSERT_NE(pages, MAP_FAILED);
    ASSERT_EQ(munmap(pages + 4096, 4096), 0);
    std::strcpy(pages + 4096 - 6, "hello");
    std::array<char, 32> to{};
    EXPECT_EQ(call(BPF_FUNC_probe_read_kernel_str, to.data(), to.size(), pages + 4096 - 6), 6);
    EXPECT_STREQ(to.data(), "hello");
    EXPECT_EQ(call(BPF_FUNC_probe_read_kernel_str, to.data(), 4, pages + 4096 - 6), 4);
    EXPECT_STREQ(to.data(), "hel");
    pages[4095] = '!';
    EXPECT_EQ(call(BPF_FUNC_probe_read_kernel_str, to.data(), to.size(), pages + 4096 - 6), -EFAULT);
    EXPECT_EQ(to[0], '\0');
    munmap(pages, 4096);
}

// --- text
// -----------------------------------------------------------------------------------------------------------------------------------

template <class... Args>
std::string formatted(std::string_view format, Args... args) {
    const std::array<uint64_t, sizeof...(Args)> arguments{static_cast<uint64_t>(args)...};
    std::array<std::byte, 256> text{};
    const int64_t length = format_text(text, format, arguments);
    if (length < 0) return "error " + std::to_string(length);
    return {reinterpret_cast<const char*>(text.data()), static_cast<size_t>(length)};
}
uint64_t at(const void* pointer) { return reinterpret_cast<uint64_t>(pointer); }

TEST(Format, PrintsAsLinuxDoes) {
    EXPECT_EQ(formatted("[%d %i %u %x %X]", -5, 7, -1, 0xabc, 0xabc), "[-5 7 4294967295 abc ABC]");
    EXPECT_EQ(formatted("[%ld %lld %lu %llx]", -5, -6, -1, 0xabcdef012345), "[-5 -6 18446744073709551615 abcdef012345]");
    EXPECT_EQ(formatted("[%5d|%-5d|%05d|%+d|% d]", 42, 42, 42, 42, 42), "[   42|42   |00042|+42| 42]");
    EXPECT_EQ(formatted("[% 5d|%-+5d|%+05d|%00005d]", 42, 42, 42, 42), "[   42|+42  |+0042|00042]");
    EXPECT_EQ(formatted("[%10x|%-10x|]", 0xab, 0xab), "[        ab|ab        |]");
    EXPECT_EQ(formatted("[%s|%10s|%pks]", at("hello"), at("abc"), at("x")), "[hello|       abc|x]");
    EXPECT_EQ(formatted("[%s|%pus]", 16, at("abc")), "[|]");
    EXPECT_EQ(formatted("[%c%c|%5c]", 'x', 'y', 'z'), "[xy|    z]");
    EXPECT_EQ(formatted("100%% %d", 1), "100% 1");
    EXPECT_EQ(formatted("[%px|%px|%20px|%-20px|]", 0x1234, 0, 0x1234, 0x1234),
              "[0000000000001234|0000000000000000|                1234|1234                |]");
    EXPECT_EQ(formatted("[%ps|%pB]", 0, 0), "[0x0|0x0]");
    EXPECT_EQ(formatted("[%d]", 1, 2), "[1]");
    const std::array<uint8_t, 4> v4{10, 2, 33, 4};
    const std::array<uint8_t, 16> v6{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    EXPECT_EQ(formatted("[%pI4|%pi4|%pI6|%pi6]", at(v4.data()), at(v4.data()), at(v6.data()), at(v6.data())),
              "[10.2.33.4|010.002.033.004|2001:0db8:0000:0000:0000:0000:0000:0001|20010db8000000000000000000000001]");
}

TEST(Format, RefusesWhatLinuxRefuses) {
    for (const char* bad : {"[%#x]", "[%hd]", "[%sabc]", "[%p5]", "%lc", "[%.3d]", "%", "[%l]", "[%pI5]", "\x01", "%n", "%-"}) {
        EXPECT_FALSE(is_valid_format(bad, 5)) << bad;
    }
    EXPECT_FALSE(is_valid_format("%d %d", 1));
    EXPECT_FALSE(is_valid_format("%d", 0));
    EXPECT_TRUE(is_valid_format("%%", 0));
    EXPECT_TRUE(is_valid_format("\x80\n\t", 0));
}

TEST(Format, CutsAndCounts) {
    std::array<std::byte, 10> small;
    const std::array<uint64_t, 1> argument{at("hello world long")};
    EXPECT_EQ(format_text(small, "[%s]", argument), 18);
    EXPECT_STREQ(reinterpret_cast<const char*>(small.data()), "[hello wo");
    EXPECT_EQ(format_text({}, "[%s]", argument), 18);
    EXPECT_EQ(format_text(small, "%99999999999d", argument), (1 << 23) - 1);
}

TEST_F(HelperTest, SnprintfCountsTheNul) {
    std::array<char, 16> to{};
    const std::array<uint64_t, 2> arguments{12, 34};
    EXPECT_EQ(call(BPF_FUNC_snprintf, to.data(), to.size(), "%d-%d", arguments.data(), 16), 6);
    EXPECT_STREQ(to.data(), "12-34");
    EXPECT_EQ(call(BPF_FUNC_snprintf, nullptr, 0, "%d-%d", arguments.data(), 16), 6);
    EXPECT_EQ(call(BPF_FUNC_snprintf, to.data(), to.size(), "%d-%d", arguments.data(), 15), -EINVAL);
    EXPECT_EQ(call(BPF_FUNC_snprintf, to.data(), to.size(), "%d-%d", arguments.data(), 8), -EINVAL);
    EXPECT_EQ(call(BPF_FUNC_snprintf, to.data(), to.size(), "x", nullptr, 0), 2);
}

TEST_F(HelperTest, TracePrintkGoesToTheTrace) {
    TraceBuffer trace;
    run.trace = &trace;
    run.cpu = 2;
    EXPECT_EQ(call(BPF_FUNC_trace_printk, "abc %d\n", 8, 5), 6);
    EXPECT_EQ(call(BPF_FUNC_trace_printk, "abc", 4), 3);
    EXPECT_EQ(call(BPF_FUNC_trace_printk, "abc", 3), -EINVAL);
    EXPECT_EQ(call(BPF_FUNC_trace_printk, "%", 2), -EINVAL);
    EXPECT_EQ(call(BPF_FUNC_trace_printk, "%d %d %d %d", 12, 1, 2, 3), -EINVAL);
    const std::array<uint64_t, 4> arguments{1, 2, 3, 4};
    EXPECT_EQ(call(BPF_FUNC_trace_vprintk, "%d %d %d %d", 12, arguments.data(), 32), 7);
    EXPECT_EQ(call(BPF_FUNC_trace_vprintk, "%d %d %d %d", 12, arguments.data(), 31), -EINVAL);
    const auto lines = trace.take();
    ASSERT_EQ(lines.size(), 3U);
    EXPECT_EQ(lines[0].text, "abc 5");
    EXPECT_EQ(lines[0].cpu, 2U);
    EXPECT_EQ(lines[2].text, "1 2 3 4");
    for (size_t i = 0; i < TraceBuffer::most_lines + 5; ++i) trace.write(0, std::to_string(i));
    EXPECT_EQ(trace.lost(), 5U);
    EXPECT_EQ(trace.take().front().text, "5");
    EXPECT_TRUE(trace.take().empty());
    run.trace = nullptr;
    EXPECT_EQ(call(BPF_FUNC_trace_printk, "abc", 4), 3);
}

TEST_F(HelperTest, NumbersAreParsedAsLinuxDoes) {
    struct Row {
        std::string_view text;
        uint64_t flags;
        int64_t answer, number;
    };
    constexpr Row rows[] = {
        {"  -0x1fz", 0, 7, -31},
        {"12345678901234567890", 10, -ERANGE, 0},
        {"+7", 10, -EINVAL, 0},
        {"0777", 0, 4, 511},
        {"abc", 10, -EINVAL, 0},
        {"-5", 7, -EINVAL, 0},
        {"0x", 0, 1, 0},
        {"-5", 16 | 32, -EINVAL, 0},
        {"abc", 16, 3, 0xabc},
        {"   ", 0, -EINVAL, 0},
        {"- 5", 10, -EINVAL, 0},
        {"--5", 10, -EINVAL, 0},
        {"09", 0, 1, 0},
        {"0xg", 0, 1, 0},
        {"0xg", 16, -EINVAL, 0},
        {"-9223372036854775808", 10, 20, INT64_MIN},
        {"-9223372036854775809", 10, -ERANGE, 0},
        {"9223372036854775808", 10, -ERANGE, 0},
        {"9223372036854775807", 10, 19, INT64_MAX},
        {"\t5", 10, 2, 5},
        {std::string_view("5\0006", 3), 10, 1, 5},
        {"0X1F", 16, 4, 31},
        {"0X1F", 8, 1, 0},
        {"5", uint64_t{1} << 32 | 10, -EINVAL, 0},
    };
    for (const Row& row : rows) {
        int64_t number = 77;
        EXPECT_EQ(call(BPF_FUNC_strtol, row.text.data(), row.text.size(), row.flags, &number), row.answer) << row.text;
        EXPECT_EQ(number, row.number) << row.text;
    }
    uint64_t number = 77;
    const std::string_view large = "12345678901234567890", too_large = "99999999999999999999", negative = "-0";
    EXPECT_EQ(call(BPF_FUNC_strtoul, large.data(), large.size(), 10, &number), 20);
    EXPECT_EQ(number, 12345678901234567890U);
    EXPECT_EQ(call(BPF_FUNC_strtoul, too_large.data(), too_large.size(), 10, &number), -ERANGE);
    EXPECT_EQ(call(BPF_FUNC_strtoul, negative.data(), negative.size(), 10, &number), -EINVAL);
    EXPECT_EQ(number, 0U);
}

TEST_F(HelperTest, StringsAreCompared) {
    EXPECT_EQ(call(BPF_FUNC_strncmp, "abc", 4, "abc"), 0);
    EXPECT_EQ(call(BPF_FUNC_strncmp, "abd", 4, "abc"), 1);
    EXPECT_EQ(call(BPF_FUNC_strncmp, "aaaa", 4, "zz"), -1);
    EXPECT_EQ(call(BPF_FUNC_strncmp, "abx", 2, "abc"), 0);
}

TEST_F(HelperTest, ChecksumsDiffer) {
    const std::array<uint32_t, 4> from{0x12345678, 0xffffffff, 3, 0xdeadbeef}, to{0xcafebabe, 5, 6, 7};
    EXPECT_EQ(call(BPF_FUNC_csum_diff, from.data(), 16, to.data(), 16, 0), 0xda1ca565);
    EXPECT_EQ(call(BPF_FUNC_csum_diff, nullptr, 0, to.data(), 16, 0), 0xcafebad0);
    EXPECT_EQ(call(BPF_FUNC_csum_diff, from.data(), 16, nullptr, 0, 0), 0xf1dea95);
    EXPECT_EQ(call(BPF_FUNC_csum_diff, from.data(), 16, to.data(), 8, 0xffff), 0xda1da557);
    EXPECT_EQ(call(BPF_FUNC_csum_diff, from.data(), 4, from.data(), 4, 0), 0xffffffff);
    EXPECT_EQ(call(BPF_FUNC_csum_diff, nullptr, 0, to.data(), 3, 0), -EINVAL);
    EXPECT_EQ(call(BPF_FUNC_csum_diff, nullptr, 0, nullptr, 0, 0x12345678), 0x12345678);
    const std::array<uint32_t, 129> large{};
    EXPECT_EQ(call(BPF_FUNC_csum_diff, large.data(), 512, nullptr, 0, 1),
              call(BPF_FUNC_csum_diff, large.data(), 256, large.data(), 256, 1));
    EXPECT_EQ(call(BPF_FUNC_csum_diff, large.data(), 516, nullptr, 0, 1), -EINVAL);
}

// --- XDP
// ------------------------------------------------------------------------------------------------------------------------------------

class XdpHelperTest : public HelperTest {
protected:
    XdpHelperTest() {
        frame.data_hard_start = buffer.data();
        frame.data = frame.data_meta = buffer.data() + abi::xdp_packet_headroom;
        frame.data_end = buffer.data() + abi::xdp_packet_headroom + 64;
        frame.frame_sz = static_cast<uint32_t>(buffer.size());
        for (size_t i = 0; i < 64; ++i) buffer[abi::xdp_packet_headroom + i] = static_cast<uint8_t>(i);
    }
    ptrdiff_t length() const { return static_cast<uint8_t*>(frame.data_end) - static_cast<uint8_t*>(frame.data); }
    ptrdiff_t metadata() const { return static_cast<uint8_t*>(frame.data) - static_cast<uint8_t*>(frame.data_meta); }

    std::array<uint8_t, 4096> buffer{};
    abi::xdp_buff frame{};
};

TEST_F(XdpHelperTest, TheHeadMovesBetweenTheKeptHeadroomAndAnEthernetHeader) {
    EXPECT_EQ(call(BPF_FUNC_xdp_adjust_head, &frame, -217), -EINVAL);
    EXPECT_EQ(call(BPF_FUNC_xdp_adjust_head, &frame, -216), 0);
    EXPECT_EQ(length(), 280);
    EXPECT_EQ(metadata(), 0);
    EXPECT_EQ(call(BPF_FUNC_xdp_adjust_head, &frame, -1), -EINVAL);
    EXPECT_EQ(call(BPF_FUNC_xdp_adjust_head, &frame, 216 + 50), 0);
    EXPECT_EQ(length(), 14);
    EXPECT_EQ(*static_cast<uint8_t*>(frame.data), 50);
    EXPECT_EQ(call(BPF_FUNC_xdp_adjust_head, &frame, 1), -EINVAL);
    EXPECT_EQ(call(BPF_FUNC_xdp_adjust_head, &frame, INT32_MAX), -EINVAL);
    EXPECT_EQ(call(BPF_FUNC_xdp_adjust_head, &frame, INT32_MIN), -EINVAL);
}

TEST_F(XdpHelperTest, MetadataMovesWithTheHead) {
    EXPECT_EQ(call(BPF_FUNC_xdp_adjust_meta, &frame, -4), 0);
    EXPECT_EQ(call(BPF_FUNC_xdp_adjust_meta, &frame, -2), -EACCES);
    EXPECT_EQ(call(BPF_FUNC_xdp_adjust_meta, &frame, -28), 0);
    *static_cast<uint8_t*>(frame.data_meta) = 0xee;
    EXPECT_EQ(call(BPF_FUNC_xdp_adjust_head, &frame, -100), 0);
    EXPECT_EQ(metadata(), 32);
    EXPECT_EQ(*static_cast<uint8_t*>(frame.data_meta), 0xee);
    EXPECT_EQ(call(BPF_FUNC_xdp_adjust_head, &frame, 100), 0);
    EXPECT_EQ(call(BPF_FUNC_xdp_adjust_meta, &frame, -188), -EINVAL);
    EXPECT_EQ(call(BPF_FUNC_xdp_adjust_meta, &frame, -184), 0);
    EXPECT_EQ(metadata(), 216);
    EXPECT_EQ(call(BPF_FUNC_xdp_adjust_meta, &frame, 8000), -EINVAL);
    EXPECT_EQ(call(BPF_FUNC_xdp_adjust_head, &frame, -100), -EINVAL);
    EXPECT_EQ(call(BPF_FUNC_xdp_adjust_head, &frame, 4), 0);
    EXPECT_EQ(metadata(), 216);
    frame.data_meta = static_cast<uint8_t*>(frame.data) + 1;
    EXPECT_EQ(call(BPF_FUNC_xdp_adjust_meta, &frame, 0), -abi::enotsupp);
}

TEST_F(XdpHelperTest, TheTailStopsAtTheTailroom) {
    EXPECT_EQ(call(BPF_FUNC_xdp_adjust_tail, &frame, -50), 0);
    EXPECT_EQ(call(BPF_FUNC_xdp_adjust_tail, &frame, -1), -EINVAL);
    EXPECT_EQ(call(BPF_FUNC_xdp_adjust_tail, &frame, 3506), 0);
    EXPECT_EQ(length(), 3520);
    EXPECT_EQ(buffer[abi::xdp_packet_headroom + 13], 13);
    EXPECT_EQ(buffer[abi::xdp_packet_headroom + 14], 0);  // what is new is zeros
    EXPECT_EQ(call(BPF_FUNC_xdp_adjust_tail, &frame, 1), -EINVAL);
    EXPECT_EQ(call(BPF_FUNC_xdp_get_buff_len, &frame), 3520);
}

TEST_F(XdpHelperTest, BytesAreCopiedInsideTheFrame) {
    std::array<uint8_t, 4> bytes{};
    EXPECT_EQ(call(BPF_FUNC_xdp_load_bytes, &frame, 60, bytes.data(), 4), 0);
    EXPECT_EQ(bytes, (std::array<uint8_t, 4>{60, 61, 62, 63}));
    EXPECT_EQ(call(BPF_FUNC_xdp_load_bytes, &frame, 61, bytes.data(), 4), -EINVAL);
    EXPECT_EQ(call(BPF_FUNC_xdp_load_bytes, &frame, 0x10000, bytes.data(), 4), -EFAULT);
    EXPECT_EQ(call(BPF_FUNC_xdp_load_bytes, &frame, 0xffff, bytes.data(), 4), -EINVAL);
    EXPECT_EQ(call(BPF_FUNC_xdp_load_bytes, &frame, -1, bytes.data(), 4), -EFAULT);
    EXPECT_EQ(call(BPF_FUNC_xdp_store_bytes, &frame, 2, bytes.data(), 4), 0);
    EXPECT_EQ(buffer[abi::xdp_packet_headroom + 2], 60);
    EXPECT_EQ(call(BPF_FUNC_xdp_store_bytes, &frame, 63, bytes.data(), 4), -EINVAL);
}

TEST_F(XdpHelperTest, RedirectNotesTheTarget) {
    EXPECT_EQ(call(BPF_FUNC_redirect, 5, 1), XDP_ABORTED);
    EXPECT_EQ(call(BPF_FUNC_redirect, 5, 0), XDP_REDIRECT);
    EXPECT_EQ(run.redirect.ifindex, 5U);
    EXPECT_EQ(run.redirect.map, nullptr);

    const auto program =
        make_ref<FakeTailCallee>(9U, TailCallee::Kind{.prog_type = BPF_PROG_TYPE_XDP, .expected_attach_type = BPF_XDP_DEVMAP});
    bpf_devmap_val value{};
    value.ifindex = 2;
    value.bpf_prog.fd = caller_.add(program);
    for (const uint32_t type : {uint32_t{BPF_MAP_TYPE_DEVMAP}, uint32_t{BPF_MAP_TYPE_DEVMAP_HASH}}) {
        const Ref<Map> m = map(spec(type, 4, 8, 4));
        ASSERT_EQ(update(*m, 3U, value), 0);
        EXPECT_EQ(call(BPF_FUNC_redirect_map, m.get(), 3, 0), XDP_REDIRECT);
        EXPECT_EQ(run.redirect.ifindex, 2U);
        EXPECT_EQ(run.redirect.netns_cookie, 1U);
        EXPECT_EQ(run.redirect.program, program.get());
        EXPECT_EQ(call(BPF_FUNC_redirect_map, m.get(), 1, XDP_PASS), XDP_PASS);
        EXPECT_EQ(run.redirect.ifindex, 0U);
        EXPECT_EQ(call(BPF_FUNC_redirect_map, m.get(), 3, 4), XDP_ABORTED);
        EXPECT_EQ(call(BPF_FUNC_redirect_map, m.get(), 1, BPF_F_BROADCAST | BPF_F_EXCLUDE_INGRESS), XDP_REDIRECT);
        EXPECT_EQ(run.redirect.map, m.get());
        EXPECT_EQ(run.redirect.flags, uint64_t{BPF_F_BROADCAST | BPF_F_EXCLUDE_INGRESS});
    }
    caller_.forget();
}

}  // namespace
}  // namespace graft
