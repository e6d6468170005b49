#include "link/raw_tracepoint.h"

#include <algorithm>

namespace graft {

Result<void> RawTracepointLink::fill_info(Caller& caller, bpf_link_info& info) const {
    const uint64_t buffer = info.raw_tracepoint.tp_name;
    const uint32_t room = info.raw_tracepoint.tp_name_len;
    if ((buffer == 0) != (room == 0)) return fail(EINVAL, "tp_name and tp_name_len go together");
    const auto whole = static_cast<uint32_t>(event_.size() + 1);
    info.raw_tracepoint.tp_name_len = whole;
    if (buffer == 0) return {};
    const std::string shown = event_.substr(0, room - 1);
    TRY(caller.write(buffer, std::as_bytes(std::span(shown.c_str(), shown.size() + 1))));
    return room >= whole ? Result<void>() : fail(ENOSPC, "the event's name does not fit into tp_name");
}

bool is_raw_tracepoint(std::string_view event) { return event == "sys_enter" || event == "sys_exit"; }

}  // namespace graft
