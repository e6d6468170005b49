// bpf(2) as these tests make it: an attr of any length with any byte in it, and descriptors that close themselves.
//
// Calls go through syscall(3), so that an executable linked with -Wl,--wrap=syscall asks another kernel with the same tests.
#pragma once

#include <linux/bpf.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string>
#include <utility>

namespace test {

// A descriptor and its close(2).  Holds -errno when the call that made it failed.
class Fd {
public:
    Fd() = default;
    explicit Fd(long result) : value_(static_cast<int>(result)) {}
    Fd(Fd&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
    Fd& operator=(Fd&& other) noexcept {
        std::swap(value_, other.value_);
        return *this;
    }
    ~Fd() { reset(); }
    void reset();
    [[nodiscard]] int get() const { return value_; }
    [[nodiscard]] bool ok() const { return value_ >= 0; }
    // 0, or the negative errno.
    [[nodiscard]] int error() const { return value_ < 0 ? value_ : 0; }
    [[nodiscard]] uint32_t u() const { return static_cast<uint32_t>(value_); }

private:
    int value_ = -1;
};

// union bpf_attr with room behind it, zeroed.
class Attr {
public:
    static constexpr size_t room = 8192;
    // What Linux 6.12 knows; the headers that the tests are compiled with may know less.
    static constexpr uint32_t linux_size = 152;

    bpf_attr* operator->() { return reinterpret_cast<bpf_attr*>(bytes_.data()); }
    template <class T>
    void put(size_t offset, T value) {
        std::memcpy(bytes_.data() + offset, &value, sizeof value);
    }
    template <class T>
    [[nodiscard]] T at(size_t offset) const {
        T value;
        std::memcpy(&value, bytes_.data() + offset, sizeof value);
        return value;
    }
    // The value, or -errno.
    long call(int command, uint32_t size = linux_size);

private:
    alignas(8) std::array<unsigned char, room> bytes_{};
};

// A pointer as an attr carries it.
inline uint64_t pointer(const void* p) { return reinterpret_cast<uintptr_t>(p); }

// Commands that most tests make; each returns the value or -errno.
long map_create(uint32_t type, uint32_t key_size, uint32_t value_size, uint32_t max_entries, uint32_t flags = 0);
long map_lookup(const Fd& map, const void* key, void* value, uint64_t flags = 0);
long map_update(const Fd& map, const void* key, const void* value, uint64_t flags = BPF_ANY);
long map_delete(const Fd& map, const void* key);
long map_next_key(const Fd& map, const void* key, void* next);
long map_lookup_and_delete(const Fd& map, const void* key, void* value, uint64_t flags = 0);
long map_freeze(const Fd& map);

// The number that stands for -errno in a failed expectation.
std::string name_of(long result);

// ENOTSUPP, which Linux returns and <errno.h> does not name.
inline constexpr long enotsupp = 524;

}  // namespace test

// EXPECT_ANSWER(-EINVAL, map_create(...)): prints both as errno names.
#define EXPECT_ANSWER(expected, call) EXPECT_EQ(::test::name_of(expected), ::test::name_of(call))
#define ASSERT_ANSWER(expected, call) ASSERT_EQ(::test::name_of(expected), ::test::name_of(call))
