#include "syscall/log_buffer.h"

namespace graft {
namespace {

Result<void> write_text(Caller& caller, uint64_t address, std::string_view text) {
    TRY(caller.write(address, std::as_bytes(std::span(text))));
    return caller.write_value(address + text.size(), '\0');
}

}  // namespace

Result<Log> LogBuffer::open() const {
    constexpr uint32_t known = Log::level1 | Log::level2 | Log::stats | Log::fixed;
    if ((address != 0) != (size != 0)) return fail(EINVAL, "the log has a buffer without a size, or a size without a buffer");
    if (address != 0 && level == 0) return fail(EINVAL, "a log buffer without a log level");
    if ((level & ~known) != 0) return fail(EINVAL, "unknown log level");
    if (size > UINT32_MAX >> 2) return fail(EINVAL, "the log buffer is too large");
    return Log(level, size);
}

Result<void> LogBuffer::deliver(Caller& caller, const Attr& attr, const Log& log) const {
    const auto true_size = static_cast<uint32_t>(log.true_size());
    Result<void> result;
    if (address != 0 && true_size > size) result = fail(ENOSPC, "the log buffer is too small");
    if (address != 0 && true_size != 0) {
        if (const auto written = write_text(caller, address, log.text()); !written.ok()) result = written;
    }
    if (attr.covers<uint32_t>(true_size_offset)) TRY(attr.put(caller, true_size_offset, true_size));
    return result;
}

}  // namespace graft
