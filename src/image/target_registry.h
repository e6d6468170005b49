// TargetRegistry: which extension sits at which (program, function), and the relink that makes it effective.
//
// This is what the kernel's trampoline is by name: it refuses what Linux refuses and knows every edge.  A change builds the next images of
// all the programs it reaches and publishes them only when all are built; ENOMEM leaves everything as it was.
// Thread safety: every method takes the registry's lock.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <utility>

#include "base/result.h"
#include "program/program.h"

namespace graft {

class TargetRegistry {
public:
    // Gives a freshly loaded program its first image.
    Result<void> link(Program& program);

    // EBUSY: something sits there already, or the target is in a program array.  On success packets that enter from now on run it.
    Result<void> attach_extension(Program& target, uint32_t subprogram, Ref<Program> extension);
    void detach_extension(Program& target, uint32_t subprogram);

    // The extension at a place, or null.
    [[nodiscard]] Ref<Program> extension_at(const Program& target, uint32_t subprogram) const;

private:
    using Place = std::pair<const Program*, uint32_t>;
    [[nodiscard]] Ref<Image> build(const Program& program) const;

    mutable std::mutex lock_;
    std::map<Place, Ref<Program>> extensions_;
};

}  // namespace graft
