#include <array>
#include <cstring>

#include "abi/bpf.h"
#include "helper/helper.h"
#include "helper/run_context.h"
#include "map/map_test_support.h"
#include "map/ringbuf.h"

namespace graft {
namespace {

class RingbufHelpers : public MapTest {
protected:
    RingbufHelpers() { current_run() = &run_; }
    ~RingbufHelpers() override { current_run() = nullptr; }

    int64_t call(uint32_t id, std::array<uint64_t, 4> r) {
        return static_cast<int64_t>(find_helper(id)->function(r[0], r[1], r[2], r[3], 0));
    }
    uint64_t map_argument() const { return reinterpret_cast<uint64_t>(map_.get()); }
    int64_t query(uint64_t what) { return call(BPF_FUNC_ringbuf_query, {map_argument(), what}); }

    Ref<Map> map_ = map(spec(BPF_MAP_TYPE_RINGBUF, 0, 0, 4096));
    RunContext run_;
};

TEST_F(RingbufHelpers, WhatARunReservesIsNotedUntilItIsGivenBack) {
    const int64_t first = call(BPF_FUNC_ringbuf_reserve, {map_argument(), 16, 0});
    const int64_t second = call(BPF_FUNC_ringbuf_reserve, {map_argument(), 16, 0});
    ASSERT_TRUE(first != 0 && second != 0);
    EXPECT_EQ(run_.reservations.size(), 2U);
    EXPECT_EQ(call(BPF_FUNC_ringbuf_submit, {static_cast<uint64_t>(first), 0}), 0);
    EXPECT_EQ(call(BPF_FUNC_ringbuf_discard, {static_cast<uint64_t>(second), 0}), 0);
    EXPECT_TRUE(run_.reservations.empty());
    EXPECT_EQ(query(BPF_RB_PROD_POS), 2 * (16 + BPF_RINGBUF_HDR_SZ));
    EXPECT_EQ(call(BPF_FUNC_ringbuf_reserve, {map_argument(), 16, 1}), 0);
    EXPECT_EQ(call(BPF_FUNC_ringbuf_reserve, {map_argument(), 4096, 0}), 0);
}

TEST_F(RingbufHelpers, OutputCopies) {
    const std::array<uint64_t, 2> record{7, 8};
    const auto from = reinterpret_cast<uint64_t>(record.data());
    EXPECT_EQ(call(BPF_FUNC_ringbuf_output, {map_argument(), from, sizeof record, 0}), 0);
    EXPECT_EQ(query(BPF_RB_AVAIL_DATA), 16 + BPF_RINGBUF_HDR_SZ);
    EXPECT_EQ(query(BPF_RB_RING_SIZE), 4096);
    EXPECT_EQ(query(99), 0);
    EXPECT_EQ(call(BPF_FUNC_ringbuf_output, {map_argument(), from, sizeof record, 4}), -EINVAL);
    EXPECT_EQ(call(BPF_FUNC_ringbuf_output, {map_argument(), from, 4096, 0}), -EAGAIN);
}

}  // namespace
}  // namespace graft
