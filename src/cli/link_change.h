// LinkChange: one transaction of graft's (abi/graft.h), from a client's side.
//
// Objects are named by a pin's path or "id:N".  A method that answers false leaves a line in failure(); nothing is changed then, and what
// it has pinned is gone when the LinkChange is.
// Not thread-safe.
#pragma once

#include <linux/bpf.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/fd.h"

namespace graft::cli {

class LinkChange {
public:
    LinkChange() = default;
    ~LinkChange();
    LinkChange(const LinkChange&) = delete;
    LinkChange& operator=(const LinkChange&) = delete;

    // Whether this process is a client of graft's.
    [[nodiscard]] static bool is_possible_here();

    struct Attach {
        std::string program, target, function, pin;  // target and function empty: those that the program was loaded for
    };
    [[nodiscard]] bool open();
    [[nodiscard]] bool attach(const Attach& step);
    [[nodiscard]] bool detach(const std::string& link);
    [[nodiscard]] bool replace(const std::string& link, const std::string& program);
    // Once.  All is done, or nothing.
    [[nodiscard]] bool commit();
    [[nodiscard]] const std::string& failure() const { return failure_; }

private:
    struct Call;
    long fail(std::string text);
    // Less than 0: failure_ says why.  `what` stands before the reason.
    long call(Call& call, int command, const std::string& what);
    Fd find(const std::string& name, bpf_cmd by_id, const char* kind);
    Fd program(const std::string& name) { return find(name, BPF_PROG_GET_FD_BY_ID, "program"); }
    Fd link(const std::string& name) { return find(name, BPF_LINK_GET_FD_BY_ID, "link"); }
    // The BTF id of a program's function; 0: failure_ says why.
    uint32_t function_id(const Fd& program, const std::string& name);
    // The raw BTF of that id; empty: failure_ says why.
    std::vector<std::byte> btf_data(uint32_t id);

    Fd transaction_;
    std::vector<std::string> new_pins_, old_pins_;  // to be removed when it fails, when it succeeds
    std::string failure_;
};

}  // namespace graft::cli
