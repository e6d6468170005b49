// bpf_link_info: what all links have, and the part of the link's type.

#include "syscall/info.h"

namespace graft {

Result<void> link_info(Caller& caller, const Attr& attr, const Link& link) {
    auto info = TRY(read_info<abi::LinkInfo>(caller, attr));
    info.uapi.type = link.type();
    info.uapi.id = link.id();
    info.uapi.prog_id = link.program()->id();
    TRY(link.fill_info(caller, info.uapi));
    return write_info(caller, attr, info);
}

}  // namespace graft
