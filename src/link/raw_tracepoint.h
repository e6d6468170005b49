// RawTracepointLink: a program at an event of the kernel, by the event's name (BPF_LINK_TYPE_RAW_TRACEPOINT).
//
// unlike Linux: system calls are the host's, and graft has no other events with such programs, so nothing ever enters one.
#pragma once

#include <string>
#include <string_view>

#include "link/link.h"

namespace graft {

class RawTracepointLink final : public Link {
public:
    RawTracepointLink(Ref<Program> program, std::string event)
        : Link(BPF_LINK_TYPE_RAW_TRACEPOINT, std::move(program)), event_(std::move(event)) {}

    // The event's name goes to the client's buffer: EINVAL for a buffer without a size or the other way round, ENOSPC when it is cut off.
    Result<void> fill_info(Caller& caller, bpf_link_info& info) const override;

private:
    const std::string event_;
};

// Whether the kernel that clients see has an event of that name.
[[nodiscard]] bool is_raw_tracepoint(std::string_view event);

}  // namespace graft
