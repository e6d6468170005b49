// union bpf_attr: how long it may be, what is behind its end, and what each command demands of the fields it does not use.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ostream>

#include "support/assembly.h"
#include "support/bpffs.h"
#include "support/btf_builder.h"
#include "support/call.h"
#include "support/rows.h"

namespace test {
namespace {

constexpr uint32_t bad_fd = 4095;

Attr array_of_one() {
    Attr attr;
    attr->map_type = BPF_MAP_TYPE_ARRAY;
    attr->key_size = 4;
    attr->value_size = 8;
    attr->max_entries = 1;
    return attr;
}

// --- the length ----------------------------------------------------------------------

TEST(AttrSize, FieldsPastTheEndOfAShortAttrAreZero) {
    Attr attr = array_of_one();
    attr->map_flags = BPF_F_MMAPABLE | BPF_F_NUMA_NODE;
    attr->numa_node = 9999;
    EXPECT_GE(Fd(attr.call(BPF_MAP_CREATE, offsetof(bpf_attr, map_flags))).get(), 0);
}

TEST(AttrSize, AFieldCutInTheMiddleCountsUpToTheCut) {
    Attr attr = array_of_one();
    attr->max_entries = 0x101;  // one byte of it: 1
    Fd map(attr.call(BPF_MAP_CREATE, offsetof(bpf_attr, max_entries) + 1));
    ASSERT_TRUE(map.ok()) << map.error();
    uint32_t key = 1;
    uint64_t value = 0;
    EXPECT_ANSWER(-ENOENT, map_lookup(map, &key, &value));
}

TEST(AttrSize, ZeroBytesAreAnAttrOfZeros) {
    Attr attr = array_of_one();
    EXPECT_ANSWER(-EINVAL, attr.call(BPF_MAP_CREATE, 0));
    EXPECT_EQ(-1, syscall(__NR_bpf, BPF_LINK_GET_FD_BY_ID, nullptr, 0));
    EXPECT_EQ(ENOENT, errno);
}

TEST(AttrSize, ZerosBehindTheKnownEndAreAccepted) {
    Attr attr = array_of_one();
    EXPECT_GE(Fd(attr.call(BPF_MAP_CREATE, Attr::linux_size + 8)).get(), 0);
    EXPECT_GE(Fd(attr.call(BPF_MAP_CREATE, 4096)).get(), 0);
}

TEST(AttrSize, AnyByteBehindTheKnownEndIsE2big) {
    for (uint32_t at : {Attr::linux_size, Attr::linux_size + 1, Attr::linux_size + 15}) {
        Attr attr = array_of_one();
        attr.put<uint8_t>(at, 1);
        EXPECT_ANSWER(-E2BIG, attr.call(BPF_MAP_CREATE, Attr::linux_size + 16)) << at;
    }
}

TEST(AttrSize, ABytePastTheGivenSizeIsNotRead) {
    Attr attr = array_of_one();
    attr.put<uint8_t>(Attr::linux_size + 8, 1);
    EXPECT_GE(Fd(attr.call(BPF_MAP_CREATE, Attr::linux_size + 8)).get(), 0);
}

TEST(AttrSize, MoreThanAPageIsE2big) {
    Attr attr = array_of_one();
    EXPECT_ANSWER(-E2BIG, attr.call(BPF_MAP_CREATE, 4097));
    EXPECT_ANSWER(-E2BIG, attr.call(BPF_MAP_CREATE, UINT32_MAX));
}

TEST(AttrSize, ALongAttrIsCheckedBeforeTheCommand) {
    Attr attr;
    attr.put<uint8_t>(Attr::linux_size, 1);
    EXPECT_ANSWER(-E2BIG, attr.call(9999, Attr::linux_size + 1));
}

TEST(AttrMemory, NotMappedIsEfault) {
    EXPECT_EQ(-1, syscall(__NR_bpf, BPF_MAP_CREATE, 8, sizeof(bpf_attr)));
    EXPECT_EQ(EFAULT, errno);
}

TEST(AttrMemory, AnAttrThatRunsIntoAnUnmappedPageIsEfault) {
    auto* page = static_cast<unsigned char*>(mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    ASSERT_NE(MAP_FAILED, page);
    ASSERT_EQ(0, mprotect(page + 4096, 4096, PROT_NONE));
    EXPECT_EQ(-1, syscall(__NR_bpf, BPF_MAP_CREATE, page + 4096 - 16, 64));
    EXPECT_EQ(EFAULT, errno);
    munmap(page, 8192);
}

// --- commands and descriptors -----------------------------------------------------------

TEST(Command, UnknownNumbersAreEinval) {
    for (int command : {37, 1000, -1}) {
        Attr attr;
        EXPECT_ANSWER(-EINVAL, attr.call(command)) << command;
    }
}

struct DescriptorRow {
    const char* name;
    int command;
    size_t offset;         // of the descriptor in the attr
    long answer = -EBADF;  // to one that is not open
};
void PrintTo(const DescriptorRow& row, std::ostream* out) { *out << row.name; }

class Descriptor : public testing::TestWithParam<DescriptorRow> {};

TEST_P(Descriptor, NotOpenIsEbadf) {
    Attr attr;
    attr.put(GetParam().offset, bad_fd);
    EXPECT_ANSWER(GetParam().answer, attr.call(GetParam().command));
    attr.put(GetParam().offset, -1);
    EXPECT_ANSWER(GetParam().answer, attr.call(GetParam().command));
}

TEST_P(Descriptor, OfAnOrdinaryFileIsEinval) {
    Fd file(open("/dev/null", O_RDWR | O_CLOEXEC));
    Attr attr;
    attr.put(GetParam().offset, file.get());
    EXPECT_ANSWER(-EINVAL, attr.call(GetParam().command));
}

INSTANTIATE_TEST_SUITE_P(
    Of, Descriptor,
    testing::Values(DescriptorRow{"MAP_LOOKUP_ELEM", BPF_MAP_LOOKUP_ELEM, 0}, DescriptorRow{"MAP_UPDATE_ELEM", BPF_MAP_UPDATE_ELEM, 0},
                    DescriptorRow{"MAP_DELETE_ELEM", BPF_MAP_DELETE_ELEM, 0}, DescriptorRow{"MAP_GET_NEXT_KEY", BPF_MAP_GET_NEXT_KEY, 0},
                    DescriptorRow{"MAP_LOOKUP_AND_DELETE_ELEM", BPF_MAP_LOOKUP_AND_DELETE_ELEM, 0},
                    DescriptorRow{"MAP_FREEZE", BPF_MAP_FREEZE, 0}, DescriptorRow{"MAP_LOOKUP_BATCH", BPF_MAP_LOOKUP_BATCH, 36},
                    DescriptorRow{"OBJ_PIN", BPF_OBJ_PIN, 8, -EINVAL}, DescriptorRow{"PROG_TEST_RUN", BPF_PROG_TEST_RUN, 0},
                    DescriptorRow{"OBJ_GET_INFO_BY_FD", BPF_OBJ_GET_INFO_BY_FD, 0, -EBADFD},
                    DescriptorRow{"RAW_TRACEPOINT_OPEN", BPF_RAW_TRACEPOINT_OPEN, 8}, DescriptorRow{"LINK_CREATE", BPF_LINK_CREATE, 0},
                    DescriptorRow{"LINK_UPDATE", BPF_LINK_UPDATE, 0}, DescriptorRow{"LINK_DETACH", BPF_LINK_DETACH, 0},
                    DescriptorRow{"PROG_BIND_MAP", BPF_PROG_BIND_MAP, 0}),
    row_name);

// --- what a command does not use must be zero -------------------------------------------

// `attr` is a call that does not end as EINVAL; `used` is where the command's last field ends.
struct TailRow {
    const char* name;
    int command;
    uint32_t used;
    long answer;  // without a spoiled byte; 0 stands for a new descriptor too
    Attr (*attr)(Fd& used);
};
void PrintTo(const TailRow& row, std::ostream* out) { *out << row.name; }

class Tail : public testing::TestWithParam<TailRow> {};

long answer_of(Attr attr, int command) {
    long result = attr.call(command);
    if (result > 0) Fd close_it(result);
    return result > 0 ? 0 : result;
}

TEST_P(Tail, OfZerosIsAccepted) {
    Fd used;
    EXPECT_ANSWER(GetParam().answer, answer_of(GetParam().attr(used), GetParam().command));
}

TEST_P(Tail, WithAByteRightBehindTheLastFieldIsEinval) {
    Fd used;
    Attr attr = GetParam().attr(used);
    attr.put<uint8_t>(GetParam().used, 1);
    EXPECT_ANSWER(-EINVAL, answer_of(attr, GetParam().command));
}

TEST_P(Tail, WithAByteAtItsEndIsEinval) {
    Fd used;
    Attr attr = GetParam().attr(used);
    attr.put<uint8_t>(Attr::linux_size - 1, 1);
    EXPECT_ANSWER(-EINVAL, answer_of(attr, GetParam().command));
}

Attr smallest_array(Fd&) { return array_of_one(); }
template <size_t offset>
Attr bad_fd_at(Fd&) {
    Attr attr;
    attr.put(offset, bad_fd);
    return attr;
}
Attr zeros(Fd&) { return {}; }

const std::vector<bpf_insn> return_zero = Program{mov(r0, 0), exit()};
Attr smallest_program(Fd&) {
    Attr attr;
    attr->prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
    attr->insns = pointer(return_zero.data());
    attr->insn_cnt = 2;
    attr->license = pointer("GPL");
    return attr;
}
Attr smallest_btf(Fd&) {
    static const std::vector<unsigned char> bytes = [] {
        BtfBuilder btf;
        btf.integer("int", 4);
        return btf.bytes();
    }();
    Attr attr;
    attr->btf = pointer(bytes.data());
    attr->btf_size = static_cast<uint32_t>(bytes.size());
    return attr;
}
Attr pin_in_no_folder(Fd& map) {
    map = Fd(array_of_one().call(BPF_MAP_CREATE));
    static const std::string path = bpffs() + "/there-is-no-such-folder/pin";
    Attr attr;
    attr->pathname = pointer(path.c_str());
    attr->bpf_fd = map.u();
    return attr;
}
Attr obj_get_of_nothing(Fd&) {
    static const std::string path = bpffs() + "/there-is-no-such-pin";
    Attr attr;
    attr->pathname = pointer(path.c_str());
    return attr;
}

INSTANTIATE_TEST_SUITE_P(Of, Tail,
                         testing::Values(TailRow{"MAP_CREATE", BPF_MAP_CREATE, 80, 0, smallest_array},
                                         TailRow{"MAP_LOOKUP_ELEM", BPF_MAP_LOOKUP_ELEM, 32, -EBADF, bad_fd_at<0>},
                                         TailRow{"MAP_UPDATE_ELEM", BPF_MAP_UPDATE_ELEM, 32, -EBADF, bad_fd_at<0>},
                                         TailRow{"MAP_DELETE_ELEM", BPF_MAP_DELETE_ELEM, 16, -EBADF, bad_fd_at<0>},
                                         TailRow{"MAP_GET_NEXT_KEY", BPF_MAP_GET_NEXT_KEY, 24, -EBADF, bad_fd_at<0>},
                                         TailRow{"MAP_LOOKUP_AND_DELETE_ELEM", BPF_MAP_LOOKUP_AND_DELETE_ELEM, 32, -EBADF, bad_fd_at<0>},
                                         TailRow{"MAP_FREEZE", BPF_MAP_FREEZE, 4, -EBADF, bad_fd_at<0>},
                                         TailRow{"MAP_LOOKUP_BATCH", BPF_MAP_LOOKUP_BATCH, 56, -EBADF, bad_fd_at<36>},
                                         TailRow{"MAP_LOOKUP_AND_DELETE_BATCH", BPF_MAP_LOOKUP_AND_DELETE_BATCH, 56, -EBADF, bad_fd_at<36>},
                                         TailRow{"MAP_UPDATE_BATCH", BPF_MAP_UPDATE_BATCH, 56, -EBADF, bad_fd_at<36>},
                                         TailRow{"MAP_DELETE_BATCH", BPF_MAP_DELETE_BATCH, 56, -EBADF, bad_fd_at<36>},
                                         TailRow{"PROG_LOAD", BPF_PROG_LOAD, 148, 0, smallest_program},
                                         TailRow{"OBJ_PIN", BPF_OBJ_PIN, 20, -ENOENT, pin_in_no_folder},
                                         TailRow{"OBJ_GET", BPF_OBJ_GET, 20, -ENOENT, obj_get_of_nothing},
                                         TailRow{"PROG_ATTACH", BPF_PROG_ATTACH, 32, -EBADF, bad_fd_at<4>},
                                         TailRow{"PROG_TEST_RUN", BPF_PROG_TEST_RUN, 76, -EBADF, bad_fd_at<0>},
                                         TailRow{"PROG_GET_NEXT_ID", BPF_PROG_GET_NEXT_ID, 8, -ENOENT, bad_fd_at<0>},
                                         TailRow{"MAP_GET_NEXT_ID", BPF_MAP_GET_NEXT_ID, 8, -ENOENT, bad_fd_at<0>},
                                         TailRow{"BTF_GET_NEXT_ID", BPF_BTF_GET_NEXT_ID, 8, -ENOENT, bad_fd_at<0>},
                                         TailRow{"LINK_GET_NEXT_ID", BPF_LINK_GET_NEXT_ID, 8, -ENOENT, bad_fd_at<0>},
                                         TailRow{"PROG_GET_FD_BY_ID", BPF_PROG_GET_FD_BY_ID, 4, -ENOENT, zeros},
                                         TailRow{"MAP_GET_FD_BY_ID", BPF_MAP_GET_FD_BY_ID, 12, -ENOENT, zeros},
                                         TailRow{"BTF_GET_FD_BY_ID", BPF_BTF_GET_FD_BY_ID, 4, -ENOENT, zeros},
                                         TailRow{"LINK_GET_FD_BY_ID", BPF_LINK_GET_FD_BY_ID, 4, -ENOENT, zeros},
                                         TailRow{"OBJ_GET_INFO_BY_FD", BPF_OBJ_GET_INFO_BY_FD, 16, -EBADFD, bad_fd_at<0>},
                                         TailRow{"PROG_QUERY", BPF_PROG_QUERY, 64, -EBADF, bad_fd_at<0>},
                                         TailRow{"RAW_TRACEPOINT_OPEN", BPF_RAW_TRACEPOINT_OPEN, 24, -EBADF, bad_fd_at<8>},
                                         TailRow{"BTF_LOAD", BPF_BTF_LOAD, 40, 0, smallest_btf},
                                         TailRow{"LINK_CREATE", BPF_LINK_CREATE, 60, -EBADF, bad_fd_at<0>},
                                         TailRow{"LINK_UPDATE", BPF_LINK_UPDATE, 16, -EBADF, bad_fd_at<0>},
                                         TailRow{"LINK_DETACH", BPF_LINK_DETACH, 4, -EBADF, bad_fd_at<0>},
                                         TailRow{"ENABLE_STATS", BPF_ENABLE_STATS, 4, 0, zeros},
                                         TailRow{"ITER_CREATE", BPF_ITER_CREATE, 8, -EBADF, bad_fd_at<0>},
                                         TailRow{"PROG_BIND_MAP", BPF_PROG_BIND_MAP, 12, -EBADF, bad_fd_at<0>}),
                         row_name);

}  // namespace
}  // namespace test
