// TailCallee: what a program array must know of a program: enough to refuse a mix of kinds, and the exclusion with extensions.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "object/object.h"

namespace graft {

class TailCallee : public Object {
public:
    // All programs of one array agree in these (the first one to use or to enter the array fixes them): EINVAL else.
    struct Kind {
        uint32_t prog_type = 0;  // the type whose rules it follows (an EXT program: its target's)
        uint32_t expected_attach_type = 0;
        bool xdp_has_frags = false;
        bool sleepable = false;
        uint64_t prototype = 0;  // tracing programs: of what function they were verified for; 0: any
        friend bool operator==(const Kind&, const Kind&) = default;
    };
    [[nodiscard]] virtual Kind tail_call_kind() const = 0;
    // Whether it may be in a program array, devmap or cpumap at all: EXT programs and those bound to an interface may not (EINVAL).
    [[nodiscard]] virtual bool may_be_in_map() const = 0;

    // An extended program and a program array exclude each other: EBUSY while an extension is attached.  Each success is undone by one
    // leave.
    virtual Result<void> enter_program_array() = 0;
    virtual void leave_program_array() = 0;

    // What a map dump shows of it.
    [[nodiscard]] virtual uint32_t program_id() const = 0;

protected:
    using Object::Object;
};

}  // namespace graft
