// TargetRegistry: which extension sits at which (program, function), and the relink that makes it effective.
//
// This is what the kernel's trampoline is by name: it refuses what Linux refuses and knows every edge.  A change builds the next images of
// all the programs it reaches and publishes them only when all are built; ENOMEM leaves everything as it was.
// Thread safety: every method takes the registry's lock; packets run on while it is held.
// Ownership: an extension is kept while it is attached; a target is not: whoever attaches keeps it until it detaches.
#pragma once

#include <cstdint>
#include <mutex>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"
#include "image/builder.h"
#include "program/program.h"

namespace graft {

class TargetRegistry {
public:
    explicit TargetRegistry(const Engine& engine) : engine_(engine) {}

    // Gives a freshly loaded program its first image.
    Result<void> link(Program& program);

    // EBUSY: something sits there already, or the target is in a program array.  On success packets that enter from now on run it.
    Result<void> attach_extension(Program& target, uint32_t subprogram, Ref<Program> extension);
    // Requires that an extension sits there.  Cannot fail: without memory it waits for some.
    void detach_extension(Program& target, uint32_t subprogram);

    // The extension at a place, or null.
    [[nodiscard]] Ref<Program> extension_at(const Program& target, uint32_t subprogram) const;

private:
    using Images = std::vector<std::pair<Program*, Ref<Image>>>;

    [[nodiscard]] Result<Ref<Image>> build(const Program& program) const;
    // The next images of `changed` and of all that contain it.
    [[nodiscard]] Result<Images> rebuild(Program& changed) const;
    static void publish(Images images) noexcept;

    const Engine& engine_;
    mutable std::mutex lock_;
    Extensions extensions_;
};

}  // namespace graft
