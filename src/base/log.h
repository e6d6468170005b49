// Log: bounded text that a check writes for a person, with the levels and the truncation of the bpf(2) log.
//
// A caller that wants no log passes a Log of level 0: every print is then a no-op.  Not thread safe; lives as long as one check.
// Truncation follows Linux 6.12: by default the *end* of the text is kept (rotating), with `fixed` its beginning.  A text that did not fit
// makes the call fail with ENOSPC even when the check passed, and true_size() says how large a buffer would have held it.
#pragma once

#include <fmt/core.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace graft {

class Log {
public:
    // log_level of the UAPI: bit 0 the log, bit 1 every visited instruction too, bit 2 statistics, bit 3 fixed.
    static constexpr uint32_t level1 = 1, level2 = 2, stats = 4, fixed = 8;

    Log() = default;                         // level 0
    Log(uint32_t level, uint64_t capacity);  // capacity: bytes of the reader's buffer, closing NUL included; 0: count only

    [[nodiscard]] bool enabled() const { return level_ != 0; }
    [[nodiscard]] bool verbose() const { return (level_ & level2) != 0; }
    [[nodiscard]] uint32_t level() const { return level_; }

    template <class... Args>
    void print(fmt::format_string<Args...> format, Args&&... args) {
        if (level_ != 0) append(fmt::vformat(format, fmt::make_format_args(args...)));
    }
    void append(std::string_view text);

    // Position in the whole text, for rewind: a path that proved safe is not shown at level 1.
    [[nodiscard]] uint64_t mark() const { return length_; }
    void rewind(uint64_t mark);

    // 0 when nothing was ever written.
    [[nodiscard]] uint64_t true_size() const { return longest_ == 0 ? 0 : longest_ + 1; }
    [[nodiscard]] bool truncated() const { return capacity_ != 0 && lost_; }
    // What the reader's buffer gets, without the closing NUL: at most capacity - 1 bytes.
    [[nodiscard]] std::string_view text() const;

private:
    [[nodiscard]] uint64_t room() const { return capacity_ == 0 ? 0 : capacity_ - 1; }

    uint32_t level_ = 0;
    uint64_t capacity_ = 0;
    uint64_t length_ = 0;   // of the whole text now
    uint64_t longest_ = 0;  // of the whole text ever
    uint64_t start_ = 0;    // where text_ begins in the whole text
    bool lost_ = false;     // some of the whole text is not in text()
    std::string text_;
};

}  // namespace graft
