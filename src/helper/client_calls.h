// ClientCalls: what a program asks for on behalf of the client that runs it (BPF_PROG_TEST_RUN): bpf(2), its descriptors, its memory.
//
// Implemented above, where clients are known.  Used on the thread of the run, while it lasts.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"

namespace graft {

class ClientCalls {
public:
    virtual ~ClientCalls() = default;

    // The attr is in this process's memory, readable for `size` bytes.  A new object becomes a descriptor of the client.  A value or
    // -errno.
    virtual int64_t bpf(uint32_t command, uint64_t attr, uint32_t size) = 0;
    // Of the client's descriptors.  0; -EBADF: not one of an object of this kernel.
    virtual int64_t close(int fd) = 0;
    // The id of a type in the kernel's BTF, or -ENOENT.
    virtual int64_t find_type(const std::string& name, uint32_t kind) = 0;
    // Copies all of the bytes of the client's memory, or none of them: false.
    virtual bool read(uint64_t address, MutableBytes into) = 0;
};

}  // namespace graft
