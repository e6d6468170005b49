// Attachments: the edges between programs: which extension replaces a function, which fentry and fexit programs surround it.
//
// A plain container: TargetRegistry decides what may be added and holds the lock.  It keeps what is attached alive, not what it is
// attached to.
#pragma once

#include <cstdint>
#include <map>
#include <unordered_map>
#include <vector>

#include "program/program.h"

namespace graft {

// A function of a program to which others can be attached.
struct Place {
    Program* target = nullptr;
    uint32_t subprogram = 0;
    friend auto operator<=>(const Place&, const Place&) = default;
};

// A program that is or is to be attached; what it does there, its type and expected_attach_type say.
struct Attachment {
    Ref<Program> program;
    uint64_t cookie = 0;                     // fentry, fexit: bpf_get_attach_cookie()
    uint32_t arg_count = 0;                  // fentry, fexit: arguments of the traced function
    Ref<MemberCounters> counters = nullptr;  // of an extension; made when it is attached
    bool leaving = false;                    // by the change that is being made: not in the next images

    [[nodiscard]] bool is_extension() const { return program->facts().type == BPF_PROG_TYPE_EXT; }
    [[nodiscard]] bool runs_before() const { return program->facts().expected_attach_type == BPF_TRACE_FENTRY; }
};

// What sits at one place: one extension, or tracing programs in the order in which they were attached.
using Occupants = std::vector<Attachment>;

class Attachments {
public:
    // Null: nothing is attached there.
    [[nodiscard]] const Occupants* at(const Place& place) const;
    // Whether the program is attached there, and not leaving.
    [[nodiscard]] bool has(const Place& place, const Program& program) const;
    // std::bad_alloc: nothing changed.
    void add(const Place& place, Attachment attachment);
    // These two require that it is there, with `leaving` as given, and allocate nothing.
    void set_leaving(const Place& place, const Program& program, bool leaving) noexcept;
    Attachment remove(const Place& place, const Program& program, bool leaving) noexcept;
    // Programs at which something is attached.  std::bad_alloc.
    [[nodiscard]] std::vector<Program*> targets() const;
    // `programs` and those whose images contain one of them, directly or through others, each once.  std::bad_alloc.
    [[nodiscard]] std::vector<Program*> reached_from(std::vector<Program*> programs) const;

private:
    std::map<Place, Occupants> occupants_;
    std::unordered_multimap<const Program*, Place> places_;  // where each attached program is
};

}  // namespace graft
