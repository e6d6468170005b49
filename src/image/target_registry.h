// TargetRegistry: what is attached to which (program, function), and the relink that makes it effective.
//
// This is what the kernel's trampoline is by name: it refuses what Linux refuses and knows every edge.  A change builds the next images of
// all the programs it reaches and publishes them only when all are built; ENOMEM leaves everything as it was.
// Thread safety: every method takes the registry's lock; packets run on while it is held.
// Ownership: what is attached is kept while it is; a target is not: whoever attaches keeps it until it detaches.
#pragma once

#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"
#include "image/attachments.h"
#include "program/program.h"

namespace graft {

// One step of a change of several places.
struct PlaceChange {
    Place place;
    Attachment attach;                // program null: attaches nothing
    const Program* detach = nullptr;  // detached first
};

class TargetRegistry {
public:
    static constexpr size_t max_traces = 38;  // fentry and fexit programs together, at one function

    TargetRegistry(const Engine& engine, RunState& run_state) : engine_(engine), run_state_(run_state) {}

    // The state that its programs are made with.
    [[nodiscard]] const RunState& run_state() const { return run_state_; }

    // Gives a freshly loaded program its first image.
    Result<void> link(Program& program);

    // EBUSY: an extension is there (or, for one, anything), the same program is there already, or the target of an extension is in a
    // program array; E2BIG: no further fentry or fexit.  On success packets that enter from now on run it.
    Result<void> attach(const Place& place, Attachment attachment);
    // Requires that it is attached there.  Cannot fail: without memory it waits for some.
    void detach(const Place& place, const Program& program);
    // All of them or, with the errno of the first that is refused, none.  Each is checked as the ones before it leave things.  EINVAL: what
    // is to be detached is not attached there.
    Result<void> change(std::span<const PlaceChange> changes);

    // From the first call of start_counting() to the last of stop_counting(), calls of extensions are counted, by images that are linked
    // for it; otherwise nothing is spent on it.  ENOMEM.
    Result<void> start_counting();
    void stop_counting();
    [[nodiscard]] bool is_counting() const;

    // The extension at a place, or null.
    [[nodiscard]] Ref<Program> extension_at(const Place& place) const;
    // What is attached to a program, in the order of its functions; at one function, in the order in which it runs.
    struct Member {
        uint32_t subprogram = 0;
        Attachment attachment;
    };
    [[nodiscard]] std::vector<Member> members(const Program& target) const;

private:
    using Images = std::vector<std::pair<Program*, Ref<Image>>>;
    class Change;

    Result<void> may_be_attached(const Place& place, const Attachment& attachment) const;
    // The next images of `changed` and of all that contain one of them.
    [[nodiscard]] Result<Images> rebuild(std::vector<Program*> changed) const;
    [[nodiscard]] Result<Images> rebuild_all() const;  // of everything that something is attached to
    // Packets see all of them or, those that have entered already, none.
    void publish(Images images) noexcept;

    const Engine& engine_;
    RunState& run_state_;
    mutable std::mutex lock_;
    Attachments attachments_;
    uint32_t counting_ = 0;
};

}  // namespace graft
