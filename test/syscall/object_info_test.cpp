// Ids, descriptors by id, and what BPF_OBJ_GET_INFO_BY_FD tells of programs and maps.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "support/assembly.h"
#include "support/btf_builder.h"
#include "support/call.h"
#include "support/kernel_objects.h"
#include "support/object_file.h"
#include "support/programs.h"

namespace test {
namespace {

const Program pass{mov(r0, XDP_PASS), exit()};

long info_call(int fd, void* info, uint32_t& size) {
    Attr attr;
    attr->info.bpf_fd = static_cast<uint32_t>(fd);
    attr->info.info = pointer(info);
    attr->info.info_len = size;
    long answer = attr.call(BPF_OBJ_GET_INFO_BY_FD);
    size = attr->info.info_len;
    return answer;
}
long fd_by_id(int command, uint32_t id) {
    Attr attr;
    attr->prog_id = id;
    return attr.call(command);
}

// --- ids -----------------------------------------------------------------------------------

TEST(Ids, OfProgramsAreListedInOrder) {
    Fd one(prog_load(BPF_PROG_TYPE_XDP, pass)), two(prog_load(BPF_PROG_TYPE_XDP, pass));
    std::vector<uint32_t> ids = kernel_objects().programs;
    EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end()));
    EXPECT_TRUE(std::count(ids.begin(), ids.end(), prog_info(one.get()).id));
    EXPECT_TRUE(std::count(ids.begin(), ids.end(), prog_info(two.get()).id));
    EXPECT_LT(prog_info(one.get()).id, prog_info(two.get()).id);
}
TEST(Ids, OfMapsAreListedInOrder) {
    Fd one(map_create(BPF_MAP_TYPE_ARRAY, 4, 4, 1)), two(map_create(BPF_MAP_TYPE_HASH, 4, 4, 1));
    std::vector<uint32_t> ids = kernel_objects().maps;
    EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end()));
    EXPECT_TRUE(std::count(ids.begin(), ids.end(), map_info(one.get()).id));
    EXPECT_LT(map_info(one.get()).id, map_info(two.get()).id);
}
TEST(Ids, AreNotUsedAgainAtOnce) {
    Fd map(map_create(BPF_MAP_TYPE_ARRAY, 4, 4, 1));
    uint32_t id = map_info(map.get()).id;
    map = Fd(map_create(BPF_MAP_TYPE_ARRAY, 4, 4, 1));
    EXPECT_GT(map_info(map.get()).id, id);
}
TEST(Ids, NextOfTheLastIsEnoent) {
    Attr attr;
    attr->start_id = 0x7ffffffe;
    for (int command : {BPF_PROG_GET_NEXT_ID, BPF_MAP_GET_NEXT_ID, BPF_BTF_GET_NEXT_ID, BPF_LINK_GET_NEXT_ID}) {
        EXPECT_ANSWER(-ENOENT, attr.call(command)) << command;
    }
}
TEST(Ids, NextOfIntMaxOrMoreIsEinval) {
    for (uint32_t start : {0x7fffffffU, 0x80000000U, UINT32_MAX}) {
        Attr attr;
        attr->start_id = start;
        EXPECT_ANSWER(-EINVAL, attr.call(BPF_PROG_GET_NEXT_ID)) << start;
        EXPECT_ANSWER(-EINVAL, attr.call(BPF_MAP_GET_NEXT_ID)) << start;
    }
}
TEST(Ids, ThatDoNotExistAreEnoent) {
    for (int command : {BPF_PROG_GET_FD_BY_ID, BPF_MAP_GET_FD_BY_ID, BPF_BTF_GET_FD_BY_ID, BPF_LINK_GET_FD_BY_ID}) {
        EXPECT_ANSWER(-ENOENT, fd_by_id(command, 0x7ffffff0)) << command;
        EXPECT_ANSWER(-ENOENT, fd_by_id(command, 0)) << command;
        EXPECT_ANSWER(-ENOENT, fd_by_id(command, UINT32_MAX)) << command;
    }
}
TEST(Ids, GiveADescriptorOfTheSameObject) {
    Fd map(map_create(BPF_MAP_TYPE_ARRAY, 4, 4, 1));
    uint32_t id = map_info(map.get()).id;
    Fd again(fd_by_id(BPF_MAP_GET_FD_BY_ID, id));
    ASSERT_ANSWER(0, again.error());
    uint32_t key = 0, value = 77;
    EXPECT_ANSWER(0, map_update(map, &key, &value));
    value = 0;
    EXPECT_ANSWER(0, map_lookup(again, &key, &value));
    EXPECT_EQ(77U, value);
    map.reset();
    EXPECT_EQ(id, map_info(again.get()).id);
}
TEST(Ids, OfAClosedObjectIsEnoentAtOnce) {
    Fd map(map_create(BPF_MAP_TYPE_ARRAY, 4, 4, 1));
    uint32_t id = map_info(map.get()).id;
    map.reset();
    EXPECT_ANSWER(-ENOENT, fd_by_id(BPF_MAP_GET_FD_BY_ID, id));
    Fd program(prog_load(BPF_PROG_TYPE_XDP, pass));
    id = prog_info(program.get()).id;
    program.reset();
    EXPECT_ANSWER(-ENOENT, fd_by_id(BPF_PROG_GET_FD_BY_ID, id));
}
TEST(Ids, OfAMapGiveADescriptorWithTheAskedAccess) {
    Fd map(map_create(BPF_MAP_TYPE_ARRAY, 4, 4, 1));
    uint32_t key = 0, value = 0;
    Attr attr;
    attr->map_id = map_info(map.get()).id;
    attr->open_flags = BPF_F_RDONLY;
    Fd read_only(attr.call(BPF_MAP_GET_FD_BY_ID));
    ASSERT_ANSWER(0, read_only.error());
    EXPECT_ANSWER(0, map_lookup(read_only, &key, &value));
    EXPECT_ANSWER(-EPERM, map_update(read_only, &key, &value));
    attr->open_flags = BPF_F_WRONLY;
    Fd write_only(attr.call(BPF_MAP_GET_FD_BY_ID));
    ASSERT_ANSWER(0, write_only.error());
    EXPECT_ANSWER(-EPERM, map_lookup(write_only, &key, &value));
    attr->open_flags = BPF_F_RDONLY | BPF_F_WRONLY;
    EXPECT_ANSWER(-EINVAL, attr.call(BPF_MAP_GET_FD_BY_ID));
    attr->open_flags = 1;
    EXPECT_ANSWER(-EINVAL, attr.call(BPF_MAP_GET_FD_BY_ID));
}

