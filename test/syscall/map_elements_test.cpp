// Lookup, update, delete and iteration of one element at a time, for each map type that programs and clients share.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <numeric>
#include <ostream>
#include <set>
#include <vector>

#include "support/assembly.h"
#include "support/call.h"
#include "support/rows.h"

namespace test {
namespace {

using u32 = uint32_t;
using u64 = uint64_t;

Fd create(uint32_t type, uint32_t key_size, uint32_t value_size, uint32_t entries, uint32_t flags = 0) {
    Fd map(map_create(type, key_size, value_size, entries, flags));
    EXPECT_TRUE(map.ok()) << map.error();
    return map;
}

// "0-3,5" -> 6: per-CPU values come for each possible CPU.
u32 possible_cpus() {
    std::ifstream file("/sys/devices/system/cpu/possible");
    std::string text;
    file >> text;
    size_t at = text.find_last_of(",-");
    return static_cast<u32>(std::stoul(text.substr(at == std::string::npos ? 0 : at + 1))) + 1;
}

// --- array ------------------------------------------------------------------------------

class Array : public testing::Test {
protected:
    Fd map = create(BPF_MAP_TYPE_ARRAY, 4, 8, 3);
    u32 key = 0;
    u64 value = 0;
};

TEST_F(Array, ElementsBeginAsZero) {
    for (key = 0; key < 3; key++) {
        value = 1;
        EXPECT_ANSWER(0, map_lookup(map, &key, &value));
        EXPECT_EQ(0U, value);
    }
}
TEST_F(Array, KeepsWhatIsPutIn) {
    key = 2;
    value = 0x1122334455667788;
    EXPECT_ANSWER(0, map_update(map, &key, &value));
    u64 seen = 0;
    EXPECT_ANSWER(0, map_lookup(map, &key, &seen));
    EXPECT_EQ(value, seen);
}
TEST_F(Array, LookupBeyondTheEndIsEnoent) {
    for (u32 k : {3U, UINT32_MAX}) EXPECT_ANSWER(-ENOENT, map_lookup(map, &k, &value));
}
TEST_F(Array, UpdateBeyondTheEndIsE2big) {
    key = 3;
    EXPECT_ANSWER(-E2BIG, map_update(map, &key, &value));
}
TEST_F(Array, UpdateWithNoexistIsEexist) { EXPECT_ANSWER(-EEXIST, map_update(map, &key, &value, BPF_NOEXIST)); }
TEST_F(Array, UpdateWithExistIsAccepted) { EXPECT_ANSWER(0, map_update(map, &key, &value, BPF_EXIST)); }
TEST_F(Array, UpdateFlagsAboveExistAreEinval) {
    for (u64 flags : {3ULL, 8ULL, 1ULL << 32}) EXPECT_ANSWER(-EINVAL, map_update(map, &key, &value, flags)) << flags;
}
TEST_F(Array, UnknownFlagsComeBeforeABadIndex) {
    key = 3;
    EXPECT_ANSWER(-EINVAL, map_update(map, &key, &value, 8));
    EXPECT_ANSWER(-E2BIG, map_update(map, &key, &value, BPF_NOEXIST));
}
TEST_F(Array, BpfFLockWithoutASpinLockIsEinval) {
    EXPECT_ANSWER(-EINVAL, map_update(map, &key, &value, BPF_F_LOCK));
    EXPECT_ANSWER(-EINVAL, map_lookup(map, &key, &value, BPF_F_LOCK));
}
TEST_F(Array, LookupFlagsAreEinval) {
    for (u64 flags : {1ULL, 2ULL, 8ULL}) EXPECT_ANSWER(-EINVAL, map_lookup(map, &key, &value, flags)) << flags;
}
TEST_F(Array, DeleteIsEinval) { EXPECT_ANSWER(-EINVAL, map_delete(map, &key)); }
TEST_F(Array, LookupAndDeleteIsNotSupported) { EXPECT_ANSWER(-enotsupp, map_lookup_and_delete(map, &key, &value)); }
TEST_F(Array, NextKeyCountsUpAndEndsWithEnoent) {
    u32 next = 9;
    EXPECT_ANSWER(0, map_next_key(map, nullptr, &next));
    EXPECT_EQ(0U, next);
    for (key = 0; key < 2; key++) {
        EXPECT_ANSWER(0, map_next_key(map, &key, &next));
        EXPECT_EQ(key + 1, next);
    }
    EXPECT_ANSWER(-ENOENT, map_next_key(map, &key, &next));
}
TEST_F(Array, NextKeyOfAKeyBeyondTheEndIsTheFirst) {
    u32 next = 9;
    for (u32 k : {3U, UINT32_MAX}) {
        EXPECT_ANSWER(0, map_next_key(map, &k, &next));
        EXPECT_EQ(0U, next);
    }
}
TEST_F(Array, UnmappedMemoryIsEfault) {
    const auto* nowhere = reinterpret_cast<const void*>(8);
    auto* nowhere_to_write = reinterpret_cast<void*>(8);
    EXPECT_ANSWER(-EFAULT, map_lookup(map, nowhere, &value));
    EXPECT_ANSWER(-EFAULT, map_lookup(map, &key, nowhere_to_write));
    EXPECT_ANSWER(-EFAULT, map_update(map, nowhere, &value));
    EXPECT_ANSWER(-EFAULT, map_update(map, &key, nowhere));
    EXPECT_ANSWER(-EFAULT, map_next_key(map, nowhere, &key));
    EXPECT_ANSWER(-EFAULT, map_next_key(map, &key, nowhere_to_write));
    EXPECT_ANSWER(-EFAULT, map_lookup(map, nullptr, &value));
    EXPECT_ANSWER(-EFAULT, map_delete(map, nowhere));
}
TEST(ArrayOfOddValues, AValueOfFiveBytesIsReadAndWrittenAlone) {
    Fd map = create(BPF_MAP_TYPE_ARRAY, 4, 5, 2);
    u32 key = 0;
    unsigned char in[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    unsigned char out[8] = {};
    EXPECT_ANSWER(0, map_update(map, &key, in));
    EXPECT_ANSWER(0, map_lookup(map, &key, out));
    EXPECT_EQ(0, std::memcmp(out, "\1\2\3\4\5\0\0\0", 8));
}

// --- per-CPU array ------------------------------------------------------------------------

TEST(PercpuArray, HasAValueForEachPossibleCpu) {
    Fd map = create(BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8, 2);
    std::vector<u64> in(possible_cpus()), out(possible_cpus(), 99);
    std::iota(in.begin(), in.end(), 100);
    u32 key = 1;
    EXPECT_ANSWER(0, map_update(map, &key, in.data()));
    EXPECT_ANSWER(0, map_lookup(map, &key, out.data()));
    EXPECT_EQ(in, out);
    key = 0;
    EXPECT_ANSWER(0, map_lookup(map, &key, out.data()));
    EXPECT_EQ(std::vector<u64>(possible_cpus(), 0), out);
}
TEST(PercpuArray, ValuesAreEightByteAlignedForTheCaller) {
    Fd map = create(BPF_MAP_TYPE_PERCPU_ARRAY, 4, 5, 1);
    std::vector<unsigned char> in(8 * possible_cpus()), out(8 * possible_cpus(), 0xee);
    for (size_t i = 0; i < in.size(); i++) in[i] = static_cast<unsigned char>(i % 8 + 1);
    u32 key = 0;
    EXPECT_ANSWER(0, map_update(map, &key, in.data()));
    EXPECT_ANSWER(0, map_lookup(map, &key, out.data()));
    for (size_t i = 0; i < in.size(); i++) {
        if (i % 8 < 5) {
            EXPECT_EQ(in[i], out[i]) << i;
        }
    }
}
TEST(PercpuArray, RefusesAsAnArrayDoes) {
    Fd map = create(BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8, 2);
    std::vector<u64> values(possible_cpus());
    u32 key = 2, next = 0;
    EXPECT_ANSWER(-ENOENT, map_lookup(map, &key, values.data()));
    EXPECT_ANSWER(-E2BIG, map_update(map, &key, values.data()));
    EXPECT_ANSWER(-EINVAL, map_update(map, &key, values.data(), 3));
    EXPECT_ANSWER(-EINVAL, map_update(map, &key, values.data(), BPF_F_LOCK));
    EXPECT_ANSWER(-EINVAL, map_delete(map, &key));
    EXPECT_ANSWER(-EINVAL, map_lookup(map, &key, values.data(), BPF_F_LOCK));
    key = 0;
    EXPECT_ANSWER(-EEXIST, map_update(map, &key, values.data(), BPF_NOEXIST));
    EXPECT_ANSWER(0, map_update(map, &key, values.data(), BPF_EXIST));
    EXPECT_ANSWER(-enotsupp, map_lookup_and_delete(map, &key, values.data()));
    EXPECT_ANSWER(0, map_next_key(map, &key, &next));
    EXPECT_EQ(1U, next);
}

// --- hash ---------------------------------------------------------------------------------

struct FlagRow {
    const char* name;
    u32 flags;
};
void PrintTo(const FlagRow& row, std::ostream* out) { *out << row.name; }

class Hash : public testing::TestWithParam<FlagRow> {
protected:
    Fd map = create(BPF_MAP_TYPE_HASH, 8, 8, 4, GetParam().flags);
    u64 key = 7, value = 70, seen = 0;
};

TEST_P(Hash, BeginsEmpty) {
    EXPECT_ANSWER(-ENOENT, map_lookup(map, &key, &value));
    EXPECT_ANSWER(-ENOENT, map_delete(map, &key));
    EXPECT_ANSWER(-ENOENT, map_next_key(map, nullptr, &key));
    EXPECT_ANSWER(-ENOENT, map_next_key(map, &key, &key));
    EXPECT_ANSWER(-ENOENT, map_lookup_and_delete(map, &key, &value));
}
TEST_P(Hash, KeepsReplacesAndDeletes) {
    EXPECT_ANSWER(0, map_update(map, &key, &value));
    EXPECT_ANSWER(0, map_lookup(map, &key, &seen));
    EXPECT_EQ(70U, seen);
    value = 71;
    EXPECT_ANSWER(0, map_update(map, &key, &value));
    EXPECT_ANSWER(0, map_lookup(map, &key, &seen));
    EXPECT_EQ(71U, seen);
    EXPECT_ANSWER(0, map_delete(map, &key));
    EXPECT_ANSWER(-ENOENT, map_lookup(map, &key, &seen));
    EXPECT_ANSWER(-ENOENT, map_delete(map, &key));
}
TEST_P(Hash, NoexistOfAKeyThatIsThereIsEexist) {
    EXPECT_ANSWER(0, map_update(map, &key, &value, BPF_NOEXIST));
    EXPECT_ANSWER(-EEXIST, map_update(map, &key, &value, BPF_NOEXIST));
}
TEST_P(Hash, ExistOfAKeyThatIsNotThereIsEnoent) {
    EXPECT_ANSWER(-ENOENT, map_update(map, &key, &value, BPF_EXIST));
    EXPECT_ANSWER(0, map_update(map, &key, &value));
    EXPECT_ANSWER(0, map_update(map, &key, &value, BPF_EXIST));
}
TEST_P(Hash, OneKeyTooManyIsE2bigAndADeletedOneMakesRoom) {
    for (key = 0; key < 4; key++) EXPECT_ANSWER(0, map_update(map, &key, &value));
    EXPECT_ANSWER(-E2BIG, map_update(map, &key, &value));
    key = 2;
    EXPECT_ANSWER(0, map_update(map, &key, &value));
    EXPECT_ANSWER(0, map_delete(map, &key));
    key = 9;
    EXPECT_ANSWER(0, map_update(map, &key, &value));
}
TEST_P(Hash, AFullMapSaysEexistBeforeE2big) {
    for (key = 0; key < 4; key++) EXPECT_ANSWER(0, map_update(map, &key, &value));
    key = 1;
    EXPECT_ANSWER(-EEXIST, map_update(map, &key, &value, BPF_NOEXIST));
}
TEST_P(Hash, UpdateFlagsAboveExistAreEinval) {
    for (u64 flags : {3ULL, 8ULL, 1ULL << 32}) EXPECT_ANSWER(-EINVAL, map_update(map, &key, &value, flags)) << flags;
    EXPECT_ANSWER(-EINVAL, map_update(map, &key, &value, BPF_F_LOCK));
}
TEST_P(Hash, NextKeyVisitsEachKeyOnce) {
    std::set<u64> put{10, 20, 30, 40}, seen_keys;
    for (u64 k : put) EXPECT_ANSWER(0, map_update(map, &k, &value));
    u64* previous = nullptr;
    for (u64 next = 0; map_next_key(map, previous, &next) == 0; previous = &key) {
        EXPECT_TRUE(seen_keys.insert(next).second) << next;
        key = next;
    }
    EXPECT_EQ(put, seen_keys);
}
TEST_P(Hash, NextKeyOfAKeyThatIsNotThereIsTheFirst) {
    for (u64 k : {10ULL, 20ULL}) EXPECT_ANSWER(0, map_update(map, &k, &value));
    u64 first = 0, next = 0, absent = 999;
    EXPECT_ANSWER(0, map_next_key(map, nullptr, &first));
    EXPECT_ANSWER(0, map_next_key(map, &absent, &next));
    EXPECT_EQ(first, next);
}
TEST_P(Hash, LookupAndDeleteDoesBoth) {
    EXPECT_ANSWER(0, map_update(map, &key, &value));
    EXPECT_ANSWER(0, map_lookup_and_delete(map, &key, &seen));
    EXPECT_EQ(70U, seen);
    EXPECT_ANSWER(-ENOENT, map_lookup(map, &key, &seen));
}
TEST_P(Hash, LookupAndDeleteFlagsOtherThanLockAreEinval) {
    EXPECT_ANSWER(0, map_update(map, &key, &value));
    EXPECT_ANSWER(-EINVAL, map_lookup_and_delete(map, &key, &seen, 1));
    EXPECT_ANSWER(-EINVAL, map_lookup_and_delete(map, &key, &seen, BPF_F_LOCK));
    EXPECT_ANSWER(0, map_lookup(map, &key, &seen));
}
INSTANTIATE_TEST_SUITE_P(Of, Hash, testing::Values(FlagRow{"Preallocated", 0}, FlagRow{"NoPrealloc", BPF_F_NO_PREALLOC}), row_name);

TEST(HashKeys, AreComparedInAllTheirBytes) {
    Fd map = create(BPF_MAP_TYPE_HASH, 7, 4, 8);
    unsigned char a[8] = {1, 2, 3, 4, 5, 6, 7, 0xaa}, b[8] = {1, 2, 3, 4, 5, 6, 8, 0xaa};
    u32 value = 1, seen = 0;
    EXPECT_ANSWER(0, map_update(map, a, &value));
    EXPECT_ANSWER(-ENOENT, map_lookup(map, b, &seen));
    a[7] = 0xbb;  // the eighth byte is no part of it
    EXPECT_ANSWER(0, map_lookup(map, a, &seen));
}

TEST(PercpuHash, HasAValueForEachPossibleCpu) {
    Fd map = create(BPF_MAP_TYPE_PERCPU_HASH, 4, 8, 2);
    std::vector<u64> in(possible_cpus()), out(possible_cpus(), 99);
    std::iota(in.begin(), in.end(), 100);
    u32 key = 5;
    EXPECT_ANSWER(-ENOENT, map_lookup(map, &key, out.data()));
    EXPECT_ANSWER(0, map_update(map, &key, in.data()));
    EXPECT_ANSWER(0, map_lookup(map, &key, out.data()));
    EXPECT_EQ(in, out);
    EXPECT_ANSWER(-EEXIST, map_update(map, &key, in.data(), BPF_NOEXIST));
    EXPECT_ANSWER(0, map_lookup_and_delete(map, &key, out.data()));
    EXPECT_EQ(in, out);
    EXPECT_ANSWER(-ENOENT, map_delete(map, &key));
    EXPECT_ANSWER(-ENOENT, map_update(map, &key, in.data(), BPF_EXIST));
}
TEST(PercpuHash, OneKeyTooManyIsE2big) {
    Fd map = create(BPF_MAP_TYPE_PERCPU_HASH, 4, 8, 2);
    std::vector<u64> values(possible_cpus());
    for (u32 key : {1U, 2U}) EXPECT_ANSWER(0, map_update(map, &key, values.data()));
    u32 key = 3;
    EXPECT_ANSWER(-E2BIG, map_update(map, &key, values.data()));
}

// --- access modes ---------------------------------------------------------------------------

struct TypeRow {
    const char* name;
    u32 type;
};
void PrintTo(const TypeRow& row, std::ostream* out) { *out << row.name; }

class AccessMode : public testing::TestWithParam<TypeRow> {
protected:
    std::vector<u64> value = std::vector<u64>(possible_cpus());
    u32 key = 0;
};

TEST_P(AccessMode, AReadOnlyMapRefusesWrites) {
    Fd map = create(GetParam().type, 4, 8, 2, BPF_F_RDONLY);
    EXPECT_ANSWER(-EPERM, map_update(map, &key, value.data()));
    EXPECT_ANSWER(-EPERM, map_delete(map, &key));
    EXPECT_ANSWER(-EPERM, map_lookup_and_delete(map, &key, value.data()));
    EXPECT_ANSWER(-EPERM, map_freeze(map));
    long looked = map_lookup(map, &key, value.data());
    EXPECT_TRUE(looked == 0 || looked == -ENOENT) << looked;
}
TEST_P(AccessMode, AWriteOnlyMapRefusesReads) {
    Fd map = create(GetParam().type, 4, 8, 2, BPF_F_WRONLY);
    EXPECT_ANSWER(-EPERM, map_lookup(map, &key, value.data()));
    EXPECT_ANSWER(-EPERM, map_next_key(map, nullptr, &key));
    EXPECT_ANSWER(-EPERM, map_lookup_and_delete(map, &key, value.data()));
    EXPECT_ANSWER(0, map_update(map, &key, value.data()));
}
TEST_P(AccessMode, ProgramOnlyFlagsDoNotBindTheCaller) {
    Fd read_only = create(GetParam().type, 4, 8, 2, BPF_F_RDONLY_PROG);
    EXPECT_ANSWER(0, map_update(read_only, &key, value.data()));
    Fd write_only = create(GetParam().type, 4, 8, 2, BPF_F_WRONLY_PROG);
    EXPECT_ANSWER(0, map_update(write_only, &key, value.data()));
    EXPECT_ANSWER(0, map_lookup(write_only, &key, value.data()));
}
TEST_P(AccessMode, AFrozenMapRefusesWritesFromTheCaller) {
    Fd map = create(GetParam().type, 4, 8, 2);
    EXPECT_ANSWER(0, map_update(map, &key, value.data()));
    EXPECT_ANSWER(0, map_freeze(map));
    EXPECT_ANSWER(-EPERM, map_update(map, &key, value.data()));
    EXPECT_ANSWER(-EPERM, map_delete(map, &key));
    EXPECT_ANSWER(0, map_lookup(map, &key, value.data()));
    EXPECT_ANSWER(-EPERM, map_freeze(map));
}
INSTANTIATE_TEST_SUITE_P(Of, AccessMode,
                         testing::Values(TypeRow{"Array", BPF_MAP_TYPE_ARRAY}, TypeRow{"PercpuArray", BPF_MAP_TYPE_PERCPU_ARRAY},
                                         TypeRow{"Hash", BPF_MAP_TYPE_HASH}, TypeRow{"PercpuHash", BPF_MAP_TYPE_PERCPU_HASH}),
                         row_name);

// --- maps of objects ----------------------------------------------------------------------

long load(u32 type, const Program& program) {
    Attr attr;
    attr->prog_type = type;
    attr->insns = pointer(program.data());
    attr->insn_cnt = static_cast<u32>(program.size());
    attr->license = pointer("GPL");
    return attr.call(BPF_PROG_LOAD);
}
u32 id_of(const Fd& object) {
    bpf_prog_info info{};
    Attr attr;
    attr->info.bpf_fd = object.u();
    attr->info.info_len = sizeof info;
    attr->info.info = pointer(&info);
    EXPECT_ANSWER(0, attr.call(BPF_OBJ_GET_INFO_BY_FD));
    return info.id;
}

class ProgArray : public testing::Test {
protected:
    Fd map = create(BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 3);
    Fd program{load(BPF_PROG_TYPE_XDP, Program{mov(r0, XDP_PASS), exit()})};
    u32 key = 1, value = program.u();
};

TEST_F(ProgArray, TakesAProgramByDescriptorAndShowsItsId) {
    EXPECT_ANSWER(0, map_update(map, &key, &value));
    EXPECT_ANSWER(0, map_lookup(map, &key, &value));
    EXPECT_EQ(id_of(program), value);
}
TEST_F(ProgArray, AnEmptySlotIsEnoent) {
    EXPECT_ANSWER(-ENOENT, map_lookup(map, &key, &value));
    EXPECT_ANSWER(-ENOENT, map_delete(map, &key));
}
TEST_F(ProgArray, DeleteEmptiesASlot) {
    EXPECT_ANSWER(0, map_update(map, &key, &value));
    EXPECT_ANSWER(0, map_delete(map, &key));
    EXPECT_ANSWER(-ENOENT, map_lookup(map, &key, &value));
}
TEST_F(ProgArray, AnIndexBeyondTheEndIsE2big) {
    key = 3;
    EXPECT_ANSWER(-E2BIG, map_update(map, &key, &value));
    EXPECT_ANSWER(-E2BIG, map_delete(map, &key));
    EXPECT_ANSWER(-ENOENT, map_lookup(map, &key, &value));
}
TEST_F(ProgArray, UpdateTakesNoFlags) {
    EXPECT_ANSWER(-EINVAL, map_update(map, &key, &value, BPF_NOEXIST));
    EXPECT_ANSWER(-EINVAL, map_update(map, &key, &value, BPF_EXIST));
}
TEST_F(ProgArray, ADescriptorThatIsNoProgramIsRefused) {
    value = map.u();
    EXPECT_ANSWER(-EINVAL, map_update(map, &key, &value));
    value = 4095;
    EXPECT_ANSWER(-EBADF, map_update(map, &key, &value));
}
TEST_F(ProgArray, TheFirstProgramSettlesTheType) {
    Fd filter(load(BPF_PROG_TYPE_SOCKET_FILTER, Program{mov(r0, 0), exit()}));
    EXPECT_ANSWER(0, map_update(map, &key, &value));
    EXPECT_ANSWER(0, map_delete(map, &key));
    value = filter.u();
    EXPECT_ANSWER(-EINVAL, map_update(map, &key, &value));
}
TEST_F(ProgArray, TheFirstProgramSettlesTheExpectedAttachType) {
    const Program pass{mov(r0, XDP_PASS), exit()};
    Attr attr;
    attr->prog_type = BPF_PROG_TYPE_XDP;
    attr->expected_attach_type = BPF_XDP;
    attr->insns = pointer(pass.data());
    attr->insn_cnt = static_cast<u32>(pass.size());
    attr->license = pointer("GPL");
    Fd other(attr.call(BPF_PROG_LOAD));
    EXPECT_ANSWER(0, map_update(map, &key, &value));
    value = other.u();
    EXPECT_ANSWER(-EINVAL, map_update(map, &key, &value));
}
TEST_F(ProgArray, TheFirstProgramSettlesWhetherFragmentsAreTaken) {
    const Program pass{mov(r0, XDP_PASS), exit()};
    Attr attr;
    attr->prog_type = BPF_PROG_TYPE_XDP;
    attr->prog_flags = BPF_F_XDP_HAS_FRAGS;
    attr->insns = pointer(pass.data());
    attr->insn_cnt = static_cast<u32>(pass.size());
    attr->license = pointer("GPL");
    Fd other(attr.call(BPF_PROG_LOAD));
    EXPECT_ANSWER(0, map_update(map, &key, &value));
    value = other.u();
    EXPECT_ANSWER(-EINVAL, map_update(map, &key, &value));
}
TEST_F(ProgArray, AProgramThatUsesItSettlesTheTypeToo) {
    Fd user(load(BPF_PROG_TYPE_SOCKET_FILTER, Program{map_fd(r2, map.get()), mov(r3, 0), call(BPF_FUNC_tail_call), mov(r0, 0), exit()}));
    ASSERT_ANSWER(0, user.error());
    EXPECT_ANSWER(-EINVAL, map_update(map, &key, &value));
}
TEST_F(ProgArray, LookupAndDeleteIsNotSupported) { EXPECT_ANSWER(-enotsupp, map_lookup_and_delete(map, &key, &value)); }
TEST_F(ProgArray, KeepsItsProgramAliveUntilTheMapGoes) {
    EXPECT_ANSWER(0, map_update(map, &key, &value));
    u32 id = id_of(program);
    program.reset();
    Attr attr;
    attr->prog_id = id;
    EXPECT_GE(Fd(attr.call(BPF_PROG_GET_FD_BY_ID)).get(), 0);
}
TEST_F(ProgArray, IterationCountsSlots) {
    u32 next = 9;
    EXPECT_ANSWER(0, map_next_key(map, nullptr, &next));
    EXPECT_EQ(0U, next);
    key = 2;
    EXPECT_ANSWER(-ENOENT, map_next_key(map, &key, &next));
}

class Devmap : public testing::Test {
protected:
    static constexpr u32 lo = 1;
    Fd map = create(BPF_MAP_TYPE_DEVMAP, 4, 4, 2);
    u32 key = 1, value = lo;
};

TEST_F(Devmap, HoldsInterfacesByIndex) {
    EXPECT_ANSWER(-ENOENT, map_lookup(map, &key, &value));
    value = lo;
    EXPECT_ANSWER(0, map_update(map, &key, &value));
    value = 0;
    EXPECT_ANSWER(0, map_lookup(map, &key, &value));
    EXPECT_EQ(lo, value);
}
TEST_F(Devmap, AnInterfaceThatDoesNotExistIsEinval) {
    value = 0x7ffffff0;
    EXPECT_ANSWER(-EINVAL, map_update(map, &key, &value));
}
TEST_F(Devmap, IndexZeroEmptiesASlot) {
    EXPECT_ANSWER(0, map_update(map, &key, &value));
    value = 0;
    EXPECT_ANSWER(0, map_update(map, &key, &value));
    EXPECT_ANSWER(-ENOENT, map_lookup(map, &key, &value));
}
TEST_F(Devmap, DeleteOfAnEmptySlotIsAccepted) { EXPECT_ANSWER(0, map_delete(map, &key)); }
TEST_F(Devmap, DeleteBeyondTheEndIsEinval) {
    key = 2;
    EXPECT_ANSWER(-EINVAL, map_delete(map, &key));
}
TEST_F(Devmap, UpdateBeyondTheEndIsE2big) {
    key = 2;
    EXPECT_ANSWER(-E2BIG, map_update(map, &key, &value));
}
TEST_F(Devmap, UpdateWithNoexistIsEexist) { EXPECT_ANSWER(-EEXIST, map_update(map, &key, &value, BPF_NOEXIST)); }
TEST_F(Devmap, UpdateWithExistIsAccepted) { EXPECT_ANSWER(0, map_update(map, &key, &value, BPF_EXIST)); }
TEST_F(Devmap, UpdateFlagsAboveExistAreEinval) { EXPECT_ANSWER(-EINVAL, map_update(map, &key, &value, 3)); }
TEST_F(Devmap, LookupAndDeleteIsNotSupported) { EXPECT_ANSWER(-enotsupp, map_lookup_and_delete(map, &key, &value)); }

class DevmapWithProgram : public testing::Test {
protected:
    struct Entry {
        u32 ifindex;
        int program;  // a descriptor when written, an id when read
    };
    Fd map = create(BPF_MAP_TYPE_DEVMAP, 4, 8, 2);
    u32 key = 0;
    long load_for_devmap(u32 expected_attach_type) {
        static const Program pass{mov(r0, XDP_PASS), exit()};
        Attr attr;
        attr->prog_type = BPF_PROG_TYPE_XDP;
        attr->expected_attach_type = expected_attach_type;
        attr->insns = pointer(pass.data());
        attr->insn_cnt = static_cast<u32>(pass.size());
        attr->license = pointer("GPL");
        return attr.call(BPF_PROG_LOAD);
    }
};
TEST_F(DevmapWithProgram, TakesAProgramLoadedForIt) {
    Fd program(load_for_devmap(BPF_XDP_DEVMAP));
    Entry entry{1, program.get()};
    EXPECT_ANSWER(0, map_update(map, &key, &entry));
    EXPECT_ANSWER(0, map_lookup(map, &key, &entry));
    EXPECT_EQ(1U, entry.ifindex);
    EXPECT_EQ(id_of(program), static_cast<u32>(entry.program));
}
TEST_F(DevmapWithProgram, AnotherXdpProgramIsEinval) {
    Fd program(load_for_devmap(0));
    Entry entry{1, program.get()};
    EXPECT_ANSWER(-EINVAL, map_update(map, &key, &entry));
}
TEST_F(DevmapWithProgram, DescriptorsUpToZeroMeanNone) {
    for (int none : {0, -1}) {
        Entry entry{1, none};
        EXPECT_ANSWER(0, map_update(map, &key, &entry));
        EXPECT_ANSWER(0, map_lookup(map, &key, &entry));
        EXPECT_EQ(0, entry.program);
    }
}
TEST_F(DevmapWithProgram, AProgramWithoutAnInterfaceIsEinval) {
    Fd program(load_for_devmap(BPF_XDP_DEVMAP));
    Entry entry{0, program.get()};
    EXPECT_ANSWER(-EINVAL, map_update(map, &key, &entry));
}
TEST_F(DevmapWithProgram, ABadDescriptorIsEinval) {
    Entry entry{1, 4095};
    EXPECT_ANSWER(-EINVAL, map_update(map, &key, &entry));
}

}  // namespace
}  // namespace test
