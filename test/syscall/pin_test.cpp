// BPF_OBJ_PIN and BPF_OBJ_GET: objects with a name in a bpffs.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string>

#include "support/assembly.h"
#include "support/bpffs.h"
#include "support/call.h"
#include "support/object_file.h"
#include "support/programs.h"

namespace test {
namespace {

long pin(const std::string& path, const Fd& object, uint32_t flags = 0) {
    Attr attr;
    attr->pathname = pointer(path.c_str());
    attr->bpf_fd = object.u();
    attr->file_flags = flags;
    return attr.call(BPF_OBJ_PIN);
}
long get(const std::string& path, uint32_t flags = 0) {
    Attr attr;
    attr->pathname = pointer(path.c_str());
    attr->file_flags = flags;
    return attr.call(BPF_OBJ_GET);
}

class Pin : public testing::Test {
protected:
    void SetUp() override {
        folder = bpffs() + "/pin_test_" + std::to_string(getpid());
        ASSERT_EQ(0, mkdir(folder.c_str(), 0700)) << errno;
    }
    void TearDown() override { std::filesystem::remove_all(folder); }
    [[nodiscard]] std::string path(const char* name) const { return folder + "/" + name; }
    std::string folder;
    Fd map{map_create(BPF_MAP_TYPE_ARRAY, 4, 4, 1)};
};

TEST_F(Pin, TheFolderIsABpffs) {
    struct statfs fs{};
    ASSERT_EQ(0, statfs(folder.c_str(), &fs));
    EXPECT_EQ(0xcafe4a11, fs.f_type);
}
TEST_F(Pin, GivesTheSameObjectBack) {
    ASSERT_ANSWER(0, pin(path("map"), map));
    Fd again(get(path("map")));
    ASSERT_ANSWER(0, again.error());
    EXPECT_EQ(map_info(map.get()).id, map_info(again.get()).id);
    EXPECT_EQ(FD_CLOEXEC, fcntl(again.get(), F_GETFD));
}
TEST_F(Pin, KeepsTheObjectUntilItIsRemoved) {
    uint32_t id = map_info(map.get()).id;
    ASSERT_ANSWER(0, pin(path("map"), map));
    map.reset();
    Attr attr;
    attr->map_id = id;
    EXPECT_ANSWER(0, Fd(attr.call(BPF_MAP_GET_FD_BY_ID)).error());
    ASSERT_EQ(0, unlink(path("map").c_str()));
    EXPECT_ANSWER(-ENOENT, attr.call(BPF_MAP_GET_FD_BY_ID));
}
TEST_F(Pin, OfAProgramAndOfALink) {
    ObjectFile target("xdp_target"), extension("extension");
    ASSERT_EQ(0, target.load());
    bpf_program* each = nullptr;
    bpf_object__for_each_program(each, extension.get()) bpf_program__set_autoload(each, false);
    bpf_program* x = extension.program("new_x");
    bpf_program__set_autoload(x, true);
    bpf_program__set_attach_target(x, target.program_fd("target"), "get_x");
    ASSERT_EQ(0, extension.load());
    Fd program(dup(extension.program_fd("new_x")));
    ASSERT_ANSWER(0, pin(path("program"), program));
    EXPECT_EQ(prog_info(program.get()).id, prog_info(Fd(get(path("program"))).get()).id);

    Attr attr;
    attr->link_create.prog_fd = program.u();
    Fd link(attr.call(BPF_LINK_CREATE));
    ASSERT_ANSWER(0, link.error());
    uint32_t before = run(target.program_fd("target")).verdict;
    ASSERT_ANSWER(0, pin(path("link"), link));
    link.reset();
    EXPECT_EQ(before, run(target.program_fd("target")).verdict);  // still attached
    link = Fd(get(path("link")));
    ASSERT_ANSWER(0, link.error());
    EXPECT_EQ(prog_info(program.get()).id, link_info(link.get()).prog_id);
    ASSERT_EQ(0, unlink(path("link").c_str()));
    link.reset();
    EXPECT_NE(before, run(target.program_fd("target")).verdict);
}
TEST_F(Pin, InAFolderOfAFolder) {
    ASSERT_EQ(0, mkdir(path("deeper").c_str(), 0700));
    EXPECT_ANSWER(0, pin(path("deeper/map"), map));
    EXPECT_ANSWER(0, Fd(get(path("deeper/map"))).error());
}
TEST_F(Pin, OnePathTwiceIsEexist) {
    ASSERT_ANSWER(0, pin(path("map"), map));
    EXPECT_ANSWER(-EEXIST, pin(path("map"), map));
}
TEST_F(Pin, OneObjectAtTwoPaths) {
    EXPECT_ANSWER(0, pin(path("one"), map));
    EXPECT_ANSWER(0, pin(path("two"), map));
    EXPECT_EQ(map_info(Fd(get(path("one"))).get()).id, map_info(Fd(get(path("two"))).get()).id);
}
TEST_F(Pin, AHardLinkNamesItToo) {
    ASSERT_ANSWER(0, pin(path("one"), map));
    if (link(path("one").c_str(), path("two").c_str()) == 0) {
        ASSERT_EQ(0, unlink(path("one").c_str()));
        EXPECT_ANSWER(0, Fd(get(path("two"))).error());
    } else {
        EXPECT_EQ(EPERM, errno);
    }
}
TEST_F(Pin, AfterARenameIsAtItsNewPath) {
    ASSERT_ANSWER(0, pin(path("one"), map));
    ASSERT_EQ(0, rename(path("one").c_str(), path("two").c_str()));
    EXPECT_ANSWER(-ENOENT, get(path("one")));
    EXPECT_ANSWER(0, Fd(get(path("two"))).error());
}
TEST_F(Pin, InAFolderThatDoesNotExistIsEnoent) { EXPECT_ANSWER(-ENOENT, pin(path("no/map"), map)); }
TEST_F(Pin, OfAPathThatDoesNotExistIsEnoent) { EXPECT_ANSWER(-ENOENT, get(path("nothing"))); }
TEST_F(Pin, OutsideABpffsIsEperm) {
    std::string elsewhere = "/tmp/pin_test_" + std::to_string(getpid());
    EXPECT_ANSWER(-EPERM, pin(elsewhere, map));
    EXPECT_NE(0, access(elsewhere.c_str(), F_OK));
}
TEST_F(Pin, GetOfAnOrdinaryFileIsEacces) { EXPECT_ANSWER(-EACCES, get("/etc/passwd")); }
TEST_F(Pin, GetOfAFolderIsEacces) { EXPECT_ANSWER(-EACCES, get(folder)); }
TEST_F(Pin, NamesWithADotAreEperm) {
    EXPECT_ANSWER(-EPERM, pin(path("a.b"), map));
    EXPECT_ANSWER(-EPERM, pin(path(".ab"), map));
}
TEST_F(Pin, FoldersWithADotAreEperm) {
    EXPECT_EQ(-1, mkdir(path("c.d").c_str(), 0700));
    EXPECT_EQ(EPERM, errno);
}
TEST_F(Pin, OfADescriptorThatIsNoObjectIsEinval) {
    Fd file(open("/dev/null", O_RDONLY | O_CLOEXEC));
    EXPECT_ANSWER(-EINVAL, pin(path("x"), file));
    EXPECT_NE(0, access(path("x").c_str(), F_OK));
}
TEST_F(Pin, FlagsArePartlyEinval) {
    EXPECT_ANSWER(-EINVAL, pin(path("x"), map, BPF_F_RDONLY));
    EXPECT_ANSWER(-EINVAL, pin(path("x"), map, 1));
    ASSERT_ANSWER(0, pin(path("x"), map));
    EXPECT_ANSWER(-EINVAL, get(path("x"), 1));
    EXPECT_ANSWER(-EINVAL, get(path("x"), BPF_F_RDONLY | BPF_F_WRONLY));
}
TEST_F(Pin, ABpfFdAtGetIsEinval) {
    ASSERT_ANSWER(0, pin(path("x"), map));
    Attr attr;
    std::string p = path("x");
    attr->pathname = pointer(p.c_str());
    attr->bpf_fd = map.u();
    EXPECT_ANSWER(-EINVAL, attr.call(BPF_OBJ_GET));
}
TEST_F(Pin, AMapIsOpenedWithTheAskedAccess) {
    ASSERT_ANSWER(0, pin(path("x"), map));
    uint32_t key = 0, value = 0;
    Fd read_only(get(path("x"), BPF_F_RDONLY)), write_only(get(path("x"), BPF_F_WRONLY));
    EXPECT_ANSWER(-EPERM, map_update(read_only, &key, &value));
    EXPECT_ANSWER(0, map_lookup(read_only, &key, &value));
    EXPECT_ANSWER(-EPERM, map_lookup(write_only, &key, &value));
    EXPECT_ANSWER(0, map_update(write_only, &key, &value));
}
TEST_F(Pin, UnmappedPathIsEfault) {
    Attr attr;
    attr->pathname = 8;
    EXPECT_ANSWER(-EFAULT, attr.call(BPF_OBJ_GET));
    attr->bpf_fd = map.u();
    EXPECT_ANSWER(-EFAULT, attr.call(BPF_OBJ_PIN));
}
TEST_F(Pin, RelativeToAFolderDescriptor) {
    Fd directory(open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    constexpr uint32_t path_fd_flag = 1U << 14;  // BPF_F_PATH_FD
    Attr attr;
    attr->pathname = pointer("by_fd");
    attr->bpf_fd = map.u();
    attr->file_flags = path_fd_flag;
    attr.put<int32_t>(16, directory.get());
    EXPECT_ANSWER(0, attr.call(BPF_OBJ_PIN));
    attr->bpf_fd = 0;
    EXPECT_ANSWER(0, Fd(attr.call(BPF_OBJ_GET)).error());
    EXPECT_ANSWER(0, Fd(get(path("by_fd"))).error());
    attr->file_flags = 0;  // then path_fd must be zero
    EXPECT_ANSWER(-EINVAL, attr.call(BPF_OBJ_GET));
}
TEST_F(Pin, ABtfCannotBePinned) {
    ObjectFile target("xdp_target");
    ASSERT_EQ(0, target.load());
    Fd btf(dup(bpf_object__btf_fd(target.get())));
    ASSERT_TRUE(btf.ok());
    EXPECT_ANSWER(-EINVAL, pin(path("btf"), btf));
}
TEST_F(Pin, CannotBeOpenedAsAFile) {
    ASSERT_ANSWER(0, pin(path("x"), map));
    struct stat status{};
    EXPECT_EQ(0, stat(path("x").c_str(), &status));
    EXPECT_TRUE(S_ISREG(status.st_mode));
    EXPECT_EQ(0600U, status.st_mode & 0777U);
}

}  // namespace
}  // namespace test
