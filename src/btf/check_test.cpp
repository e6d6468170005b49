// What BPF_BTF_LOAD refuses: one row a refusal: what is spoiled, errno, the end of the log.  Measured on Linux 6.12.
#include <gtest/gtest.h>

#include <functional>

#include "btf/btf.h"
#include "btf/btf_builder.h"

namespace graft {
namespace {

struct Outcome {
    int code;
    std::string log;
};

Outcome load(const std::vector<std::byte>& data) {
    Log log(Log::level1, 1 << 20);
    const int code = Btf::parse(data, log).code();
    return {code, std::string(log.text())};
}

std::string last_line(std::string_view log) {
    if (log.ends_with('\n')) log.remove_suffix(1);
    const size_t newline = log.rfind('\n');
    return std::string(newline == std::string_view::npos ? log : log.substr(newline + 1));
}

// --- the header ---------------------------------------------------------------------------

struct HeaderRow {
    const char* what;
    std::function<void(btf_header&)> spoil;
    int code;
    const char* log;
};

TEST(BtfCheck, Header) {
    const HeaderRow rows[] = {
        {"nothing", [](btf_header&) {}, 0, "[1] INT int size=4 bits_offset=0 nr_bits=32 encoding=(none)"},
        {"magic", [](btf_header& h) { h.magic = 0x9feb; }, EINVAL, "Invalid magic"},
        {"version", [](btf_header& h) { h.version = 2; }, abi::enotsupp, "Unsupported version"},
        {"flags", [](btf_header& h) { h.flags = 1; }, abi::enotsupp, "Unsupported flags"},
        {"hdr_len beyond the data", [](btf_header& h) { h.hdr_len = 46; }, EINVAL, "btf_header not found"},
        {"hdr_len is all of the data", [](btf_header& h) { h.hdr_len = 24 + 21; }, E2BIG, "Unsupported btf_header"},
        {"hdr_len of 0", [](btf_header& h) { h.hdr_len = 0; }, EINVAL, "Invalid magic"},
        {"hdr_len without str_len", [](btf_header& h) { h.hdr_len = 20; }, EINVAL, "Unsupported section found"},
        {"type_off far out", [](btf_header& h) { h.type_off = UINT32_MAX; }, EINVAL, "Invalid section offset"},
        {"str_off far out", [](btf_header& h) { h.str_off = 22; }, EINVAL, "Invalid section offset"},
        {"a gap between the sections", [](btf_header& h) { h.str_off = 17; }, EINVAL, "Unsupported section found"},
        {"types reach into strings", [](btf_header& h) { h.type_len = 17; }, EINVAL, "Section overlap found"},
        {"strings reach beyond the data", [](btf_header& h) { h.str_len = 6; }, EINVAL, "Total section length too long"},
        {"strings end before the data", [](btf_header& h) { h.str_len = 4; }, EINVAL, "Unsupported section found"},
        {"no types", [](btf_header& h) { h.type_len = 0, h.str_off = 0, h.str_len = 21; }, EINVAL, "Invalid string section"},
        {"strings before the types", [](btf_header& h) { h.type_off = 5, h.str_off = 0; }, EINVAL, "String section is not at the end"},
    };
    BtfBuilder builder;
    builder.integer("int", 4);
    for (const HeaderRow& row : rows) {
        btf_header header = builder.header();
        row.spoil(header);
        const Outcome outcome = load(builder.build(header));
        EXPECT_EQ(outcome.code, row.code) << row.what;
        EXPECT_EQ(last_line(outcome.log), row.log) << row.what;
    }
}

TEST(BtfCheck, DataThatIsTooShortOrTooLong) {
    EXPECT_EQ(load({}).log, "hdr_len not found");
    EXPECT_EQ(load(std::vector<std::byte>(7)).log, "hdr_len not found");
    EXPECT_EQ(load(std::vector<std::byte>(Btf::max_size + 1)).code, E2BIG);
    BtfBuilder empty;
    btf_header header = empty.header();
    header.str_len = 0;
    std::vector<std::byte> data = empty.build(header);
    data.resize(sizeof(header));
    EXPECT_EQ(last_line(load(data).log), "No data");
    EXPECT_EQ(last_line(load(empty.build()).log), "No type found");
}

TEST(BtfCheck, ALongerHeaderMustBeZeroBehindWhatIsKnown) {
    BtfBuilder builder;
    builder.integer("int", 4);
    btf_header header = builder.header();
    header.hdr_len = 28;
    std::vector<std::byte> data = builder.build(header);
    data.insert(data.begin() + 24, 4, std::byte{0});
    EXPECT_EQ(load(data).code, 0);
    data[27] = std::byte{1};
    EXPECT_EQ(load(data).code, E2BIG);
    EXPECT_EQ(load(data).log, "Unsupported btf_header");
    // Types that are not aligned in memory are read all the same.
    header.hdr_len = 27;
    data = builder.build(header);
    data.insert(data.begin() + 24, 3, std::byte{0});
    EXPECT_EQ(load(data).code, 0);
}

TEST(BtfCheck, Strings) {
    BtfBuilder builder;
    builder.integer("int", 4);
    std::vector<std::byte> data = builder.build();
    data.back() = std::byte{'x'};
    EXPECT_EQ(last_line(load(data).log), "Invalid string section");
    data = builder.build();
    data[sizeof(btf_header) + 16] = std::byte{'x'};
    EXPECT_EQ(last_line(load(data).log), "Invalid string section");
}

// --- the types ----------------------------------------------------------------------------

// Types 1 int, 2 const void, 3 a struct of 8 bytes, 4 FWD, 5 a prototype; what is spoiled is 6 and on.
struct Fixture {
    BtfBuilder b;
    uint32_t int_ = b.integer("int", 4, BTF_INT_SIGNED);
    uint32_t const_void = b.reference(BTF_KIND_CONST, 0);
    uint32_t pair = b.structure("pair", 8, {{"a", int_, 0}, {"b", int_, 32}});
    uint32_t fwd = b.raw(b.string("gone"), BtfBuilder::info(BTF_KIND_FWD), 0);
    uint32_t proto = b.func_proto(0, {});

