// BPF_BTF_LOAD and the info of a BTF: what the header, the strings and each kind must be.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <ostream>

#include "support/btf_builder.h"
#include "support/call.h"
#include "support/rows.h"

namespace test {
namespace {

constexpr size_t log_true_size = 28;

struct Loaded {
    long answer;
    std::string log;
};
Loaded load(const std::vector<unsigned char>& bytes) {
    std::string log(8192, '\0');
    Attr attr;
    attr->btf = pointer(bytes.data());
    attr->btf_size = static_cast<uint32_t>(bytes.size());
    attr->btf_log_buf = pointer(log.data());
    attr->btf_log_size = static_cast<uint32_t>(log.size());
    attr->btf_log_level = 1;
    Fd btf(attr.call(BPF_BTF_LOAD));
    return {btf.error(), log.c_str()};
}

BtfBuilder small() {
    BtfBuilder btf;
    btf.integer("int", 4, BTF_INT_SIGNED);
    return btf;
}
Attr attr_of(const std::vector<unsigned char>& bytes) {
    Attr attr;
    attr->btf = pointer(bytes.data());
    attr->btf_size = static_cast<uint32_t>(bytes.size());
    return attr;
}

// --- the attr --------------------------------------------------------------------------------

TEST(BtfLoad, GivesADescriptorThatClosesOnExec) {
    Fd btf(small().load());
    ASSERT_ANSWER(0, btf.error());
    EXPECT_EQ(FD_CLOEXEC, fcntl(btf.get(), F_GETFD));
}
TEST(BtfLoad, UnmappedIsEfault) {
    Attr attr;
    attr->btf = 8;
    attr->btf_size = 64;
    EXPECT_ANSWER(-EFAULT, attr.call(BPF_BTF_LOAD));
}
TEST(BtfLoad, MoreThan16MegabytesIsE2big) {
    std::vector<unsigned char> bytes = small().bytes();
    bytes.resize((16 << 20) + 1);
    EXPECT_ANSWER(-E2BIG, attr_of(bytes).call(BPF_BTF_LOAD));
}
TEST(BtfLoad, FlagsOtherThanATokenAreEinval) {
    std::vector<unsigned char> bytes = small().bytes();
    Attr attr = attr_of(bytes);
    attr.put<uint32_t>(32, 1);
    EXPECT_ANSWER(-EINVAL, attr.call(BPF_BTF_LOAD));
}
TEST(BtfLoad, ALogBufferWithoutALevelIsEinval) {
    std::vector<unsigned char> bytes = small().bytes();
    char log[256];
    Attr attr = attr_of(bytes);
    attr->btf_log_buf = pointer(log);
    attr->btf_log_size = sizeof log;
    EXPECT_ANSWER(-EINVAL, attr.call(BPF_BTF_LOAD));
}
TEST(BtfLoad, ALogThatDoesNotFitIsEnospc) {
    std::vector<unsigned char> bytes = small().bytes();
    char log[16] = {};
    Attr attr = attr_of(bytes);
    attr->btf_log_buf = pointer(log);
    attr->btf_log_size = sizeof log;
    attr->btf_log_level = 1;
    EXPECT_ANSWER(-ENOSPC, attr.call(BPF_BTF_LOAD));
    EXPECT_GT(attr.at<uint32_t>(log_true_size), 16U);
}

// --- the header ------------------------------------------------------------------------------

struct HeaderRow {
    const char* name;
    size_t offset;
    uint32_t value;  // written at `offset` of the bytes of small()
    size_t width;
    long answer;
    const char* log;
};
void PrintTo(const HeaderRow& row, std::ostream* out) { *out << row.name; }
class Header : public testing::TestWithParam<HeaderRow> {};
TEST_P(Header, Answers) {
    std::vector<unsigned char> bytes = small().bytes();
    std::memcpy(bytes.data() + GetParam().offset, &GetParam().value, GetParam().width);
    Loaded loaded = load(bytes);
    EXPECT_ANSWER(GetParam().answer, loaded.answer);
    EXPECT_NE(std::string::npos, loaded.log.find(GetParam().log)) << loaded.log;
}
INSTANTIATE_TEST_SUITE_P(Btf, Header,
                         testing::Values(HeaderRow{"magic", 0, 0xeb9e, 2, -EINVAL, "Invalid magic"},
                                         HeaderRow{"version", 2, 2, 1, -enotsupp, "Unsupported version"},
                                         HeaderRow{"flags", 3, 1, 1, -enotsupp, "Unsupported flags"},
                                         HeaderRow{"no_types", 12, 0, 4, -EINVAL, "Unsupported section found"},
                                         HeaderRow{"type_off_unaligned", 8, 1, 4, -EINVAL, "Unsupported section found"},
                                         HeaderRow{"str_len_zero", 20, 0, 4, -EINVAL, ""},
                                         HeaderRow{"str_len_beyond_the_end", 20, 100, 4, -EINVAL, "Total section length too long"},
                                         HeaderRow{"str_off_beyond_the_end", 16, 1000, 4, -EINVAL, "Invalid section offset"},
                                         HeaderRow{"sections_overlap", 16, 12, 4, -EINVAL, "Section overlap found"}),
                         row_name);

TEST(BtfHeader, ShorterThanItsLengthFieldIsEinval) {
    std::vector<unsigned char> bytes = small().bytes();
    bytes.resize(7);
    Loaded loaded = load(bytes);
    EXPECT_ANSWER(-EINVAL, loaded.answer);
    EXPECT_NE(std::string::npos, loaded.log.find("hdr_len not found")) << loaded.log;
}
TEST(BtfHeader, LongerThanTheBytesIsEinval) {
    std::vector<unsigned char> bytes = small().bytes();
    bytes.resize(20);
    Loaded loaded = load(bytes);
    EXPECT_ANSWER(-EINVAL, loaded.answer);
    EXPECT_NE(std::string::npos, loaded.log.find("btf_header not found")) << loaded.log;
}
TEST(BtfStrings, MustBeginAndEndWithZero) {
    std::vector<unsigned char> bytes = small().bytes();
    std::vector<unsigned char> spoiled = bytes;
    spoiled.back() = 'x';
    EXPECT_ANSWER(-EINVAL, load(spoiled).answer);
    EXPECT_NE(std::string::npos, load(spoiled).log.find("Invalid string section"));
    spoiled = bytes;
    spoiled[bytes.size() - 5] = 'x';  // "\0int\0"
    EXPECT_ANSWER(-EINVAL, load(spoiled).answer);
}

// --- kinds -------------------------------------------------------------------------------------

struct KindRow {
    const char* name;
    std::function<void(BtfBuilder&)> build;
    long answer;
    const char* log;
};
void PrintTo(const KindRow& row, std::ostream* out) { *out << row.name; }
class Kind : public testing::TestWithParam<KindRow> {};
TEST_P(Kind, Answers) {
    BtfBuilder btf = small();  // type 1 is int
    GetParam().build(btf);
    Loaded loaded = load(btf.bytes());
    EXPECT_ANSWER(GetParam().answer, loaded.answer) << loaded.log;
    EXPECT_NE(std::string::npos, loaded.log.find(GetParam().log)) << loaded.log;
}
INSTANTIATE_TEST_SUITE_P(
    Btf, Kind,
    testing::Values(
        KindRow{"unknown", [](BtfBuilder& b) { b.type("x", 20, 0, 0); }, -EINVAL, "Invalid kind:20"},
        KindRow{"int_without_its_word", [](BtfBuilder& b) { b.type("x", BTF_KIND_INT, 0, 4); }, -EINVAL, "meta_left:0 meta_needed:4"},
        KindRow{"int_of_no_name", [](BtfBuilder& b) { b.integer("", 4); }, 0, ""},
        KindRow{"int_of_3_bytes", [](BtfBuilder& b) { b.integer("x", 3); }, 0, ""},
        KindRow{"int_of_two_encodings", [](BtfBuilder& b) { b.integer("x", 4, BTF_INT_SIGNED | BTF_INT_BOOL); }, -enotsupp,
                "Unsupported encoding"},
        KindRow{"int_name_with_a_space", [](BtfBuilder& b) { b.integer("unsigned int", 4); }, 0, ""},
        KindRow{"struct_name_with_a_space", [](BtfBuilder& b) { b.type("a b", BTF_KIND_STRUCT, 0, 0); }, -EINVAL, "Invalid name"},
        KindRow{"struct_name_that_starts_with_a_digit", [](BtfBuilder& b) { b.type("1a", BTF_KIND_STRUCT, 0, 0); }, -EINVAL,
                "Invalid name"},
        KindRow{"struct_of_no_name", [](BtfBuilder& b) { b.type("", BTF_KIND_STRUCT, 0, 4); }, 0, ""},
        KindRow{"struct_member_past_its_end", [](BtfBuilder& b) { b.structure("s", 4, {{"a", 1}, {"b", 1}}, 32); }, -EINVAL,
                "Member exceeds struct_size"},
        KindRow{"struct_members_out_of_order",
                [](BtfBuilder& b) {
                    uint32_t a = b.string("a"), c = b.string("c");
                    b.type("s", BTF_KIND_STRUCT, 2, 8, {a, 1, 32, c, 1, 0});
                },
                -EINVAL, "Invalid member bits_offset"},
        KindRow{"struct_that_holds_itself", [](BtfBuilder& b) { b.structure("s", 4, {{"a", 2}}, 32); }, -EEXIST, ""},
        KindRow{"struct_member_of_no_type", [](BtfBuilder& b) { b.structure("s", 4, {{"a", 99}}, 32); }, -EINVAL, ""},
        KindRow{"struct_member_void", [](BtfBuilder& b) { b.structure("s", 4, {{"a", 0}}, 32); }, -EINVAL, ""},
        KindRow{"pointer_to_void", [](BtfBuilder& b) { b.type("", BTF_KIND_PTR, 0, 0); }, 0, ""},
        KindRow{"pointer_with_a_name", [](BtfBuilder& b) { b.type("p", BTF_KIND_PTR, 0, 1); }, -EINVAL, "Invalid name"},
        KindRow{"pointer_to_itself_by_struct",
                [](BtfBuilder& b) {
                    b.structure("node", 8, {{"next", 3}}, 64);
                    b.type("", BTF_KIND_PTR, 0, 2);
                },
                0, ""},
        KindRow{"typedef_of_no_name", [](BtfBuilder& b) { b.type("", BTF_KIND_TYPEDEF, 0, 1); }, -EINVAL, "Invalid name"},
        KindRow{"typedef_of_itself", [](BtfBuilder& b) { b.type("t", BTF_KIND_TYPEDEF, 0, 2); }, -EEXIST, "Loop detected"},
        KindRow{"const_of_const_loop",
                [](BtfBuilder& b) {
                    b.type("", BTF_KIND_CONST, 0, 3);
                    b.type("", BTF_KIND_VOLATILE, 0, 2);
                },
                -EEXIST, "Loop detected"},
        KindRow{"array", [](BtfBuilder& b) { b.type("", BTF_KIND_ARRAY, 0, 0, {1, 1, 7}); }, 0, ""},
        KindRow{"array_with_a_size", [](BtfBuilder& b) { b.type("", BTF_KIND_ARRAY, 0, 4, {1, 1, 7}); }, -EINVAL, "size != 0"},
        KindRow{"array_with_a_name", [](BtfBuilder& b) { b.type("a", BTF_KIND_ARRAY, 0, 0, {1, 1, 7}); }, -EINVAL, "Invalid name"},
        KindRow{"array_of_void", [](BtfBuilder& b) { b.type("", BTF_KIND_ARRAY, 0, 0, {0, 1, 7}); }, -EINVAL, "Invalid elem"},
        KindRow{"enum", [](BtfBuilder& b) { b.type("e", BTF_KIND_ENUM, 1, 4, {b.string("ONE"), 1}); }, 0, ""},
        KindRow{"enum_of_3_bytes", [](BtfBuilder& b) { b.type("e", BTF_KIND_ENUM, 1, 3, {b.string("ONE"), 1}); }, -EINVAL,
                "Unexpected size"},
        KindRow{"enum64", [](BtfBuilder& b) { b.type("e", 19, 1, 8, {b.string("ONE"), 1, 1}); }, 0, ""},
        KindRow{"forward", [](BtfBuilder& b) { b.type("f", BTF_KIND_FWD, 0, 0); }, 0, ""},
        KindRow{"forward_with_a_type", [](BtfBuilder& b) { b.type("f", BTF_KIND_FWD, 0, 1); }, -EINVAL, "type != 0"},
        KindRow{"function", [](BtfBuilder& b) { b.function("f", b.prototype(1, {{"a", 1}}), BTF_FUNC_GLOBAL); }, 0, ""},
        KindRow{"function_of_unknown_linkage", [](BtfBuilder& b) { b.function("f", b.prototype(1, {{"a", 1}}), 3); }, -EINVAL,
                "Invalid func linkage"},
        KindRow{"function_of_no_prototype", [](BtfBuilder& b) { b.function("f", 1, BTF_FUNC_GLOBAL); }, -EINVAL, "Invalid type_id"},
        KindRow{"function_of_no_name", [](BtfBuilder& b) { b.function("", b.prototype(1), BTF_FUNC_GLOBAL); }, -EINVAL, "Invalid name"},
        KindRow{"prototype_with_a_name", [](BtfBuilder& b) { b.type("p", BTF_KIND_FUNC_PROTO, 0, 1); }, -EINVAL, "Invalid name"},
        KindRow{"parameter_after_the_dots", [](BtfBuilder& b) { b.function("f", b.prototype(1, {{"", 0}, {"a", 1}}), BTF_FUNC_GLOBAL); },
                -EINVAL, "Invalid arg#1"},
        KindRow{"parameter_of_no_type", [](BtfBuilder& b) { b.prototype(1, {{"a", 99}}); }, -EINVAL, ""},
        KindRow{"variable", [](BtfBuilder& b) { b.type("v", BTF_KIND_VAR, 0, 1, {BTF_VAR_GLOBAL_ALLOCATED}); }, 0, ""},
        KindRow{"variable_of_void", [](BtfBuilder& b) { b.type("v", BTF_KIND_VAR, 0, 0, {BTF_VAR_GLOBAL_ALLOCATED}); }, -EINVAL,
                "Invalid type_id"},
        KindRow{"variable_of_unknown_linkage", [](BtfBuilder& b) { b.type("v", BTF_KIND_VAR, 0, 1, {2}); }, -EINVAL,
                "Linkage not supported"},
        KindRow{"section",
                [](BtfBuilder& b) {
                    uint32_t v = b.type("v", BTF_KIND_VAR, 0, 1, {BTF_VAR_GLOBAL_ALLOCATED});
                    b.type(".rodata", BTF_KIND_DATASEC, 1, 4, {v, 0, 4});
                },
                0, ""},
        KindRow{"section_variable_past_its_end",
                [](BtfBuilder& b) {
                    uint32_t v = b.type("v", BTF_KIND_VAR, 0, 1, {BTF_VAR_GLOBAL_ALLOCATED});
                    b.type(".rodata", BTF_KIND_DATASEC, 1, 4, {v, 4, 4});
                },
                -EINVAL, ""},
        KindRow{"section_of_size_0", [](BtfBuilder& b) { b.type(".data", BTF_KIND_DATASEC, 0, 0); }, -EINVAL, "size == 0"},
        KindRow{"float", [](BtfBuilder& b) { b.type("float", BTF_KIND_FLOAT, 0, 4); }, 0, ""},
        KindRow{"float_of_5_bytes", [](BtfBuilder& b) { b.type("float", BTF_KIND_FLOAT, 0, 5); }, -EINVAL, "Invalid type_size"},
        KindRow{"declaration_tag", [](BtfBuilder& b) { b.type("tag", 17, 0, b.type("t", BTF_KIND_TYPEDEF, 0, 1), {UINT32_MAX}); }, 0, ""},
        KindRow{"type_tag", [](BtfBuilder& b) { b.type("", BTF_KIND_PTR, 0, b.type("tag", 18, 0, 1)); }, 0, ""}),
    row_name);

// --- info ----------------------------------------------------------------------------------------

// struct bpf_btf_info
struct Info {
    uint64_t btf = 0;
    uint32_t btf_size = 0, id = 0;
    uint64_t name = 0;
    uint32_t name_len = 0, kernel_btf = 0;
};
long info_of(const Fd& btf, Info& info) {
    Attr attr;
    attr->info.bpf_fd = btf.u();
    attr->info.info = pointer(&info);
    attr->info.info_len = sizeof info;
    return attr.call(BPF_OBJ_GET_INFO_BY_FD);
}

TEST(BtfInfo, GivesTheBytesBack) {
    std::vector<unsigned char> bytes = small().bytes(), seen(bytes.size() + 8, 0xee);
    Fd btf(BtfBuilder::load(bytes));
    Info info;
    info.btf = pointer(seen.data());
    info.btf_size = static_cast<uint32_t>(seen.size());
    EXPECT_ANSWER(0, info_of(btf, info));
    EXPECT_EQ(bytes.size(), info.btf_size);
    EXPECT_NE(0U, info.id);
    EXPECT_EQ(0U, info.kernel_btf);
    EXPECT_EQ(0U, info.name_len);
    EXPECT_EQ(0, std::memcmp(bytes.data(), seen.data(), bytes.size()));
}
TEST(BtfInfo, GivesAsManyBytesAsThereIsRoom) {
    std::vector<unsigned char> bytes = small().bytes(), seen(bytes.size(), 0xee);
    Fd btf(BtfBuilder::load(bytes));
    Info info;
    info.btf = pointer(seen.data());
    info.btf_size = 5;
    EXPECT_ANSWER(0, info_of(btf, info));
    EXPECT_EQ(bytes.size(), info.btf_size);
    EXPECT_EQ(0, std::memcmp(bytes.data(), seen.data(), 5));
    EXPECT_EQ(0xee, seen[5]);
}
TEST(BtfInfo, ByIdIsTheSame) {
    Fd btf(small().load());
    Info info, again_info;
    EXPECT_ANSWER(0, info_of(btf, info));
    Attr attr;
    attr->btf_id = info.id;
    Fd again(attr.call(BPF_BTF_GET_FD_BY_ID));
    ASSERT_ANSWER(0, again.error());
    EXPECT_ANSWER(0, info_of(again, again_info));
    EXPECT_EQ(info.id, again_info.id);
    again.reset();
    btf.reset();
    EXPECT_ANSWER(-ENOENT, attr.call(BPF_BTF_GET_FD_BY_ID));
}
TEST(BtfInfo, TheKernelsOwnIsListedFirstAndNamed) {
    Attr attr;
    ASSERT_ANSWER(0, attr.call(BPF_BTF_GET_NEXT_ID));
    Attr by_id;
    by_id->btf_id = attr->next_id;
    Fd btf(by_id.call(BPF_BTF_GET_FD_BY_ID));
    char name[64] = {};
    Info info;
    info.name = pointer(name);
    info.name_len = sizeof name;
    ASSERT_ANSWER(0, info_of(btf, info));
    EXPECT_EQ(1U, info.kernel_btf);
    EXPECT_STREQ("vmlinux", name);
}

}  // namespace
}  // namespace test
