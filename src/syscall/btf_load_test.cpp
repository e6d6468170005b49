#include <gtest/gtest.h>

#include "btf/btf_builder.h"
#include "syscall/test_caller.h"

namespace graft {
namespace {

// What BPF_BTF_LOAD's part of the attr is on Linux 6.12.
struct LoadAttr {
    uint64_t btf = 0, log_buf = 0;
    uint32_t btf_size = 0, log_size = 0, log_level = 0, true_size = 0, flags = 0;
    int32_t token_fd = 0;
};
static_assert(sizeof(LoadAttr) == 40);

class BtfLoad : public testing::Test {
protected:
    BtfLoad() {
        BtfBuilder builder;
        builder.integer("int", 4, BTF_INT_SIGNED);
        data = builder.build();
        attr.btf = reinterpret_cast<uint64_t>(data.data());
        attr.btf_size = static_cast<uint32_t>(data.size());
        text.fill('#');
    }
    void want_log(uint32_t size, uint32_t level = 1) {
        attr.log_buf = reinterpret_cast<uint64_t>(text.data());
        attr.log_size = size;
        attr.log_level = level;
    }
    long load(uint32_t size = sizeof(LoadAttr)) { return caller.bpf(*kernel, BPF_BTF_LOAD, attr, size); }

    std::unique_ptr<Kernel> kernel = Kernel::create().value();
    TestCaller caller;
    std::vector<std::byte> data;
    LoadAttr attr;
    std::array<char, 4096> text;
};

const std::string whole_log =
    "magic: 0xeb9f\nversion: 1\nflags: 0x0\nhdr_len: 24\ntype_off: 0\ntype_len: 16\nstr_off: 16\nstr_len: 5\nbtf_total_size: 45\n"
    "[1] INT int size=4 bits_offset=0 nr_bits=32 encoding=SIGNED\n";

TEST_F(BtfLoad, MakesAnObject) {
    const long fd = load();
    ASSERT_GE(fd, 0);
    EXPECT_EQ(kernel->btfs.size(), 2U);  // with vmlinux
    caller.close(fd);
    EXPECT_EQ(kernel->btfs.size(), 1U);
}

TEST_F(BtfLoad, LogThatFits) {
    want_log(176);
    EXPECT_GE(load(), 0);
    EXPECT_EQ(std::string(text.data()), whole_log);
    EXPECT_EQ(attr.true_size, 176U);
}

TEST_F(BtfLoad, LogThatDoesNotFit) {
    want_log(10);
    EXPECT_EQ(load(), -ENOSPC);
    EXPECT_STREQ(text.data(), "g=SIGNED\n");
    EXPECT_EQ(attr.true_size, 176U);
    EXPECT_EQ(kernel->btfs.size(), 1U);
    want_log(10, 1 | 8);
    EXPECT_EQ(load(), -ENOSPC);
    EXPECT_STREQ(text.data(), "magic: 0x");
}

TEST_F(BtfLoad, LogWithoutBufferIsMeasured) {
    attr.log_level = 1;
    EXPECT_GE(load(), 0);
    EXPECT_EQ(attr.true_size, 176U);
    attr.true_size = 77;
    EXPECT_GE(load(28), 0);  // an attr from before the field
    EXPECT_EQ(attr.true_size, 77U);
    attr.log_level = 0;
    EXPECT_GE(load(), 0);
    EXPECT_EQ(attr.true_size, 0U);
}

TEST_F(BtfLoad, LogArguments) {
    attr.log_size = 100;
    EXPECT_EQ(load(), -EINVAL);  // size, no buffer
    want_log(0);
    EXPECT_EQ(load(), -EINVAL);  // buffer, no size
    want_log(100, 0);
    EXPECT_EQ(load(), -EINVAL);  // no level
    want_log(100, 16);
    EXPECT_EQ(load(), -EINVAL);  // unknown level
    want_log(0x40000000);
    EXPECT_EQ(load(), -EINVAL);
    want_log(0x3fffffff);
    EXPECT_GE(load(), 0);
    want_log(4096);
    attr.log_buf = 8;
    EXPECT_EQ(load(), -EFAULT);
    EXPECT_EQ(attr.true_size, 176U);
}

TEST_F(BtfLoad, AnErrorIsLoggedToo) {
    data[0] = std::byte{0};
    want_log(4096);
    EXPECT_EQ(load(), -EINVAL);
    EXPECT_TRUE(std::string_view(text.data()).ends_with("btf_total_size: 45\nInvalid magic"));
    want_log(20);
    EXPECT_EQ(load(), -ENOSPC);
}

TEST_F(BtfLoad, DataArguments) {
    want_log(4096);
    attr.btf = 8;
    EXPECT_EQ(load(), -EFAULT);
    EXPECT_EQ(text[0], '#');
    EXPECT_EQ(attr.true_size, 0U);
    attr.btf_size = 0;
    EXPECT_EQ(load(), -EINVAL);
    EXPECT_STREQ(text.data(), "hdr_len not found");
    attr.btf_size = Btf::max_size + 1;
    attr.log_level = 0x100;
    EXPECT_EQ(load(), -E2BIG);
}

TEST_F(BtfLoad, FlagsAndToken) {
    attr.token_fd = 5;
    EXPECT_GE(load(), 0);  // not looked at without the flag
    attr.flags = 1;
    EXPECT_EQ(load(), -EINVAL);
    attr.flags = abi::f_token_fd;
    attr.token_fd = 77;
    EXPECT_EQ(load(), -EBADF);
    caller.foreign.insert(77);
    EXPECT_EQ(load(), -EINVAL);
}

// --- BPF_OBJ_GET_INFO_BY_FD --------------------------------------------------------------

class BtfInfo : public BtfLoad {
protected:
    struct InfoAttr {
        uint32_t fd, length;
        uint64_t info;
    };
    struct LongInfo {
        bpf_btf_info known = zeroed<bpf_btf_info>();
        std::array<uint32_t, 4> more{};
    };

