// BPF_OBJ_GET_INFO_BY_FD: by the kind of the object.

#include <array>

#include "syscall/command.h"
#include "syscall/info.h"

namespace graft {

Result<void> require_zero_tail(Caller& caller, uint64_t address, uint32_t known, uint32_t length) {
    constexpr uint32_t longest = 4096;
    if (length > longest) return fail(E2BIG, "the info is longer than a page");
    for (uint32_t at = known; at < length;) {
        std::array<std::byte, 256> chunk;
        const auto part = std::span(chunk).first(std::min<size_t>(chunk.size(), length - at));
        TRY(caller.read(address + at, part));
        if (std::ranges::any_of(part, [](std::byte byte) { return byte != std::byte{0}; })) {
            return fail(E2BIG, "the info has a field that this kernel does not know");
        }
        at += static_cast<uint32_t>(part.size());
    }
    return {};
}

namespace command {

Result<Reply> obj_get_info_by_fd(Kernel&, Caller& caller, const Attr& attr) {
    const Result<DescriptorRef> descriptor = caller.descriptor(static_cast<int>(attr->info.bpf_fd));
    if (descriptor.code() == EBADF) return fail(EBADFD, "the descriptor is not open");  // this command alone has this errno
    const Ref<Object> object = TRY(descriptor).object;
    switch (object->object_kind()) {
        case ObjectKind::btf:
            TRY(btf_info(caller, attr, static_cast<const Btf&>(*object)));
            return Reply();
        case ObjectKind::map:
            TRY(map_info(caller, attr, static_cast<const Map&>(*object)));
            return Reply();
        case ObjectKind::program:
            TRY(prog_info(caller, attr, static_cast<Program&>(*object)));
            return Reply();
        case ObjectKind::link:
            TRY(link_info(caller, attr, static_cast<const Link&>(*object)));
            return Reply();
        case ObjectKind::statistics:
        case ObjectKind::perf_event:
        case ObjectKind::trace_event:
        case ObjectKind::transaction:
            break;
    }
    return fail(EINVAL, "an object of this kind has no info");
}

}  // namespace command
}  // namespace graft
