// BPF_OBJ_GET_INFO_BY_FD: what each kind of object tells about itself.  One file a kind.
//
// A client's struct may be shorter or longer than this kernel's: read_info takes what both have, and wants zeros behind it; write_info
// answers as much as both have, and says in info_len how much that is.
#pragma once

#include <algorithm>
#include <cstdint>

#include "btf/btf.h"
#include "link/link.h"
#include "map/map.h"
#include "program/program.h"
#include "syscall/attr.h"

namespace graft {

// E2BIG: the client's struct is longer than `known` and not zero there, or longer than a page.  EFAULT.
Result<void> require_zero_tail(Caller& caller, uint64_t address, uint32_t known, uint32_t length);

// The client's struct, zero-extended or cut to this kernel's.  E2BIG, EFAULT.
template <class T>
Result<T> read_info(Caller& caller, const Attr& attr) {
    const uint32_t length = attr->info.info_len;
    TRY(require_zero_tail(caller, attr->info.info, sizeof(T), length));
    T info{};
    TRY(caller.read(attr->info.info, writable_bytes_of(info).first(std::min<size_t>(length, sizeof info))));
    return info;
}

// EFAULT.
template <class T>
Result<void> write_info(Caller& caller, const Attr& attr, const T& info) {
    const auto length = static_cast<uint32_t>(std::min<size_t>(attr->info.info_len, sizeof info));
    TRY(caller.write(attr->info.info, bytes_of(info).first(length)));
    return attr.put(caller, offsetof(bpf_attr, info.info_len), length);
}

// EINVAL: a name without room for it, or the reverse; ENOSPC: too little room (the rest is answered); EFAULT.
Result<void> btf_info(Caller& caller, const Attr& attr, const Btf& btf);
Result<void> map_info(Caller& caller, const Attr& attr, const Map& map);
// EINVAL: records of another size than this kernel's; EFAULT.
Result<void> prog_info(Caller& caller, const Attr& attr, Program& program);
Result<void> link_info(Caller& caller, const Attr& attr, const Link& link);

}  // namespace graft