    BtfInfo() {
        fd = load();
        object = static_cast<Btf*>(caller.descriptors.at(static_cast<int>(fd)).object.get());
        copy.fill(std::byte{0xaa});
        name.fill('#');
    }
    long ask(uint32_t length = sizeof(bpf_btf_info)) {
        query = {static_cast<uint32_t>(fd), length, reinterpret_cast<uint64_t>(&info)};
        return caller.bpf(*kernel, BPF_OBJ_GET_INFO_BY_FD, query);
    }
    void want_data(uint32_t size) {
        info.known.btf = reinterpret_cast<uint64_t>(copy.data());
        info.known.btf_size = size;
    }
    void want_name(uint32_t size) {
        info.known.name = reinterpret_cast<uint64_t>(name.data());
        info.known.name_len = size;
    }

    long fd = -1;
    Btf* object = nullptr;
    LongInfo info;
    InfoAttr query{};
    std::array<std::byte, 100> copy;
    std::array<char, 20> name;
};

TEST_F(BtfInfo, SaysSizeAndId) {
    want_data(100);
    EXPECT_EQ(ask(), 0);
    EXPECT_EQ(info.known.btf_size, data.size());
    EXPECT_EQ(info.known.id, object->id());
    EXPECT_EQ(info.known.kernel_btf, 0U);
    EXPECT_EQ(std::memcmp(copy.data(), data.data(), data.size()), 0);
    EXPECT_EQ(copy[data.size()], std::byte{0xaa});
    EXPECT_EQ(query.length, 32U);
}

TEST_F(BtfInfo, CopiesWhatFits) {
    want_data(10);
    EXPECT_EQ(ask(), 0);
    EXPECT_EQ(info.known.btf_size, data.size());
    EXPECT_EQ(copy[9], data[9]);
    EXPECT_EQ(copy[10], std::byte{0xaa});
    info.known.btf = 8;
    EXPECT_EQ(ask(), -EFAULT);
    info.known.btf_size = 0;
    EXPECT_EQ(ask(), 0);
}

TEST_F(BtfInfo, ShortAndLongInfo) {
    EXPECT_EQ(ask(12), 0);
    EXPECT_EQ(info.known.btf_size, data.size());
    EXPECT_EQ(info.known.id, 0U);
    EXPECT_EQ(query.length, 12U);
    EXPECT_EQ(ask(0), 0);
    info = {};
    EXPECT_EQ(ask(48), 0);
    EXPECT_EQ(query.length, 32U);
    info.more[0] = 1;
    EXPECT_EQ(ask(48), -E2BIG);
    EXPECT_EQ(ask(4097), -E2BIG);
}

TEST_F(BtfInfo, EmptyName) {
    want_name(1);
    EXPECT_EQ(ask(), 0);
    EXPECT_EQ(name[0], '\0');
    EXPECT_EQ(info.known.name_len, 0U);
    info = {};
    want_name(0);
    EXPECT_EQ(ask(), -EINVAL);
    info = {};
    info.known.name_len = 5;
    EXPECT_EQ(ask(), -EINVAL);
    info.known.name = 8;
    EXPECT_EQ(ask(), -EFAULT);
}

TEST_F(BtfInfo, NameOfTheKernels) {
    object->mark_kernel("vmlinux");
    want_name(8);
    EXPECT_EQ(ask(), 0);
    EXPECT_STREQ(name.data(), "vmlinux");
    EXPECT_EQ(info.known.name_len, 7U);
    EXPECT_EQ(info.known.kernel_btf, 1U);
    info = {};
    want_name(7);
    EXPECT_EQ(ask(), -ENOSPC);
    EXPECT_STREQ(name.data(), "vmlinu");
    EXPECT_EQ(info.known.id, object->id());
    EXPECT_EQ(info.known.name_len, 7U);
    info = {};
    want_name(1);
    EXPECT_EQ(ask(), -ENOSPC);
    EXPECT_STREQ(name.data(), "");
}

TEST_F(BtfInfo, Descriptors) {
    fd = 999;
    EXPECT_EQ(ask(), -EBADFD);
    caller.foreign.insert(999);
    EXPECT_EQ(ask(), -EINVAL);
}

}  // namespace
}  // namespace graft
