// Ring buffers: records that programs hand to a client, which maps the memory and waits with epoll.
#include <bpf/libbpf.h>
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <vector>

#include "support/assembly.h"
#include "support/call.h"
#include "support/programs.h"

namespace test {
namespace {

constexpr int32_t page = 4096;

struct FreeBuffer {
    void operator()(ring_buffer* buffer) const { ring_buffer__free(buffer); }
};

class RingBuffer : public testing::Test {
protected:
    void SetUp() override {
        ASSERT_TRUE(map.ok());
        buffer.reset(ring_buffer__new(map.get(), take, &received, nullptr));
        ASSERT_NE(nullptr, buffer) << errno;
    }
    // Puts eight bytes in and returns what the helper answered.
    Program output(int32_t flags, int32_t size = 8) const {
        return {store(BPF_DW, r10, -8, 7),
                map_fd(r1, map.get()),
                mov(r2, r10),
                add(r2, -8),
                mov(r3, size),
                mov(r4, flags),
                call(BPF_FUNC_ringbuf_output),
                exit()};
    }
    uint32_t answer_of(const Program& program) {
        const Fd loaded(prog_load(BPF_PROG_TYPE_XDP, program));
        EXPECT_ANSWER(0, loaded.error());
        return run(loaded.get()).verdict;
    }

    Fd map{map_create(BPF_MAP_TYPE_RINGBUF, 0, 0, page)};
    std::vector<uint64_t> received;
    std::unique_ptr<ring_buffer, FreeBuffer> buffer;

private:
    static int take(void* context, void* data, size_t size) {
        uint64_t value = 0;
        std::memcpy(&value, data, std::min(size, sizeof value));
        static_cast<std::vector<uint64_t>*>(context)->push_back(value);
        return 0;
    }
};

TEST_F(RingBuffer, RecordsArriveAndWake) {
    EXPECT_EQ(0, ring_buffer__poll(buffer.get(), 0));
    for (size_t i = 1; i <= 3; ++i) {
        EXPECT_EQ(0U, answer_of(output(0)));
        EXPECT_EQ(1, ring_buffer__poll(buffer.get(), 5000));
        EXPECT_EQ(received, std::vector<uint64_t>(i, 7));
    }
    EXPECT_EQ(0, ring_buffer__poll(buffer.get(), 0));
}
TEST_F(RingBuffer, WithoutAWakeUpTheClientLooksItself) {
    EXPECT_EQ(0U, answer_of(output(BPF_RB_NO_WAKEUP)));
    EXPECT_EQ(0, ring_buffer__poll(buffer.get(), 0));
    EXPECT_EQ(1, ring_buffer__consume(buffer.get()));
}
TEST_F(RingBuffer, WhatDoesNotFitIsRefused) {
    uint32_t fitted = 0;
    while (fitted < 1000 && answer_of(output(0)) == 0) ++fitted;
    EXPECT_EQ(255U, fitted);  // of 16 bytes each, and it is never full to the last
    EXPECT_EQ(static_cast<uint32_t>(-EAGAIN), answer_of(output(0)));
    EXPECT_EQ(255, ring_buffer__consume(buffer.get()));
    EXPECT_EQ(0U, answer_of(output(0)));
}
TEST_F(RingBuffer, UnknownFlagsAreEinval) { EXPECT_EQ(static_cast<uint32_t>(-EINVAL), answer_of(output(4))); }
TEST_F(RingBuffer, ADiscardedRecordIsNotSeen) {
    const Program discard{map_fd(r1, map.get()),
                          mov(r2, 8),
                          mov(r3, 0),
                          call(BPF_FUNC_ringbuf_reserve),
                          jump_if(BPF_JEQ, r0, 0, 3),
                          mov(r1, r0),
                          mov(r2, 0),
                          call(BPF_FUNC_ringbuf_discard),
                          mov(r0, 0),
                          exit()};
    EXPECT_EQ(0U, answer_of(discard));
    EXPECT_EQ(0, ring_buffer__consume(buffer.get()));
    EXPECT_EQ(0U, answer_of(output(0)));
    EXPECT_EQ(1, ring_buffer__consume(buffer.get()));
}

}  // namespace
}  // namespace test
