#include "syscall/why.h"

#include "syscall/log_buffer.h"

namespace graft {
namespace {

LogBuffer buffer_of(const Attr& attr) {
    const graft_attr own = attr.own();
    return {own.log_size != 0 ? Log::level1 : 0, own.log_buf, own.log_size, abi::attr_size + offsetof(graft_attr, log_true_size)};
}

constexpr uint64_t longest_line = 1024;

}  // namespace

// Without a buffer it is kept for the explanation, which is short.
Result<Why> Why::open(const Attr& attr) {
    const LogBuffer buffer = buffer_of(attr);
    Log log = TRY(buffer.open());
    return Why(buffer.size != 0 ? std::move(log) : Log(Log::level1, longest_line));
}

Result<void> Why::deliver(Caller& caller, const Attr& attr, const Error& error) {
    if (error.code != 0 && log_.true_size() == 0 && error.reason != nullptr) log_.print("{}\n", error.reason);
    std::string line(log_.text());
    if (!line.empty() && line.back() == '\n') line.pop_back();
    if (error.code != 0) caller.set_explanation(std::move(line));
    const LogBuffer buffer = buffer_of(attr);
    return buffer.size != 0 ? buffer.deliver(caller, attr, log_) : Result<void>();
}

}  // namespace graft
