#include "verify/state/state.h"

namespace graft::verify {

State::State(const State& other)
    : parent(other.parent),
      first_insn(other.first_insn),
      last_insn(other.last_insn),
      insn(other.insn),
      branches(other.branches),
      dfs_depth(other.dfs_depth),
      callback_unroll_depth(other.callback_unroll_depth),
      may_goto_depth(other.may_goto_depth),
      loop_entry(other.loop_entry),
      lock(other.lock),
      changes_packet_seen(other.changes_packet_seen),
      history(other.history) {
    frames.reserve(other.frames.size());
    for (const auto& frame : other.frames) frames.push_back(std::make_unique<Frame>(*frame));
}

State& State::operator=(const State& other) {
    if (this != &other) *this = State(other);
    return *this;
}

}  // namespace graft::verify
