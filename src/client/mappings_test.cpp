#include "client/mappings.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"

namespace graft::client {
namespace {

class Mapped {
public:
    Mapped(int fd, int protection, int flags) : address_(mmap(nullptr, 4096, protection, flags, fd, 0)) {}
    ~Mapped() {
        if (address_ != MAP_FAILED) munmap(address_, 4096);
    }
    Mapped(const Mapped&) = delete;
    Mapped& operator=(const Mapped&) = delete;
    [[nodiscard]] void* get() const { return address_; }

private:
    void* address_;
};

class Mappings : public ::testing::Test {
protected:
    void SetUp() override {
        ASSERT_TRUE(file);
        ASSERT_EQ(ftruncate(file.get(), 4096), 0);
        ASSERT_EQ(fstat(file.get(), &status), 0);
    }
    bool shares(const void* except = nullptr) const {
        const Fd smaps(open("/proc/self/smaps", O_RDONLY | O_CLOEXEC));
        const Result<bool> answer = shares_writably(smaps.get(), status, except);
        EXPECT_TRUE(answer.ok());
        return answer.ok() && answer.value();
    }
    Fd file{memfd_create("mappings-test", MFD_CLOEXEC)};
    struct stat status{};
};

TEST_F(Mappings, OnlySharedWritableOnesCount) {
    EXPECT_FALSE(shares());
    const Mapped copy(file.get(), PROT_READ | PROT_WRITE, MAP_PRIVATE);
    EXPECT_FALSE(shares());
    {
        const Mapped writable(file.get(), PROT_READ | PROT_WRITE, MAP_SHARED);
        EXPECT_TRUE(shares());
        EXPECT_FALSE(shares(writable.get()));
        ASSERT_EQ(mprotect(writable.get(), 4096, PROT_READ), 0);
        EXPECT_FALSE(shares());
    }
    EXPECT_FALSE(shares());
    const Fd reader(open(("/proc/self/fd/" + std::to_string(file.get())).c_str(), O_RDONLY | O_CLOEXEC));
    const Mapped readable(reader.get(), PROT_READ, MAP_SHARED);
    EXPECT_FALSE(shares());
}

TEST_F(Mappings, AnotherFileDoesNotCount) {
    const Fd other(memfd_create("mappings-test", MFD_CLOEXEC));
    ASSERT_EQ(ftruncate(other.get(), 4096), 0);
    const Mapped writable(other.get(), PROT_READ | PROT_WRITE, MAP_SHARED);
    EXPECT_FALSE(shares());
}

TEST_F(Mappings, HowMuchOfAFileIsShared) {
    ASSERT_EQ(ftruncate(file.get(), 5 * 4096), 0);
    const auto size = [&] {
        const Fd maps(open("/proc/self/maps", O_RDONLY | O_CLOEXEC));
        return mapped_size(maps.get(), status).value();
    };
    EXPECT_EQ(size(), 0U);
    const Mapped copy(file.get(), PROT_READ | PROT_WRITE, MAP_PRIVATE);
    EXPECT_EQ(size(), 0U);
    void* const three = mmap(nullptr, 3 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
    ASSERT_NE(three, MAP_FAILED);
    EXPECT_EQ(size(), 3U * 4096);
    munmap(three, 3 * 4096);
}

}  // namespace
}  // namespace graft::client
