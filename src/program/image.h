// Image: what an engine runs for a program: the program's functions with each replaced one taken from its extension, and the calls of
// traced functions surrounded by their fentry and fexit programs.
//
// Immutable once published; readers reach it under an rcu::ReadGuard.  Built by image/ from the program and the links that reach it, and
// made executable by an engine.  An image holds no references: a program is deleted a grace period after it has left the last image.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/rcu.h"
#include "base/ref.h"
#include "helper/callback.h"
#include "program/member_counters.h"

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

// One function in its place in an image: code of a program, or what surrounds one.
struct LinkedFunction {
    Callback by_address;           // first: its address is that of the function; set by the engine
    const Image* image = nullptr;  // that it is part of
    const Program* program = nullptr;
    uint32_t subprogram = 0;  // number in `program`
    uint32_t callees = 0;     // Image::callees[callees + n] is the function that runs when this one calls subprogram n of its program
    // >= 0: no code of its own, but that of Image::surrounds[surround], which surrounds the function that this one is named after.
    int32_t surround = -1;
    const void* code = nullptr;  // where it starts, to the engine
};

[[nodiscard]] inline const LinkedFunction& linked(const Callback& callback) { return reinterpret_cast<const LinkedFunction&>(callback); }

// A fentry or fexit program at a function.
struct Trace {
    uint32_t function = 0;             // its main function: index into Image::functions; a surround when it is traced itself
    const Program* program = nullptr;  // the same; misses of recursion and statistics are its
    uint64_t cookie = 0;               // bpf_get_attach_cookie()
};

// A function with what runs before and after it.  Whoever calls `function` by name calls this; a tail call does not.
// The programs get a TraceFrame's values as their context (helper/trace_frame.h).
struct Surround {
    uint32_t function = 0;         // the surrounded one, an index into Image::functions; a surround where only `counters` are added to it
    uint32_t arg_count = 0;        // 64-bit arguments that the programs see, at most five
    uint64_t address = 0;          // bpf_get_func_ip()
    std::vector<Trace> entries;    // run first, in this order
    Ref<MemberCounters> counters;  // of the extension that it is, while somebody counts; else null
    std::vector<Trace> exits;      // run after it, in this order; they see its result
};

class Image final : public RefCounted {
public:
    std::vector<LinkedFunction> functions;
    std::vector<uint32_t> callees;  // indexes into `functions`
    std::vector<Surround> surrounds;
    // Change of the attachments that it came with.  A packet that entered before enters the image it replaced.
    uint64_t generation = 0;
    const Image* previous = nullptr;  // valid while such packets are in flight; null: the first
    // Where a hook starts.  A tail call starts at the first of `functions`, the program's own main function, whatever replaces or traces
    // it.
    uint32_t entry = 0;

    // Set by the engine: runs the image from `entry`.
    uint64_t (*enter)(const Image& image, void* context, RunContext& run) = nullptr;
    std::unique_ptr<EngineImage> engine_part;

private:
    void last_reference_gone() const override { rcu::delete_later(deferral_, this); }
    mutable rcu::Deferral deferral_;
};

}  // namespace graft