    // A type without what follows it, to spoil one word at a time.
    uint32_t words(const char* name, uint32_t info, uint32_t size_or_type, std::initializer_list<uint32_t> more = {}) {
        const uint32_t id = b.raw(b.string(name), info, size_or_type);
        for (const uint32_t word : more) b.word(word);
        return id;
    }
};

constexpr uint32_t info(uint32_t kind, uint32_t vlen = 0, bool kflag = false) { return BtfBuilder::info(kind, vlen, kflag); }
constexpr uint32_t int_data(uint32_t encoding, uint32_t offset, uint32_t bits) { return encoding << 24 | offset << 16 | bits; }

struct Row {
    const char* what;
    std::function<void(Fixture&)> add;
    const char* log;  // the last line
    int code = EINVAL;
};

void check(std::initializer_list<Row> rows) {
    for (const Row& row : rows) {
        Fixture fixture;
        row.add(fixture);
        const Outcome outcome = load(fixture.b.build());
        EXPECT_EQ(outcome.code, row.code) << row.what;
        EXPECT_EQ(last_line(outcome.log), row.log) << row.what;
    }
}

TEST(BtfCheck, AnyType) {
    check({
        {"unknown bits of info", [](Fixture& f) { f.words("x", info(BTF_KIND_INT) | 1U << 16, 4); }, "[6] Invalid btf_info:1010000"},
        {"kind 0", [](Fixture& f) { f.words("x", info(0), 4); }, "[6] Invalid kind:0"},
        {"kind 20", [](Fixture& f) { f.words("x", info(20), 4); }, "[6] Invalid kind:20"},
        {"name", [](Fixture& f) { f.b.raw(999, info(BTF_KIND_FLOAT), 4); }, "[6] Invalid name_offset:999"},
        {"only half of it", [](Fixture& f) { f.b.word(0).word(info(BTF_KIND_PTR)); }, "[6] meta_left:8 meta_needed:12"},
        {"nothing behind it", [](Fixture& f) { f.words("x", info(BTF_KIND_INT), 4); }, "[6] INT x meta_left:0 meta_needed:4"},
    });
}

TEST(BtfCheck, Int) {
    check({
        {"as it should be", [](Fixture& f) { f.b.integer("x", 8, BTF_INT_BOOL); },
         "[6] INT x size=8 bits_offset=0 nr_bits=64 encoding=BOOL", 0},
        {"vlen", [](Fixture& f) { f.words("x", info(BTF_KIND_INT, 1), 4, {32}); },
         "[6] INT x size=4 bits_offset=0 nr_bits=32 encoding=(none) vlen != 0"},
        {"kflag", [](Fixture& f) { f.words("x", info(BTF_KIND_INT, 0, true), 4, {32}); },
         "[6] INT x size=4 bits_offset=0 nr_bits=32 encoding=(none) Invalid btf_info kind_flag"},
        {"unknown bits", [](Fixture& f) { f.words("x", info(BTF_KIND_INT), 4, {0x10000020}); }, "[6] INT x Invalid int_data:10000020"},
        {"more than 128 bits", [](Fixture& f) { f.words("x", info(BTF_KIND_INT), 17, {int_data(0, 1, 128)}); },
         "[6] INT x size=17 bits_offset=1 nr_bits=128 encoding=(none) nr_bits exceeds 128"},
        {"more bits than bytes", [](Fixture& f) { f.words("x", info(BTF_KIND_INT), 4, {33}); },
         "[6] INT x size=4 bits_offset=0 nr_bits=33 encoding=(none) nr_bits exceeds type_size"},
        {"two encodings", [](Fixture& f) { f.words("x", info(BTF_KIND_INT), 4, {int_data(3, 0, 32)}); },
         "[6] INT x size=4 bits_offset=0 nr_bits=32 encoding=UNKN Unsupported encoding", abi::enotsupp},
    });
}

TEST(BtfCheck, ReferencesByThemselves) {
    check({
        {"vlen", [](Fixture& f) { f.words("", info(BTF_KIND_PTR, 1), 1); }, "[6] PTR (anon) type_id=1 vlen != 0"},
        {"kflag", [](Fixture& f) { f.words("", info(BTF_KIND_PTR, 0, true), 1); }, "[6] PTR (anon) type_id=1 Invalid btf_info kind_flag"},
        {"id too large for any BTF", [](Fixture& f) { f.b.pointer(0x100000); }, "[6] PTR (anon) type_id=1048576 Invalid type_id"},
        {"named pointer", [](Fixture& f) { f.words("x", info(BTF_KIND_PTR), 1); }, "[6] PTR x type_id=1 Invalid name"},
        {"named const", [](Fixture& f) { f.words("x", info(BTF_KIND_CONST), 1); }, "[6] CONST x type_id=1 Invalid name"},
        {"typedef without a name", [](Fixture& f) { f.words("", info(BTF_KIND_TYPEDEF), 1); }, "[6] TYPEDEF (anon) type_id=1 Invalid name"},
        {"typedef of a bad name", [](Fixture& f) { f.words("1x", info(BTF_KIND_TYPEDEF), 1); }, "[6] TYPEDEF 1x type_id=1 Invalid name"},
        {"type tag without a value", [](Fixture& f) { f.words("", info(BTF_KIND_TYPE_TAG), 1); },
         "[6] TYPE_TAG (anon) type_id=1 Invalid name"},
        {"type tag of any value", [](Fixture& f) { f.words("1 x", info(BTF_KIND_TYPE_TAG), 1); }, "[6] TYPE_TAG 1 x type_id=1", 0},
    });
}

TEST(BtfCheck, WhereReferencesLead) {
    check({
        {"void", [](Fixture& f) { f.b.pointer(f.const_void); }, "[6] PTR (anon) type_id=2", 0},
        {"FWD", [](Fixture& f) { f.b.pointer(f.fwd); }, "[6] PTR (anon) type_id=4", 0},
        {"no such type", [](Fixture& f) { f.b.pointer(7); }, "[6] PTR (anon) type_id=7 Invalid type_id"},
        {"a function", [](Fixture& f) { f.b.pointer(f.b.func("f", f.proto)); }, "[7] PTR (anon) type_id=6", 0},
        {"a variable", [](Fixture& f) { f.b.pointer(f.b.variable("v", f.int_)); }, "[7] PTR (anon) type_id=6 Invalid type_id"},
        {"a tag", [](Fixture& f) { f.b.pointer(f.b.decl_tag("t", f.pair)); }, "[7] PTR (anon) type_id=6 Invalid type_id"},
        {"itself", [](Fixture& f) { f.b.pointer(6); }, "[6] PTR (anon) type_id=6 Loop detected", EEXIST},
        {"each other", [](Fixture& f) { f.b.reference(BTF_KIND_CONST, 7), f.b.pointer(6); }, "[6] CONST (anon) type_id=7 Loop detected",
         EEXIST},
        {"struct and back by pointer", [](Fixture& f) { f.b.structure("x", 8, {{"p", 7, 0}}), f.b.pointer(6); }, "[7] PTR (anon) type_id=6",
         0},
        {"tags behind modifiers", [](Fixture& f) { f.b.reference(BTF_KIND_CONST, f.b.reference(BTF_KIND_TYPE_TAG, 1, "t")); },
         "Type tags don't precede modifiers"},
        {"tags before modifiers", [](Fixture& f) { f.b.reference(BTF_KIND_TYPE_TAG, f.b.reference(BTF_KIND_CONST, 1), "t"); },
         "[7] TYPE_TAG t type_id=6", 0},
    });
}

TEST(BtfCheck, Array) {
    check({
        {"as it should be", [](Fixture& f) { f.b.array(f.pair, f.int_, 3); }, "[6] ARRAY (anon) type_id=3 index_type_id=1 nr_elems=3", 0},
        {"name", [](Fixture& f) { f.words("x", info(BTF_KIND_ARRAY), 0, {1, 1, 1}); },
         "[6] ARRAY x type_id=1 index_type_id=1 nr_elems=1 Invalid name"},
        {"size", [](Fixture& f) { f.words("", info(BTF_KIND_ARRAY), 4, {1, 1, 1}); },
         "[6] ARRAY (anon) type_id=1 index_type_id=1 nr_elems=1 size != 0"},
        {"of void", [](Fixture& f) { f.b.array(0, 1, 1); }, "[6] ARRAY (anon) type_id=0 index_type_id=1 nr_elems=1 Invalid elem"},
        {"by void", [](Fixture& f) { f.b.array(1, 0, 1); }, "[6] ARRAY (anon) type_id=1 index_type_id=0 nr_elems=1 Invalid index"},
        {"of const void", [](Fixture& f) { f.b.array(f.const_void, 1, 1); },
         "[6] ARRAY (anon) type_id=2 index_type_id=1 nr_elems=1 Invalid elem"},
        {"of FWD", [](Fixture& f) { f.b.array(f.fwd, 1, 1); }, "[6] ARRAY (anon) type_id=4 index_type_id=1 nr_elems=1 Invalid elem"},
        {"by a struct", [](Fixture& f) { f.b.array(1, f.pair, 1); }, "[6] ARRAY (anon) type_id=1 index_type_id=3 nr_elems=1 Invalid index"},
        {"of odd ints", [](Fixture& f) { f.b.array(f.b.integer_bits("x", 4, 31), 1, 1); },
         "[7] ARRAY (anon) type_id=6 index_type_id=1 nr_elems=1 Invalid array of int"},
        {"of itself", [](Fixture& f) { f.b.array(6, 1, 1); }, "[6] ARRAY (anon) type_id=6 index_type_id=1 nr_elems=1 Loop detected",
         EEXIST},
        {"more than 4 GB", [](Fixture& f) { f.b.array(1, 1, 0x40000000); },
         "[6] ARRAY (anon) type_id=1 index_type_id=1 nr_elems=1073741824 Array size overflows U32_MAX"},
    });
}

TEST(BtfCheck, StructByItself) {
    check({
        {"bad name", [](Fixture& f) { f.b.structure("a b", 4, {}); }, "[6] STRUCT a b size=4 vlen=0 Invalid name"},
        {"member's name", [](Fixture& f) { f.words("x", info(BTF_KIND_STRUCT, 1), 4, {999, 1, 0}); },
         "\t(invalid-name-offset) type_id=1 bits_offset=0 Invalid member name_offset:999"},
        {"member's bad name", [](Fixture& f) { f.b.structure("x", 4, {{"-", 1, 0}}); }, "\t- type_id=1 bits_offset=0 Invalid name"},
        {"member void", [](Fixture& f) { f.b.structure("x", 4, {{"m", 0, 0}}); }, "\tm type_id=0 bits_offset=0 Invalid type_id"},
        {"members not in order", [](Fixture& f) { f.b.structure("x", 8, {{"m", 1, 32}, {"n", 1, 0}}); },
         "\tn type_id=1 bits_offset=0 Invalid member bits_offset"},
        {"union's member not at 0", [](Fixture& f) { f.b.structure("x", 8, {{"m", 1, 32}}, BTF_KIND_UNION); },
         "\tm type_id=1 bits_offset=32 Invalid member bits_offset"},
        {"member behind the end", [](Fixture& f) { f.b.structure("x", 4, {{"m", 1, 33}}); },
         "\tm type_id=1 bits_offset=33 Member bits_offset exceeds its struct size"},
    });
}

TEST(BtfCheck, Members) {
    constexpr auto bitfield = [](uint32_t size, uint32_t at) { return size << 24 | at; };
    check({
        {"beyond the end", [](Fixture& f) { f.b.structure("x", 6, {{"m", 1, 32}}); },
         "\tm type_id=1 bits_offset=32 Member exceeds struct_size"},
        {"through a typedef", [](Fixture& f) { f.b.structure("x", 6, {{"m", f.b.type_definition("t", 1), 32}}); },
         "\tm type_id=1 bits_offset=32 Member exceeds struct_size"},
        {"no such type", [](Fixture& f) { f.b.structure("x", 6, {{"m", 9, 0}}); }, "\tm type_id=9 bits_offset=0 Invalid member"},
        {"const void", [](Fixture& f) { f.b.structure("x", 6, {{"m", f.const_void, 0}}); }, "\tm type_id=2 bits_offset=0 Invalid member"},
        {"FWD", [](Fixture& f) { f.b.structure("x", 6, {{"m", f.fwd, 0}}); }, "\tm type_id=4 bits_offset=0 Invalid member"},
        {"itself", [](Fixture& f) { f.b.structure("x", 6, {{"m", 6, 0}}); }, "[6] STRUCT x size=6 vlen=1 Loop detected", EEXIST},
        {"pointer within a byte", [](Fixture& f) { f.b.structure("x", 16, {{"m", f.b.pointer(0), 4}}); },
         "\tm type_id=6 bits_offset=4 Member is not byte aligned"},
        {"misaligned float", [](Fixture& f) { f.b.structure("x", 16, {{"m", f.words("float", info(BTF_KIND_FLOAT), 8), 32}}); },
         "\tm type_id=6 bits_offset=32 Member is not properly aligned"},
        {"bitfield", [&](Fixture& f) { f.b.structure("x", 4, {{"m", 1, bitfield(3, 5)}}, BTF_KIND_STRUCT, true); },
         "\tm type_id=1 bitfield_size=3 bits_offset=5", 0},
        {"bitfield too wide", [&](Fixture& f) { f.b.structure("x", 8, {{"m", 1, bitfield(33, 0)}}, BTF_KIND_STRUCT, true); },
         "\tm type_id=1 bitfield_size=33 bits_offset=0 Invalid member bitfield_size"},
        {"bitfield of a pointer",
         [&](Fixture& f) { f.b.structure("x", 8, {{"m", f.b.pointer(0), bitfield(3, 0)}}, BTF_KIND_STRUCT, true); },
         "\tm type_id=6 bitfield_size=3 bits_offset=0 Invalid member bitfield_size"},
        {"bitfield of an odd int",
         [&](Fixture& f) { f.b.structure("x", 8, {{"m", f.b.integer_bits("i", 4, 31), bitfield(3, 0)}}, BTF_KIND_STRUCT, true); },
         "\tm type_id=6 bitfield_size=3 bits_offset=0 Invalid member base type"},
        {"int within a byte", [&](Fixture& f) { f.b.structure("x", 8, {{"m", 1, bitfield(0, 4)}}, BTF_KIND_STRUCT, true); },
         "\tm type_id=1 bitfield_size=0 bits_offset=4 Invalid member offset"},
        {"enum's bitfield too wide",
         [&](Fixture& f) { f.b.structure("x", 8, {{"m", f.b.enumeration("e", 4, {}), bitfield(33, 0)}}, BTF_KIND_STRUCT, true); },
         "\tm type_id=6 bitfield_size=33 bits_offset=0 Invalid member bitfield_size"},
    });
}

TEST(BtfCheck, Enum) {
    check({
        {"as it should be", [](Fixture& f) { f.b.enumeration("e", 4, {{"A", -1}}, true); }, "\tA val=-1", 0},
        {"unsigned", [](Fixture& f) { f.b.enumeration("e", 4, {{"A", -1}}); }, "\tA val=4294967295", 0},
        {"of 64 bits", [](Fixture& f) { f.b.enumeration64("e", 8, {{"A", -2}}, true); }, "\tA val=-2", 0},
        {"of 64 bits, unsigned", [](Fixture& f) { f.b.enumeration64("e", 8, {{"A", -2}}); }, "\tA val=18446744073709551614", 0},
        {"size 3", [](Fixture& f) { f.b.enumeration("e", 3, {}); }, "[6] ENUM e size=3 vlen=0 Unexpected size"},
        {"size 16", [](Fixture& f) { f.b.enumeration64("e", 16, {}); }, "[6] ENUM64 e size=16 vlen=0 Unexpected size"},
        {"value without a name", [](Fixture& f) { f.b.enumeration("e", 4, {{"", 0}}); }, "[6] ENUM e size=4 vlen=1 Invalid name"},
        {"value's name", [](Fixture& f) { f.words("e", info(BTF_KIND_ENUM, 1), 4, {999, 0}); }, "\tInvalid name_offset:999"},
    });
}

TEST(BtfCheck, Functions) {
    check({
        {"as it should be", [](Fixture& f) { f.b.func("f", f.b.func_proto(1, {{"a", 1}, {"", 0}})); }, "[7] FUNC f type_id=6", 0},
        {"without a name", [](Fixture& f) { f.b.func("", f.proto); }, "[6] FUNC (anon) type_id=5 Invalid name"},
        {"extern", [](Fixture& f) { f.b.func("f", f.proto, BTF_FUNC_EXTERN); }, "[6] FUNC f type_id=5 Invalid func linkage"},
        {"of no prototype", [](Fixture& f) { f.b.func("f", 1); }, "[6] FUNC f type_id=1 Invalid type_id"},
        {"of nameless arguments", [](Fixture& f) { f.b.func("f", f.b.func_proto(0, {{"", 1}})); }, "[7] FUNC f type_id=6 Invalid arg#1"},
        {"named prototype", [](Fixture& f) { f.words("p", info(BTF_KIND_FUNC_PROTO), 0); },
         "[6] FUNC_PROTO p return=0 args=(void) Invalid name"},
        {"returns FWD", [](Fixture& f) { f.b.func_proto(f.fwd, {}); }, "[6] FUNC_PROTO (anon) return=4 args=(void) Invalid return type"},
        {"returns nothing known", [](Fixture& f) { f.b.func_proto(9, {}); },
         "[6] FUNC_PROTO (anon) return=9 args=(void) Invalid return type"},
        {"void in the middle", [](Fixture& f) { f.b.func_proto(0, {{"", 0}, {"a", 1}}); },
         "[6] FUNC_PROTO (anon) return=0 args=(0 (anon), 1 a) Invalid arg#1"},
        {"named dots", [](Fixture& f) { f.b.func_proto(0, {{"a", 1}, {"b", 0}}); },
         "[6] FUNC_PROTO (anon) return=0 args=(1 a, vararg) Invalid arg#2"},
        {"takes FWD", [](Fixture& f) { f.b.func_proto(0, {{"a", f.fwd}}); }, "[6] FUNC_PROTO (anon) return=0 args=(4 a) Invalid arg#1"},
        {"bad name", [](Fixture& f) { f.b.func_proto(0, {{"a b", 1}}); }, "[6] FUNC_PROTO (anon) return=0 args=(1 a b) Invalid arg#1"},
    });
}

TEST(BtfCheck, VariablesAndSections) {
    check({
        {"as it should be", [](Fixture& f) { f.b.section(".data", 4, {{f.b.variable("v", 1), 0, 4}}); }, "\t type_id=6 offset=0 size=4", 0},
        {"variable without a name", [](Fixture& f) { f.b.variable("", 1); }, "[6] VAR (anon) type_id=1 linkage=1 Invalid name"},
        {"variable of void", [](Fixture& f) { f.b.variable("v", 0); }, "[6] VAR v type_id=0 linkage=1 Invalid type_id"},
        {"variable of FWD", [](Fixture& f) { f.b.variable("v", f.fwd); }, "[6] VAR v type_id=4 linkage=1 Invalid type_id"},
        {"extern variable", [](Fixture& f) { f.b.variable("v", 1, BTF_VAR_GLOBAL_EXTERN); },
         "[6] VAR v type_id=1 linkage=2 Linkage not supported"},
        {"empty section", [](Fixture& f) { f.b.section(".data", 0, {}); }, "[6] DATASEC .data size=0 vlen=0 size == 0"},
        {"section without a name", [](Fixture& f) { f.b.section("", 4, {}); }, "[6] DATASEC (anon) size=4 vlen=0 Invalid name"},
        {"section of printable name", [](Fixture& f) { f.b.section("?a b/c", 4, {}); }, "[6] DATASEC ?a b/c size=4 vlen=0", 0},
        {"void in it", [](Fixture& f) { f.b.section(".data", 4, {{0, 0, 4}}); }, "\t type_id=0 offset=0 size=4 Invalid type_id"},
        {"variable behind the end", [](Fixture& f) { f.b.section(".data", 4, {{1, 4, 4}}); },
         "\t type_id=1 offset=4 size=4 Invalid offset"},
        {"variable of size 0", [](Fixture& f) { f.b.section(".data", 4, {{1, 0, 0}}); }, "\t type_id=1 offset=0 size=0 Invalid size"},
        {"variable beyond the end", [](Fixture& f) { f.b.section(".data", 6, {{1, 4, 4}}); },
         "\t type_id=1 offset=4 size=4 Invalid offset+size"},
        {"overlapping variables", [](Fixture& f) { f.b.section(".data", 8, {{1, 0, 4}, {1, 2, 4}}); },
         "\t type_id=1 offset=2 size=4 Invalid offset"},
        {"no variable", [](Fixture& f) { f.b.section(".data", 4, {{1, 0, 4}}); }, "\t type_id=1 offset=0 size=4 Not a VAR kind member"},
        {"too small for the variable", [](Fixture& f) { f.b.section(".data", 4, {{f.b.variable("v", 1), 0, 2}}); },
         "\t type_id=6 offset=0 size=2 Invalid size"},
    });
}

TEST(BtfCheck, TagsFloatsAndForwards) {
    check({
        {"FWD without a name", [](Fixture& f) { f.words("", info(BTF_KIND_FWD), 0); }, "[6] FWD (anon) struct Invalid name"},
        {"FWD with a type", [](Fixture& f) { f.words("x", info(BTF_KIND_FWD, 0, true), 1); }, "[6] FWD x union type != 0"},
        {"float of 3 bytes", [](Fixture& f) { f.words("x", info(BTF_KIND_FLOAT), 3); }, "[6] FLOAT x size=3 Invalid type_size"},
        {"tag", [](Fixture& f) { f.b.decl_tag("t", f.pair, 1); }, "[6] DECL_TAG t type=3 component_idx=1", 0},
        {"tag without a value", [](Fixture& f) { f.b.decl_tag("", f.pair); }, "[6] DECL_TAG (anon) type=3 component_idx=-1 Invalid value"},
        {"tag of member -2", [](Fixture& f) { f.b.decl_tag("t", f.pair, -2); },
         "[6] DECL_TAG t type=3 component_idx=-2 Invalid component_idx"},
        {"tag of a member too many", [](Fixture& f) { f.b.decl_tag("t", f.pair, 2); },
         "[6] DECL_TAG t type=3 component_idx=2 Invalid component_idx"},
        {"tag of an int", [](Fixture& f) { f.b.decl_tag("t", 1); }, "[6] DECL_TAG t type=1 component_idx=-1 Invalid type_id"},
        {"tag of a variable's member", [](Fixture& f) { f.b.decl_tag("t", f.b.variable("v", 1), 0); },
         "[7] DECL_TAG t type=6 component_idx=0 Invalid component_idx"},
    });
}

// --- limits -------------------------------------------------------------------------------

TEST(BtfCheck, DepthOfResolving) {
    for (const uint32_t length : {31U, 32U}) {
        BtfBuilder builder;
        for (uint32_t i = 1; i <= length; ++i) builder.pointer(i + 1);
        builder.pointer(0);
        const Outcome outcome = load(builder.build());
        EXPECT_EQ(outcome.code, length == 31 ? 0 : E2BIG);
        if (length == 31) continue;
        EXPECT_EQ(last_line(outcome.log), "[1] PTR (anon) type_id=2 Exceeded max resolving depth:32");
    }
}

// The other way round each one is resolved when the next is, and the chain may have any length.
TEST(BtfCheck, AChainThatIsResolvedFromItsEnd) {
    BtfBuilder builder;
    builder.integer("int", 4);
    for (uint32_t i = 1; i <= 1000; ++i) builder.reference(BTF_KIND_CONST, i);
    EXPECT_EQ(load(builder.build()).code, 0);
}

TEST(BtfCheck, NumberOfTypes) {
    for (const uint32_t count : {Btf::max_types - 1, Btf::max_types}) {
        BtfBuilder builder;
        for (uint32_t i = 0; i < count; ++i) builder.pointer(0);
        const Outcome outcome = load(builder.build());
        EXPECT_EQ(outcome.code, count < Btf::max_types ? 0 : E2BIG) << count;
    }
}

TEST(BtfCheck, LengthOfNames) {
    for (const size_t length : {512U, 513U}) {
        BtfBuilder builder;
        builder.structure(std::string(length, 'n'), 4, {});
        EXPECT_EQ(load(builder.build()).code, length == 512 ? 0 : EINVAL) << length;
    }
}

// The whole log of a BTF that is right.
TEST(BtfCheck, Log) {
    BtfBuilder builder;
    const uint32_t integer = builder.integer("int", 4, BTF_INT_SIGNED);
    builder.structure("s", 4, {{"a", integer, 0}, {"", integer, 0}});
    builder.func("f", builder.func_proto(integer, {{"x", integer}, {"", 0}}));
    EXPECT_EQ(
        load(builder.build()).log,
        "magic: 0xeb9f\nversion: 1\nflags: 0x0\nhdr_len: 24\ntype_off: 0\ntype_len: 92\nstr_off: 92\nstr_len: 13\nbtf_total_size: 129\n"
        "[1] INT int size=4 bits_offset=0 nr_bits=32 encoding=SIGNED\n"
        "[2] STRUCT s size=4 vlen=2\n"
        "\ta type_id=1 bits_offset=0\n"
        "\t(anon) type_id=1 bits_offset=0\n"
        "[3] FUNC_PROTO (anon) return=1 args=(1 x, vararg)\n"
        "[4] FUNC f type_id=3\n");
}

// --- a BTF on another -----------------------------------------------------------------------

TEST(BtfCheck, SplitBtf) {
    BtfBuilder first;
    const uint32_t integer = first.integer("int", 4);
    const uint32_t pair = first.structure("pair", 8, {{"a", integer, 0}, {"b", integer, 32}});
    Log log;
    const Ref<Btf> base = Btf::parse(first.build(), log).value();
    BtfBuilder second(base->count(), first.header().str_len);
    const uint32_t holder = second.structure("holder", 16, {{"p", pair, 0}, {"q", second.pointer(pair), 64}});
    const Ref<Btf> split = Btf::parse(second.build(), log, base).value();
    EXPECT_EQ(split->first_id(), pair + 1);
    EXPECT_EQ(split->type(holder).name(), "holder");
    EXPECT_EQ(split->type(pair).member(1).name, "b");
    EXPECT_EQ(split->find("pair", BTF_KIND_STRUCT).value().id(), pair);
    EXPECT_EQ(split->resolve_size(holder).value(), 16U);
    EXPECT_EQ(split->base(), base.get());
}

}  // namespace
}  // namespace graft
