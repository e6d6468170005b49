#include "map/array.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <array>
#include <thread>

#include "map/map_test_support.h"

namespace graft {
namespace {

constexpr uint32_t array = BPF_MAP_TYPE_ARRAY, percpu_array = BPF_MAP_TYPE_PERCPU_ARRAY;

class Array : public MapTest {};

TEST_F(Array, RefusesWhatLinuxRefuses) {
    EXPECT_EQ(code(array, 4, 8, 0), EINVAL);
    EXPECT_EQ(code(array, 8, 8, 1), EINVAL);
    EXPECT_EQ(code(array, 4, 0, 1), EINVAL);
    EXPECT_EQ(code(array, 4, 0x80000000U, 1), E2BIG);
    EXPECT_EQ(code(array, 4, 0x80000000U, 1, BPF_F_NO_PREALLOC), EINVAL);
    EXPECT_EQ(code(array, 4, 1, 1, BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG), EINVAL);
    EXPECT_EQ(code(array, 4, 1, 1, BPF_F_ZERO_SEED), EINVAL);
    EXPECT_EQ(code(array, 4, 1, 1, BPF_F_PRESERVE_ELEMS), EINVAL);
    EXPECT_EQ(code(array, 4, 1, 1, BPF_F_INNER_MAP), 0);
    EXPECT_EQ(code(array, 4, 1, 1, BPF_F_MMAPABLE), 0);
    EXPECT_EQ(code(percpu_array, 4, 1, 1, BPF_F_INNER_MAP), EINVAL);
    EXPECT_EQ(code(percpu_array, 4, 1, 1, BPF_F_MMAPABLE), EINVAL);
    EXPECT_EQ(code(percpu_array, 4, 32768, 1), 0);
    EXPECT_EQ(code(percpu_array, 4, 32769, 1), E2BIG);
    EXPECT_EQ(ids_.size(), 0U);
}

TEST_F(Array, NumaNodeIsNotForPerCpuMaps) {
    MapSpec wanted = spec(percpu_array, 4, 8, 1, BPF_F_NUMA_NODE);
    EXPECT_EQ(make(wanted).code(), 0);  // NUMA_NO_NODE
    wanted.numa_node = 0;
    EXPECT_EQ(make(wanted).code(), EINVAL);
    wanted.type = array;
    EXPECT_EQ(make(wanted).code(), 0);
}

TEST_F(Array, ElementsAnswerAsOnLinux) {
    const Ref<Map> m = map(spec(array, 4, 8, 2));
    uint64_t value = 1;
    EXPECT_EQ(lookup(*m, 0U, value), 0);
    EXPECT_EQ(value, 0U);
    EXPECT_EQ(lookup(*m, 2U, value), ENOENT);
    EXPECT_EQ(update(*m, 0U, uint64_t{7}, BPF_EXIST), 0);
    EXPECT_EQ(update(*m, 0U, uint64_t{7}, BPF_NOEXIST), EEXIST);
    EXPECT_EQ(update(*m, 0U, uint64_t{7}, 3), EINVAL);
    EXPECT_EQ(update(*m, 0U, uint64_t{7}, BPF_F_LOCK), EINVAL);
    EXPECT_EQ(update(*m, 2U, uint64_t{7}), E2BIG);
    EXPECT_EQ(update(*m, 2U, uint64_t{7}, BPF_NOEXIST), E2BIG);
    EXPECT_EQ(update(*m, 2U, uint64_t{7}, 3), EINVAL);
    EXPECT_EQ(erase(*m, 0U), EINVAL);
    EXPECT_EQ(erase(*m, 77U), EINVAL);
    EXPECT_EQ(m->lookup_and_delete(bytes_of(0U), writable_bytes_of(value), 0).code(), abi::enotsupp);
    EXPECT_EQ(lookup(*m, 0U, value), 0);
    EXPECT_EQ(value, 7U);
}

TEST_F(Array, AnUnknownIndexIsFollowedByTheFirst) {
    const Ref<Map> m = map(spec(array, 4, 8, 2));
    uint32_t key = 9;
    EXPECT_EQ(next<uint32_t>(*m, std::nullopt, key), 0);
    EXPECT_EQ(key, 0U);
    EXPECT_EQ(next<uint32_t>(*m, 77U, key), 0);
    EXPECT_EQ(key, 0U);
    EXPECT_EQ(next<uint32_t>(*m, 0U, key), 0);
    EXPECT_EQ(key, 1U);
    EXPECT_EQ(next<uint32_t>(*m, 1U, key), ENOENT);
}

TEST_F(Array, EnginesFindElementsWhereLookupDoes) {
    const Ref<Map> m = map(spec(array, 4, 12, 5));
    const auto layout = m->element_array();
    ASSERT_TRUE(layout);
    EXPECT_EQ(layout->stride, 16U);
    for (uint32_t i = 0; i < 5; ++i) EXPECT_EQ(m->lookup_element(&i, 0), layout->base + i * layout->stride);
    const uint32_t outside = 5;
    EXPECT_EQ(m->lookup_element(&outside, 0), nullptr);

    const Ref<Map> percpu = map(spec(percpu_array, 4, 12, 5));
    const auto cpus = percpu->element_array();
    ASSERT_TRUE(cpus);
    for (uint32_t cpu = 0; cpu < test_cpus; ++cpu) {
        for (uint32_t i = 0; i < 5; ++i) {
            EXPECT_EQ(percpu->lookup_element(&i, cpu), cpus->base + cpu * cpus->cpu_stride + i * cpus->stride);
        }
    }
}

TEST_F(Array, DirectValueIsOfAnArrayOfOne) {
    EXPECT_EQ(map(spec(array, 4, 8, 2))->direct_value(0).code(), abi::enotsupp);
    EXPECT_EQ(map(spec(percpu_array, 4, 8, 1))->direct_value(0).code(), abi::enotsupp);
    const Ref<Map> m = map(spec(array, 4, 8, 1));
    const uint32_t zero = 0;
    ASSERT_TRUE(m->direct_value(7).ok());
    EXPECT_EQ(*m->direct_value(7), static_cast<std::byte*>(m->lookup_element(&zero, 0)) + 7);
    EXPECT_EQ(m->direct_value(8).code(), EINVAL);
}

TEST_F(Array, PerCpuValuesAreApart) {
    const Ref<Map> m = map(spec(percpu_array, 4, 4, 2));
    ASSERT_EQ(m->user_value_size(), 8 * test_cpus);
    std::array<uint64_t, test_cpus> values{10, 11, 12, 13}, read{};
    EXPECT_EQ(update(*m, 1U, values), 0);
    const uint32_t index = 1, fresh = 99;
    EXPECT_EQ(m->update_element(&index, &fresh, BPF_ANY, 2), 0);
    EXPECT_EQ(lookup(*m, 1U, read), 0);
    EXPECT_EQ(read, (std::array<uint64_t, test_cpus>{10, 11, 99, 13}));
    EXPECT_EQ(lookup(*m, 0U, read), 0);
    EXPECT_EQ(read, (std::array<uint64_t, test_cpus>{}));
    EXPECT_EQ(m->update_element(&index, &fresh, BPF_NOEXIST, 0), -EEXIST);
    EXPECT_EQ(m->update_element(&index, &fresh, BPF_F_LOCK, 0), -EINVAL);
    EXPECT_EQ(m->lookup_element(&index, test_cpus), nullptr);
}

TEST_F(Array, SpecialFieldsAreLeftAlone) {
    struct Value {
        uint32_t before, lock, after, rest;
    };
    MapSpec wanted = spec(array, 4, sizeof(Value), 1);
    wanted.fields = {static_cast<FieldKinds>(FieldKind::spin_lock), {{.kind = FieldKind::spin_lock, .offset = 4, .size = 4}}};
    const Ref<Map> m = map(wanted);
    const uint32_t zero = 0;
    auto* const element = static_cast<Value*>(m->lookup_element(&zero, 0));
    element->lock = 0x55;
    EXPECT_EQ(update(*m, 0U, Value{1, 2, 3, 4}), 0);
    EXPECT_EQ(element->before, 1U);
    EXPECT_EQ(element->lock, 0x55U);
    EXPECT_EQ(element->after, 3U);
    EXPECT_EQ(element->rest, 4U);
    Value read{9, 9, 9, 9};
    EXPECT_EQ(lookup(*m, 0U, read), 0);
    EXPECT_EQ(read.lock, 0U);
    EXPECT_EQ(read.rest, 4U);
    element->lock = 0;
    EXPECT_EQ(update(*m, 0U, Value{5, 6, 7, 8}, BPF_F_LOCK), 0);
    EXPECT_EQ(element->lock, 0U);
    EXPECT_EQ(element->rest, 8U);
    EXPECT_EQ(m->freeze(caller_).code(), abi::enotsupp);
}

// --- memory that clients map
// ----------------------------------------------------------------------------------------------------------------

class MappedPage {
public:
    MappedPage(int fd, int protection) : address_(mmap(nullptr, 4096, protection, MAP_SHARED, fd, 0)), error_(errno) {}
    ~MappedPage() {
        if (ok()) munmap(address_, 4096);
    }
    MappedPage(const MappedPage&) = delete;
    MappedPage& operator=(const MappedPage&) = delete;
    [[nodiscard]] bool ok() const { return address_ != MAP_FAILED; }
    [[nodiscard]] int error() const { return ok() ? 0 : error_; }
    [[nodiscard]] volatile uint64_t* values() const { return static_cast<volatile uint64_t*>(address_); }

private:
    void* address_;
    int error_;
};

TEST_F(Array, ClientsSeeTheMemoryOfAMmapableArray) {
    const Ref<Map> m = map(spec(array, 4, 3, 2, BPF_F_MMAPABLE));
    ASSERT_GE(m->backing_fd(), 0);
    const MappedPage page(m->backing_fd(), PROT_READ | PROT_WRITE);
    ASSERT_TRUE(page.ok());
    EXPECT_EQ(update(*m, 1U, std::array<uint8_t, 3>{1, 2, 3}), 0);
    EXPECT_EQ(page.values()[1], 0x030201U);
    page.values()[0] = 0x0a0b0c;
    std::array<uint8_t, 3> value{};
    EXPECT_EQ(lookup(*m, 0U, value), 0);
    EXPECT_EQ(value, (std::array<uint8_t, 3>{0x0c, 0x0b, 0x0a}));
    EXPECT_EQ(ftruncate(m->backing_fd(), 0), -1);
    EXPECT_EQ(ftruncate(m->backing_fd(), 1 << 20), -1);
}

TEST_F(Array, AnArrayWithoutMmapHasNoDescriptor) { EXPECT_EQ(map(spec(array, 4, 3, 2))->backing_fd(), -1); }

TEST_F(Array, ProgramsThatMayNotWriteMakeItReadOnlyForClients) {
    const Ref<Map> m = map(spec(array, 4, 8, 1, BPF_F_MMAPABLE | BPF_F_RDONLY_PROG));
    EXPECT_EQ(MappedPage(m->backing_fd(), PROT_READ | PROT_WRITE).error(), EPERM);
    const MappedPage page(m->backing_fd(), PROT_READ);
    ASSERT_TRUE(page.ok());
    EXPECT_EQ(update(*m, 0U, uint64_t{5}), 0);
    EXPECT_FALSE(m->constant());
    EXPECT_EQ(m->freeze(caller_).code(), 0);
    EXPECT_TRUE(m->constant());
    EXPECT_EQ(page.values()[0], 5U);
    uint64_t value = 0;
    EXPECT_EQ(lookup(*m, 0U, value), 0);
    EXPECT_EQ(value, 5U);
    EXPECT_NE(fcntl(m->backing_fd(), F_GET_SEALS) & F_SEAL_WRITE, 0);
    EXPECT_EQ(m->freeze(caller_).code(), EBUSY);
}

// client/ learns by a write lease that no client holds the memfd any more: this process's own use of it must not count.
TEST_F(Array, OwnMappingsDoNotKeepTheMemfdInUse) {
    const Ref<Map> m = map(spec(array, 4, 8, 1, BPF_F_MMAPABLE | BPF_F_RDONLY_PROG));
    const std::string path = "/proc/self/fd/" + std::to_string(m->backing_fd());
    const auto unused = [&] {
        const Fd own(open(path.c_str(), O_RDWR | O_CLOEXEC));
        return fcntl(own.get(), F_SETLEASE, F_WRLCK) == 0;
    };
    EXPECT_TRUE(unused());
    EXPECT_EQ(m->freeze(caller_).code(), 0);
    EXPECT_TRUE(unused());
    const Fd client(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    EXPECT_FALSE(unused());
}

TEST_F(Array, AFrozenMapThatProgramsWriteCannotBeMappedForWriting) {
    const Ref<Map> m = map(spec(array, 4, 8, 1, BPF_F_MMAPABLE));
    caller_.maps_writably = true;
    EXPECT_EQ(m->freeze(caller_).code(), EBUSY);
    EXPECT_FALSE(m->frozen());
    caller_.maps_writably = false;
    EXPECT_EQ(m->freeze(caller_).code(), 0);
    EXPECT_EQ(MappedPage(m->backing_fd(), PROT_READ | PROT_WRITE).error(), EPERM);
    const MappedPage page(m->backing_fd(), PROT_READ);
    ASSERT_TRUE(page.ok());
    const uint32_t zero = 0;
    const uint64_t fresh = 3;
    EXPECT_EQ(m->update_element(&zero, &fresh, BPF_ANY, 0), 0);
    EXPECT_EQ(page.values()[0], 3U);
    EXPECT_FALSE(m->constant());
}

TEST_F(Array, AWriteUnderWayStopsTheFreeze) {
    const Ref<Map> m = map(spec(array, 4, 8, 1));
    {
        const Map::WriteUnderWay writing(*m);
        EXPECT_EQ(m->freeze(caller_).code(), EBUSY);
    }
    EXPECT_EQ(m->freeze(caller_).code(), 0);
}

TEST_F(Array, CountersAreNeverSeenHalfWritten) {
    const Ref<Map> m = map(spec(array, 4, 8, 1));
    std::atomic<bool> stop{false};
    std::thread writer([&] {
        const uint32_t zero = 0;
        for (uint64_t i = 0; !stop.load(std::memory_order_relaxed); ++i) {
            const uint64_t pattern = i % 2 == 0 ? 0 : UINT64_MAX;
            m->update_element(&zero, &pattern, BPF_ANY, 0);
        }
    });
    int torn = 0;
    for (int i = 0; i < 20000; ++i) {
        uint64_t value = 0;
        EXPECT_EQ(lookup(*m, 0U, value), 0);
        torn += value != 0 && value != UINT64_MAX;
    }
    stop = true;
    writer.join();
    EXPECT_EQ(torn, 0);
}

}  // namespace
}  // namespace graft