// --- the length of an info ---------------------------------------------------------------------

TEST(InfoLength, ZerosBehindWhatLinuxKnowsAreAccepted) {
    Fd map(map_create(BPF_MAP_TYPE_ARRAY, 4, 4, 1));
    unsigned char room[512] = {};
    uint32_t size = sizeof room;
    EXPECT_ANSWER(0, info_call(map.get(), room, size));
    EXPECT_LT(size, 512U);
    EXPECT_GE(size, sizeof(bpf_map_info));
}
TEST(InfoLength, ABitBehindWhatLinuxKnowsIsE2big) {
    Fd map(map_create(BPF_MAP_TYPE_ARRAY, 4, 4, 1)), program(prog_load(BPF_PROG_TYPE_XDP, pass));
    unsigned char room[512] = {};
    room[511] = 1;
    uint32_t size = sizeof room;
    EXPECT_ANSWER(-E2BIG, info_call(map.get(), room, size));
    size = sizeof room;
    EXPECT_ANSWER(-E2BIG, info_call(program.get(), room, size));
}
TEST(InfoLength, AShortOneIsFilledAsFarAsItGoes) {
    Fd map(map_create(BPF_MAP_TYPE_HASH, 4, 8, 3));
    bpf_map_info info{};
    std::memset(&info, 0xee, sizeof info);
    uint32_t size = offsetof(bpf_map_info, value_size);
    EXPECT_ANSWER(0, info_call(map.get(), &info, size));
    EXPECT_EQ(static_cast<uint32_t>(offsetof(bpf_map_info, value_size)), size);
    EXPECT_EQ(static_cast<uint32_t>(BPF_MAP_TYPE_HASH), info.type);
    EXPECT_EQ(4U, info.key_size);
    EXPECT_EQ(0xeeeeeeeeU, info.value_size);
}
TEST(InfoLength, MoreThanAPageIsE2big) {
    Fd map(map_create(BPF_MAP_TYPE_ARRAY, 4, 4, 1));
    std::vector<unsigned char> room(8192);
    uint32_t size = 4097;
    EXPECT_ANSWER(-E2BIG, info_call(map.get(), room.data(), size));
}
TEST(InfoLength, UnmappedIsEfault) {
    Fd map(map_create(BPF_MAP_TYPE_ARRAY, 4, 4, 1)), program(prog_load(BPF_PROG_TYPE_XDP, pass));
    uint32_t size = 80;
    EXPECT_ANSWER(-EFAULT, info_call(map.get(), reinterpret_cast<void*>(8), size));
    size = 80;
    EXPECT_ANSWER(-EFAULT, info_call(program.get(), reinterpret_cast<void*>(8), size));
}

