// The tables that PROG_LOAD carries, record by record.  A client built with newer headers sends longer records: their tails must be zero.
#pragma once

#include <fmt/core.h>

#include <algorithm>
#include <vector>

#include "verify/env.h"

namespace graft::verify {

inline constexpr uint32_t max_record_size = 252;

template <class Record>
[[nodiscard]] bool record_size_fits(const UserRecords& records) {
    return records.record_size >= sizeof(Record) && records.record_size <= max_record_size && records.record_size % sizeof(uint32_t) == 0;
}

// Calls check(index, record) for each record; stops at the first Error.  E2BIG: a tail that is not zero (`what` names the table in the log;
// the client is told the size that would have been right); EFAULT.
template <class Record, class Check>
Result<void> for_each_record(Env& env, const UserRecords& records, const char* what, Check&& check) {
    constexpr uint32_t at_once = 512;  // so that few reads cross over to the client
    const size_t stride = records.record_size;
    std::vector<std::byte> chunk(at_once * stride);
    uint32_t first = 0, held = 0;  // the records in `chunk`
    for (uint32_t i = 0; i < records.count; ++i) {
        if (i >= first + held) {
            first = i;
            held = std::min(at_once, records.count - i);
            const uint64_t address = records.address + uint64_t{i} * stride;
            if (!env.request.caller->read(address, std::span(chunk).first(held * stride))) {
                // What lies behind an unreadable record does not hide what is wrong with those before it.
                held = 1;
                TRY(env.request.caller->read(address, std::span(chunk).first(stride)));
            }
        }
        const Bytes bytes = Bytes(chunk).subspan((i - first) * stride, stride);
        const Bytes tail = bytes.subspan(sizeof(Record));
        if (std::any_of(tail.begin(), tail.end(), [](std::byte byte) { return byte != std::byte{0}; })) {
            const Error refusal = env.reject_unterminated(E2BIG, "nonzero tailing record in {}", what);
            if (records.record_size_address != 0) {
                TRY(env.request.caller->write_value(records.record_size_address, static_cast<uint32_t>(sizeof(Record))));
            }
            return refusal;
        }
        TRY(check(i, *read_at<Record>(bytes, 0)));
    }
    return {};
}

}  // namespace graft::verify
