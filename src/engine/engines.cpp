#include "engine/engines.h"

#include <array>
#include <cstdlib>
#include <cstring>

namespace graft {
namespace {

#if defined(__SANITIZE_THREAD__)
constexpr bool sees_threads = true;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
constexpr bool sees_threads = true;
#else
constexpr bool sees_threads = false;
#endif
#else
constexpr bool sees_threads = false;
#endif

}  // namespace

std::span<const Engine* const> engines() {
#ifdef __x86_64__
    // ThreadSanitizer does not see what machine code of ours does, and so misses the order it makes.
    static const std::array all = sees_threads ? std::array{&interpreter(), &x86_64_jit()} : std::array{&x86_64_jit(), &interpreter()};
#else
    static const std::array all{&interpreter()};
#endif
    return all;
}

Result<const Engine*> chosen_engine() {
    const char* const wanted = std::getenv("GRAFT_ENGINE");
    if (wanted == nullptr) return engines().front();
    for (const Engine* engine : engines()) {
        if (std::strcmp(engine->name(), wanted) == 0) return engine;
    }
    return fail(EINVAL, "GRAFT_ENGINE names no engine: it is x86_64 or interpreter");
}

}  // namespace graft