// --- maps ----------------------------------------------------------------------------------------

TEST(MapInfo, TellsWhatWasAsked) {
    Attr attr;
    attr->map_type = BPF_MAP_TYPE_HASH;
    attr->key_size = 6;
    attr->value_size = 10;
    attr->max_entries = 33;
    attr->map_flags = BPF_F_NO_PREALLOC | BPF_F_RDONLY_PROG;
    std::strcpy(attr->map_name, "some_name");
    Fd map(attr.call(BPF_MAP_CREATE));
    ASSERT_ANSWER(0, map.error());
    bpf_map_info info = map_info(map.get());
    EXPECT_EQ(static_cast<uint32_t>(BPF_MAP_TYPE_HASH), info.type);
    EXPECT_EQ(6U, info.key_size);
    EXPECT_EQ(10U, info.value_size);
    EXPECT_EQ(33U, info.max_entries);
    EXPECT_EQ(static_cast<uint32_t>(BPF_F_NO_PREALLOC | BPF_F_RDONLY_PROG), info.map_flags);
    EXPECT_STREQ("some_name", info.name);
    EXPECT_EQ(0U, info.ifindex);
    EXPECT_EQ(0U, info.btf_id);
    EXPECT_EQ(0U, info.map_extra);
}
TEST(MapInfo, ADevmapIsReadOnlyForPrograms) {
    Fd map(map_create(BPF_MAP_TYPE_DEVMAP, 4, 4, 1));
    EXPECT_EQ(static_cast<uint32_t>(BPF_F_RDONLY_PROG), map_info(map.get()).map_flags);
}
TEST(MapInfo, AccessFlagsOfTheDescriptorAreNotAmongTheMaps) {
    Fd map(map_create(BPF_MAP_TYPE_ARRAY, 4, 4, 1, BPF_F_RDONLY));
    EXPECT_EQ(0U, map_info(map.get()).map_flags);
}
TEST(MapInfo, NamesItsTypes) {
    ObjectFile parse("xdp_parse");
    ASSERT_EQ(0, parse.load());
    bpf_map_info info = map_info(parse.map_fd("packets_by_source"));
    EXPECT_NE(0U, info.btf_id);
    EXPECT_NE(0U, info.btf_key_type_id);
    EXPECT_NE(0U, info.btf_value_type_id);
    EXPECT_EQ(0U, info.btf_vmlinux_value_type_id);
}

// --- programs --------------------------------------------------------------------------------------

