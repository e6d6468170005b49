// mmap of BPF_F_MMAPABLE arrays, and freezing: who may still write, and what a verifier may then rely on.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "support/assembly.h"
#include "support/call.h"
#include "support/object_file.h"
#include "support/programs.h"

namespace test {
namespace {

class Mapping {
public:
    Mapping(const Fd& map, size_t size, int protection, int sharing = MAP_SHARED, off_t offset = 0) : size_(size) {
        at_ = mmap(nullptr, size, protection, sharing, map.get(), offset);
        error_ = at_ == MAP_FAILED ? -errno : 0;
    }
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;
    ~Mapping() {
        if (!error_) munmap(at_, size_);
    }
    [[nodiscard]] long error() const { return error_; }
    [[nodiscard]] uint64_t* values() const { return static_cast<uint64_t*>(at_); }

private:
    void* at_;
    size_t size_;
    long error_;
};

class Mmap : public testing::Test {
protected:
    void SetUp() override { ASSERT_TRUE(map.ok()) << map.error(); }
    Fd map{map_create(BPF_MAP_TYPE_ARRAY, 4, 8, 4, BPF_F_MMAPABLE)};
    const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
};

TEST_F(Mmap, ShowsTheMapsElements) {
    Mapping mapping(map, page, PROT_READ | PROT_WRITE);
    ASSERT_ANSWER(0, mapping.error());
    uint32_t key = 2;
    uint64_t value = 55;
    EXPECT_ANSWER(0, map_update(map, &key, &value));
    EXPECT_EQ(55U, mapping.values()[2]);
    mapping.values()[3] = 66;
    key = 3;
    EXPECT_ANSWER(0, map_lookup(map, &key, &value));
    EXPECT_EQ(66U, value);
}
TEST_F(Mmap, ElementsAreEightBytesApart) {
    Fd small(map_create(BPF_MAP_TYPE_ARRAY, 4, 1, 4, BPF_F_MMAPABLE));
    Mapping mapping(small, page, PROT_READ);
    ASSERT_ANSWER(0, mapping.error());
    for (uint32_t key = 0; key < 4; key++) {
        auto value = static_cast<unsigned char>(key + 1);
        EXPECT_ANSWER(0, map_update(small, &key, &value));
        EXPECT_EQ(key + 1U, mapping.values()[key]);
    }
}
TEST_F(Mmap, ProgramsAndTheClientSeeTheSameBytes) {
    Fd one(map_create(BPF_MAP_TYPE_ARRAY, 4, 16, 1, BPF_F_MMAPABLE));
    Program adds{map_value(r1, one.get(), 8), load(BPF_DW, r0, r1, 0), add(r0, 1), store(BPF_DW, r1, 0, r0), exit()};
    Fd program(prog_load(BPF_PROG_TYPE_XDP, adds));
    ASSERT_ANSWER(0, program.error());
    Mapping mapping(one, page, PROT_READ | PROT_WRITE);
    mapping.values()[1] = 41;
    EXPECT_EQ(42U, run(program.get()).verdict);
    EXPECT_EQ(42U, mapping.values()[1]);
}
TEST_F(Mmap, OnlyAnArrayOfOneElementIsAddressedByPrograms) {
    EXPECT_ANSWER(-enotsupp, prog_load(BPF_PROG_TYPE_XDP, Program{map_value(r1, map.get(), 0), mov(r0, 2), exit()}));
    Fd hash(map_create(BPF_MAP_TYPE_HASH, 4, 8, 1));
    EXPECT_ANSWER(-EINVAL, prog_load(BPF_PROG_TYPE_XDP, Program{map_value(r1, hash.get(), 0), mov(r0, 2), exit()}));
    Fd one(map_create(BPF_MAP_TYPE_ARRAY, 4, 8, 1));
    EXPECT_ANSWER(0, Fd(prog_load(BPF_PROG_TYPE_XDP, Program{map_value(r1, one.get(), 7), mov(r0, 2), exit()})).error());
    EXPECT_ANSWER(-EINVAL, prog_load(BPF_PROG_TYPE_XDP, Program{map_value(r1, one.get(), 8), mov(r0, 2), exit()}));
}
TEST_F(Mmap, OutlivesTheDescriptor) {
    Mapping mapping(map, page, PROT_READ | PROT_WRITE);
    uint32_t id = map_info(map.get()).id;
    map.reset();
    mapping.values()[0] = 7;
    Attr attr;
    attr->map_id = id;
    Fd again(attr.call(BPF_MAP_GET_FD_BY_ID));
    ASSERT_ANSWER(0, again.error());
    uint32_t key = 0;
    uint64_t value = 0;
    EXPECT_ANSWER(0, map_lookup(again, &key, &value));
    EXPECT_EQ(7U, value);
}
TEST_F(Mmap, OfAMapWithoutTheFlagFails) {
    Fd plain(map_create(BPF_MAP_TYPE_ARRAY, 4, 8, 4));
    EXPECT_NE(0, Mapping(plain, page, PROT_READ).error());
}
TEST_F(Mmap, PrivateFails) { EXPECT_NE(0, Mapping(map, page, PROT_READ | PROT_WRITE, MAP_PRIVATE).error()); }
TEST_F(Mmap, BeyondTheMapFails) {
    EXPECT_NE(0, Mapping(map, page * 2, PROT_READ).error());
    EXPECT_NE(0, Mapping(map, page, PROT_READ, MAP_SHARED, static_cast<off_t>(page)).error());
}
TEST_F(Mmap, OfPartOfAMapIsAccepted) {
    Fd big(map_create(BPF_MAP_TYPE_ARRAY, 4, 8, 2048, BPF_F_MMAPABLE));
    Mapping second(big, page, PROT_READ | PROT_WRITE, MAP_SHARED, static_cast<off_t>(page));
    ASSERT_ANSWER(0, second.error());
    uint32_t key = 512;
    uint64_t value = 9;
    EXPECT_ANSWER(0, map_update(big, &key, &value));
    EXPECT_EQ(9U, second.values()[0]);
}

// --- frozen ----------------------------------------------------------------------------------

TEST_F(Mmap, FreezeWhileAWritableMappingExistsIsEbusy) {
    {
        Mapping writable(map, page, PROT_READ | PROT_WRITE);
        ASSERT_ANSWER(0, writable.error());
        EXPECT_ANSWER(-EBUSY, map_freeze(map));
    }
    EXPECT_ANSWER(0, map_freeze(map));
}
TEST_F(Mmap, FreezeWithAReadOnlyMappingIsAccepted) {
    Mapping readable(map, page, PROT_READ);
    EXPECT_ANSWER(0, map_freeze(map));
    uint64_t first = readable.values()[0];
    EXPECT_EQ(0U, first);
}
TEST_F(Mmap, AFrozenMapIsMappedForReadingOnly) {
    EXPECT_ANSWER(0, map_freeze(map));
    EXPECT_ANSWER(-EPERM, Mapping(map, page, PROT_READ | PROT_WRITE).error());
    EXPECT_ANSWER(0, Mapping(map, page, PROT_READ).error());
}
TEST_F(Mmap, AReadOnlyMappingOfAFrozenMapCannotBeMadeWritable) {
    EXPECT_ANSWER(0, map_freeze(map));
    Mapping readable(map, page, PROT_READ);
    ASSERT_ANSWER(0, readable.error());
    EXPECT_EQ(-1, mprotect(readable.values(), page, PROT_READ | PROT_WRITE));
    EXPECT_EQ(EACCES, errno);
}
TEST_F(Mmap, ProgramsMayStillWriteAFrozenMap) {
    Fd one(map_create(BPF_MAP_TYPE_ARRAY, 4, 8, 1, BPF_F_MMAPABLE));
    Program writes{map_value(r1, one.get(), 0), store(BPF_DW, r1, 0, 5), mov(r0, 2), exit()};
    Fd program(prog_load(BPF_PROG_TYPE_XDP, writes));
    EXPECT_ANSWER(0, map_freeze(one));
    EXPECT_ANSWER(0, run(program.get()).answer);
    uint32_t key = 0;
    uint64_t value = 0;
    EXPECT_ANSWER(0, map_lookup(one, &key, &value));
    EXPECT_EQ(5U, value);
}
TEST(Frozen, AReadOnlyMapForProgramsIsReadAsConstants) {
    // A division whose divisor is read from the frozen map: only constants make the dead branch go.
    Fd map(map_create(BPF_MAP_TYPE_ARRAY, 4, 8, 1, BPF_F_RDONLY_PROG));
    uint32_t key = 0;
    uint64_t value = 1;
    EXPECT_ANSWER(0, map_update(map, &key, &value));
    Program branches{map_value(r1, map.get(), 0), load(BPF_DW, r2, r1, 0), jump_if(BPF_JEQ, r2, 1, 1), mov(r0, r7), mov(r0, 2), exit()};
    EXPECT_ANSWER(-EACCES, Fd(prog_load(BPF_PROG_TYPE_XDP, branches)).error());  // r7 may be read
    EXPECT_ANSWER(0, map_freeze(map));
    EXPECT_ANSWER(0, Fd(prog_load(BPF_PROG_TYPE_XDP, branches)).error());
}
TEST(Frozen, OfEachTypeOnceOnly) {
    for (uint32_t type : {BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_PROG_ARRAY, BPF_MAP_TYPE_DEVMAP}) {
        Fd map(map_create(type, 4, 4, 1));
        EXPECT_ANSWER(0, map_freeze(map)) << type;
        EXPECT_ANSWER(-EPERM, map_freeze(map)) << type;
    }
}
TEST(Frozen, MapsOfObjectFilesHaveTheirRodataFrozen) {
    ObjectFile parse("xdp_parse");
    ASSERT_EQ(0, parse.load());
    uint32_t key = 0, value = 9;
    EXPECT_EQ(-EPERM, bpf_map_update_elem(parse.map_fd(".rodata"), &key, &value, BPF_ANY));
}

}  // namespace
}  // namespace test
