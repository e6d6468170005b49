// Links of freplace and fentry programs among processes: pinned by one and opened by another, left by one that is killed, shown by bpftool.
#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <vector>

#include "support/attach_fixture.h"
#include "support/bpffs.h"
#include "support/kernel_objects.h"

namespace test {
namespace {

// A process of its own that does this and ends, or waits to be killed.
class Process {
public:
    explicit Process(const std::function<int()>& does, bool stays = false) {
        int ready[2];
        if (pipe(ready) != 0) return;
        id_ = fork();
        if (id_ == 0) {
            const int status = does();
            const char done = static_cast<char>(status);
            if (write(ready[1], &done, 1) != 1) _exit(100);
            if (stays) pause();
            _exit(status);
        }
        close(ready[1]);
        char done = 101;
        if (read(ready[0], &done, 1) != 1) done = 102;
        close(ready[0]);
        result_ = done;
    }
    ~Process() { kill_it(); }
    void kill_it() {
        if (id_ > 0) {
            kill(id_, SIGKILL);
            waitpid(id_, nullptr, 0);
        }
        id_ = -1;
    }
    // What it did returned.
    [[nodiscard]] int result() const { return result_; }

private:
    pid_t id_ = -1;
    int result_ = 103;
};

class FreplaceProcess : public FreplaceTest {
protected:
    void SetUp() override {
        FreplaceTest::SetUp();
        folder = bpffs() + "/freplace_process_test_" + std::to_string(getpid());
        ASSERT_EQ(0, mkdir(folder.c_str(), 0700)) << errno;
        link_path = folder + "/link";
        program_path = folder + "/program";
    }
    void TearDown() override { std::filesystem::remove_all(folder); }
    int attach_and_pin() {
        bpf_link* link = bpf_program__attach_freplace(x.program(), two.fd(), "get_x");
        if (!link || bpf_link__pin(link, link_path.c_str()) != 0) return 1;
        return bpf_program__pin(x.program(), program_path.c_str()) == 0 ? 0 : 2;
    }
    std::string folder, link_path, program_path;
};

TEST_F(FreplaceProcess, ALinkPinnedByOneIsOpenedByAnother) {
    ASSERT_EQ(0, Process([this] { return attach_and_pin(); }).result());
    EXPECT_EQ(replaced, ran(two));
    bpf_link* link = bpf_link__open(link_path.c_str());
    ASSERT_NE(nullptr, link);
    const bpf_link_info info = link_info(bpf_link__fd(link));
    EXPECT_EQ(static_cast<uint32_t>(BPF_LINK_TYPE_TRACING), info.type);
    EXPECT_EQ(prog_info(x.fd()).id, info.prog_id);
    EXPECT_EQ(prog_info(two.fd()).id, info.tracing.target_obj_id);
    EXPECT_EQ(two.id("get_x"), info.tracing.target_btf_id);
    EXPECT_EQ(0, bpf_link__unpin(link));
    EXPECT_EQ(replaced, ran(two));
    bpf_link__destroy(link);
    EXPECT_EQ(plain, ran(two));
}
TEST_F(FreplaceProcess, AnExtensionPinnedByOneIsAttachedByAnother) {
    ASSERT_EQ(0, Process([this] { return attach_and_pin(); }).result());
    const Fd program(bpf_obj_get(program_path.c_str()));
    ASSERT_TRUE(program.ok());
    EXPECT_ANSWER(-EINVAL, attach(program.get()));  // the target of the load is used up, whoever asks
    const Fd link(attach(program.get(), one.fd(), one.id("get_x")));
    ASSERT_ANSWER(0, link.error());
    EXPECT_EQ(replaced, ran(one));
}
TEST_F(FreplaceProcess, LinksOfAKilledOneGo) {
    std::vector<Target> targets;
    for (int i = 0; i < 100; ++i) targets.emplace_back("xdp_target_2", trace);
    const uint32_t function = two.id("get_x");
    const size_t before = kernel_objects().links.size();
    Process owner(
        [&] {
            int failed = 0;
            for (Target& target : targets) failed += attach(x.fd(), target.fd(), function) < 0;
            return failed;
        },
        true);
    ASSERT_EQ(0, owner.result());
    EXPECT_EQ(before + targets.size(), kernel_objects().links.size());
    EXPECT_EQ(replaced, ran(targets.back()));
    owner.kill_it();
    for (int attempt = 0; attempt < 500 && kernel_objects().links.size() != before; ++attempt) usleep(10'000);
    EXPECT_EQ(before, kernel_objects().links.size());
    for (Target& target : targets) EXPECT_EQ(plain, ran(target));
}

// --- bpftool ----------------------------------------------------------------------------------------------

std::string output_of(const std::string& command) {
    FILE* pipe = popen((command + " 2>&1").c_str(), "r");
    if (!pipe) return "popen failed";
    std::string text;
    std::array<char, 4096> part{};
    while (const size_t count = fread(part.data(), 1, part.size(), pipe)) text.append(part.data(), count);
    pclose(pipe);
    return text;
}
// It shows no target, and 0 as the attach type of that number.
std::string shown(const Fd& link) { return output_of("bpftool --json link show id " + std::to_string(link_info(link.get()).id)); }

std::string line(const Fd& link, int program, const char* rest) {
    return R"({"id":)" + std::to_string(link_info(link.get()).id) + R"(,"type":"tracing","prog_id":)" +
           std::to_string(prog_info(program).id) + rest;
}

TEST_F(FreplaceProcess, BpftoolShowsTheLinkOfAnExtension) {
    const Fd link = x.attach(two.fd(), two.id("get_x"));
    EXPECT_EQ(line(link, x.fd(),
                   R"(,"prog_type":"ext","attach_type":"cgroup_inet_ingress"})"
                   "\n"),
              shown(link));
}
TEST_F(FreplaceProcess, BpftoolShowsTheLinkOfATracingProgramOnAnExtension) {
    Trace after("fexit_a", x.fd(), "new_x", trace);
    const Fd link = after.attach();
    EXPECT_EQ(line(link, after.fd(),
                   R"(,"prog_type":"tracing","attach_type":"trace_fexit"})"
                   "\n"),
              shown(link));
}

}  // namespace
}  // namespace test