TEST(ProgInfo, TellsTypeNameTagAndSizes) {
    Attr attr = program_attr(BPF_PROG_TYPE_XDP, pass);
    std::strcpy(attr->prog_name, "some_program");
    Fd program(attr.call(BPF_PROG_LOAD));
    ASSERT_ANSWER(0, program.error());
    bpf_prog_info info = prog_info(program.get());
    EXPECT_EQ(static_cast<uint32_t>(BPF_PROG_TYPE_XDP), info.type);
    EXPECT_STREQ("some_program", info.name);
    EXPECT_EQ(16U, info.xlated_prog_len);
    EXPECT_GT(info.jited_prog_len, 0U);
    EXPECT_EQ(0U, info.nr_map_ids);
    EXPECT_EQ(1U, info.gpl_compatible);
    EXPECT_EQ(2U, info.verified_insns);
    EXPECT_EQ(0U, info.created_by_uid);
    EXPECT_EQ(0U, info.run_cnt);
    EXPECT_GT(info.load_time, 0U);
    EXPECT_EQ(1U, info.nr_jited_ksyms);
    EXPECT_EQ(1U, info.nr_jited_func_lens);
    EXPECT_EQ(0U, info.nr_func_info);
    EXPECT_EQ(0U, info.attach_btf_id);
}
TEST(ProgInfo, TheTagIsOfTheInstructions) {
    auto tag = [](const Program& code) {
        Fd program(prog_load(BPF_PROG_TYPE_XDP, code));
        bpf_prog_info info = prog_info(program.get());
        return std::vector<uint8_t>(info.tag, info.tag + 8);
    };
    // The first eight bytes of the SHA-1 of the instructions.
    EXPECT_EQ((std::vector<uint8_t>{0x3b, 0x18, 0x51, 0x87, 0xf1, 0x85, 0x5c, 0x4c}), tag(pass));
    EXPECT_NE(tag(pass), tag(Program{mov(r0, XDP_DROP), exit()}));
}
TEST(ProgInfo, TheTagDoesNotDependOnWhichMapIsUsed) {
    auto tag = [] {
        Fd map(map_create(BPF_MAP_TYPE_ARRAY, 4, 8, 1));
        Fd pad(map_create(BPF_MAP_TYPE_ARRAY, 4, 8, 1));
        Fd program(prog_load(BPF_PROG_TYPE_XDP, Program{map_fd(r1, map.get()), mov(r0, 2), exit()}));
        bpf_prog_info info = prog_info(program.get());
        return std::vector<uint8_t>(info.tag, info.tag + 8);
    };
    Fd shifts_descriptors(map_create(BPF_MAP_TYPE_ARRAY, 4, 8, 1));
    std::vector<uint8_t> first = tag();
    Fd shifts_more(map_create(BPF_MAP_TYPE_ARRAY, 4, 8, 1));
    EXPECT_EQ(first, tag());
}
TEST(ProgInfo, ListsTheMapsItUses) {
    ObjectFile verdict("xdp_verdict");
    ASSERT_EQ(0, verdict.load());
    uint32_t ids[8] = {};
    bpf_prog_info info{};
    info.nr_map_ids = 8;
    info.map_ids = pointer(ids);
    uint32_t size = sizeof info;
    EXPECT_ANSWER(0, info_call(verdict.program_fd("xdp_verdict"), &info, size));
    EXPECT_EQ(3U, info.nr_map_ids);
    for (const char* name : {"verdict", "packets", "ports"}) {
        EXPECT_TRUE(std::count(ids, ids + 3, map_info(verdict.map_fd(name)).id)) << name;
    }
}
TEST(ProgInfo, ListsNoMoreMapsThanThereIsRoom) {
    ObjectFile verdict("xdp_verdict");
    ASSERT_EQ(0, verdict.load());
    uint32_t ids[8] = {};
    bpf_prog_info info{};
    info.nr_map_ids = 1;
    info.map_ids = pointer(ids);
    uint32_t size = sizeof info;
    EXPECT_ANSWER(0, info_call(verdict.program_fd("xdp_verdict"), &info, size));
    EXPECT_EQ(3U, info.nr_map_ids);
    EXPECT_NE(0U, ids[0]);
    EXPECT_EQ(0U, ids[1]);
}
TEST(ProgInfo, GivesItsInstructions) {
    Fd program(prog_load(BPF_PROG_TYPE_XDP, pass));
    bpf_insn insns[4] = {};
    bpf_prog_info info{};
    info.xlated_prog_len = sizeof insns;
    info.xlated_prog_insns = pointer(insns);
    uint32_t size = sizeof info;
    EXPECT_ANSWER(0, info_call(program.get(), &info, size));
    EXPECT_EQ(16U, info.xlated_prog_len);
    EXPECT_EQ(0, std::memcmp(insns, pass.data(), 16));
}
TEST(ProgInfo, CountsFunctionsOfAnObject) {
    ObjectFile target("xdp_target");
    ASSERT_EQ(0, target.load());
    bpf_prog_info info = prog_info(target.program_fd("target"));
    EXPECT_NE(0U, info.btf_id);
    EXPECT_EQ(static_cast<uint32_t>(sizeof(bpf_func_info)), info.func_info_rec_size);
    EXPECT_EQ(7U, info.nr_func_info);
    EXPECT_EQ(7U, info.nr_jited_ksyms);
    EXPECT_EQ(7U, info.nr_jited_func_lens);
    EXPECT_EQ(static_cast<uint32_t>(sizeof(bpf_line_info)), info.line_info_rec_size);
    EXPECT_GT(info.nr_line_info, 0U);
}
TEST(ProgInfo, GivesFuncInfoBack) {
    ObjectFile target("xdp_target");
    ASSERT_EQ(0, target.load());
    bpf_func_info functions[16] = {};
    bpf_prog_info info{};
    info.nr_func_info = 16;
    info.func_info_rec_size = sizeof functions[0];
    info.func_info = pointer(functions);
    uint32_t size = sizeof info;
    EXPECT_ANSWER(0, info_call(target.program_fd("target"), &info, size));
    EXPECT_EQ(0U, functions[0].insn_off);
    EXPECT_EQ(function_id(target.program_fd("target"), "target"), functions[0].type_id);
    std::vector<uint32_t> ids;
    for (uint32_t i = 0; i < info.nr_func_info; i++) ids.push_back(functions[i].type_id);
    for (const char* name : {"get_x", "get_y", "get_static", "get_ctx", "get_two"}) {
        EXPECT_TRUE(std::count(ids.begin(), ids.end(), function_id(target.program_fd("target"), name))) << name;
    }
}
TEST(ProgInfo, CountsRunsOnlyUnderEnableStats) {
    Fd program(prog_load(BPF_PROG_TYPE_XDP, pass));
    run(program.get());
    EXPECT_EQ(0U, prog_info(program.get()).run_cnt);
    Attr attr;
    attr->enable_stats.type = BPF_STATS_RUN_TIME;
    Fd stats(attr.call(BPF_ENABLE_STATS));
    ASSERT_ANSWER(0, stats.error());
    run(program.get());
    run(program.get());
    EXPECT_EQ(2U, prog_info(program.get()).run_cnt);
    stats.reset();
    run(program.get());
    EXPECT_EQ(2U, prog_info(program.get()).run_cnt);
}
TEST(EnableStats, OfAnotherTypeIsEinval) {
    Attr attr;
    attr->enable_stats.type = 1;
    EXPECT_ANSWER(-EINVAL, attr.call(BPF_ENABLE_STATS));
}

