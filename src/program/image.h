// Image: what an engine runs for a program: the program's functions with each replaced one taken from its extension.
//
// Immutable once published; readers reach it under an rcu::ReadGuard.  Built by image/ from the program and the links that reach it, and
// made executable by an engine.  An image holds no references: a program is deleted a grace period after it has left the last image.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/rcu.h"
#include "base/ref.h"

namespace graft {

class Image;
class Program;
struct RunContext;
struct Subprogram;

// What an engine made of the code of one program, once, at load.  Owned by the Program.
class EngineCode {
public:
    virtual ~EngineCode() = default;
    // Bytes that it made of one function.
    [[nodiscard]] virtual uint32_t size_of(const Subprogram& function) const = 0;
};

// What an engine made of a whole image, besides `enter` and the `code` of its functions.
class EngineImage {
public:
    virtual ~EngineImage() = default;
};

// One function in its place in an image.
struct LinkedFunction {
    const Program* program = nullptr;
    uint32_t subprogram = 0;     // number in `program`
    uint32_t callees = 0;        // Image::callees[callees + n] is the function that runs when this one calls subprogram n of its program
    const void* code = nullptr;  // where it starts, to the engine
};

class Image final : public RefCounted {
public:
    std::vector<LinkedFunction> functions;
    std::vector<uint32_t> callees;  // indexes into `functions`
    // Where a hook starts, and where a tail call does: not the same when something traces the main function.
    uint32_t entry = 0;
    uint32_t tail_entry = 0;

    // Set by the engine: runs the image from `entry`.
    uint64_t (*enter)(const Image& image, void* context, RunContext& run) = nullptr;
    std::unique_ptr<EngineImage> engine_part;

private:
    void last_reference_gone() const override { rcu::delete_later(deferral_, this); }
    mutable rcu::Deferral deferral_;
};

}  // namespace graft
