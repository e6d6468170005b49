#include "base/log.h"

#include <algorithm>

namespace graft {

Log::Log(uint32_t level, uint64_t capacity) : level_(level), capacity_(capacity) {}

void Log::append(std::string_view text) {
    if (level_ == 0) return;
    length_ += text.size();
    longest_ = std::max(longest_, length_);
    if ((level_ & fixed) != 0) {
        const uint64_t left = room() - std::min<uint64_t>(room(), text_.size());
        text_.append(text.substr(0, static_cast<size_t>(left)));
        lost_ = length_ > room();
        return;
    }
    text_.append(text);
    // Dropping the front in large steps keeps appending linear in the text.
    constexpr size_t slack = 4096;
    if (text_.size() > 2 * room() + slack) {
        const size_t excess = text_.size() - static_cast<size_t>(room());
        text_.erase(0, excess);
        start_ += excess;
    }
    lost_ = length_ - start_ > room() || start_ > 0;
}

void Log::rewind(uint64_t mark) {
    if (level_ == 0 || mark >= length_) return;
    length_ = mark;
    if (mark < start_) start_ = mark;
    text_.resize(std::min<size_t>(text_.size(), static_cast<size_t>(mark - start_)));
    lost_ = start_ > 0 || text_.size() > room() || length_ > start_ + text_.size();
}

std::string_view Log::text() const {
    const std::string_view all = text_;
    return all.size() > room() ? all.substr(all.size() - static_cast<size_t>(room())) : all;
}

}  // namespace graft