// --- PROG_BIND_MAP -----------------------------------------------------------------------------------

TEST(ProgBindMap, AddsAMapToAProgram) {
    Fd program(prog_load(BPF_PROG_TYPE_XDP, pass)), map(map_create(BPF_MAP_TYPE_ARRAY, 4, 4, 1));
    Attr attr;
    attr->prog_bind_map.prog_fd = program.u();
    attr->prog_bind_map.map_fd = map.u();
    EXPECT_ANSWER(0, attr.call(BPF_PROG_BIND_MAP));
    EXPECT_ANSWER(0, attr.call(BPF_PROG_BIND_MAP));  // the second time changes nothing
    EXPECT_EQ(1U, prog_info(program.get()).nr_map_ids);
    uint32_t id = map_info(map.get()).id;
    map.reset();
    EXPECT_ANSWER(0, Fd(fd_by_id(BPF_MAP_GET_FD_BY_ID, id)).error());
}
TEST(ProgBindMap, FlagsAreEinvalAndABadMapIsEbadf) {
    Fd program(prog_load(BPF_PROG_TYPE_XDP, pass));
    Attr attr;
    attr->prog_bind_map.prog_fd = program.u();
    attr->prog_bind_map.map_fd = 4095;
    EXPECT_ANSWER(-EBADF, attr.call(BPF_PROG_BIND_MAP));
    attr->prog_bind_map.flags = 1;
    EXPECT_ANSWER(-EINVAL, attr.call(BPF_PROG_BIND_MAP));
}

// --- links -------------------------------------------------------------------------------------------

TEST(LinkInfo, OfATracingLinkByIdIsTheSame) {
    ObjectFile target("xdp_target"), extension("extension");
    ASSERT_EQ(0, target.load());
    bpf_program* each = nullptr;
    bpf_object__for_each_program(each, extension.get()) bpf_program__set_autoload(each, false);
    bpf_program* x = extension.program("new_x");
    bpf_program__set_autoload(x, true);
    bpf_program__set_attach_target(x, target.program_fd("target"), "get_x");
    ASSERT_EQ(0, extension.load());
    Attr attr;
    attr->link_create.prog_fd = static_cast<uint32_t>(extension.program_fd("new_x"));
    Fd link(attr.call(BPF_LINK_CREATE));
    ASSERT_ANSWER(0, link.error());
    uint32_t id = link_info(link.get()).id;
    std::vector<uint32_t> ids = kernel_objects().links;
    EXPECT_TRUE(std::count(ids.begin(), ids.end(), id));
    Fd again(fd_by_id(BPF_LINK_GET_FD_BY_ID, id));
    ASSERT_ANSWER(0, again.error());
    EXPECT_EQ(prog_info(extension.program_fd("new_x")).id, link_info(again.get()).prog_id);
    again.reset();
    link.reset();
    EXPECT_ANSWER(-ENOENT, fd_by_id(BPF_LINK_GET_FD_BY_ID, id));
}

}  // namespace
}  // namespace test
