// Object: what a bpf(2) file descriptor refers to: a map, a program, a BTF or a link.
//
// An object lives as long as somebody holds a Ref: a client's descriptors (together one), a pin, a link, a map that contains it, a hook.
// When the last goes, the destructor undoes what the object did (a link detaches).  Objects are found by id through an IdTable, which
// does not own them.
#pragma once

#include <cstdint>

#include "base/ref.h"

namespace graft {

enum class ObjectKind : uint8_t { map, program, btf, link };

class Object : public RefCounted {
public:
    [[nodiscard]] ObjectKind object_kind() const { return object_kind_; }

    // The memfd that backs the object, when the object has memory a client may map (a BPF_F_MMAPABLE array); else -1 and client/ makes an
    // empty one.  Owned by the object.
    [[nodiscard]] virtual int backing_fd() const { return -1; }

protected:
    explicit Object(ObjectKind kind) : object_kind_(kind) {}

private:
    ObjectKind object_kind_;
};

}  // namespace graft
