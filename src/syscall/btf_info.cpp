// bpf_btf_info: the raw data, the id and the name of a BTF.

#include "syscall/info.h"

namespace graft {
namespace {

// The name goes where the client says, with its NUL, cut to the room that is there.
Result<void> write_name(Caller& caller, uint64_t address, uint32_t room, std::string_view name) {
    const std::string_view part = name.substr(0, std::min<size_t>(name.size(), room - 1));
    TRY(caller.write(address, std::as_bytes(std::span(part))));
    TRY(caller.write_value(address + part.size(), '\0'));
    if (part.size() < name.size()) return fail(ENOSPC, "the BTF's name does not fit");
    return {};
}

}  // namespace

Result<void> btf_info(Caller& caller, const Attr& attr, const Btf& btf) {
    auto info = TRY(read_info<bpf_btf_info>(caller, attr));
    TRY(caller.write(info.btf, btf.raw().first(std::min<size_t>(info.btf_size, btf.raw().size()))));
    const uint64_t name = info.name;
    const uint32_t name_room = info.name_len;
    if ((name != 0) != (name_room != 0)) return fail(EINVAL, "the info has a name without a length, or the reverse");

    info.id = btf.id();
    info.btf_size = static_cast<uint32_t>(btf.raw().size());
    info.kernel_btf = btf.kernel_btf() ? 1 : 0;
    info.name_len = static_cast<uint32_t>(btf.object_name().size());
    Result<void> result;
    if (name != 0) result = write_name(caller, name, name_room, btf.object_name());
    if (!result.ok() && result.code() != ENOSPC) return result;
    TRY(write_info(caller, attr, info));
    return result;
}

}  // namespace graft
