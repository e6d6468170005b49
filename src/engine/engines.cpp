#include "engine/engines.h"

#include <cstdlib>
#include <cstring>
#include <vector>

namespace graft {
namespace {

#if defined(__SANITIZE_THREAD__)
[[maybe_unused]] constexpr bool sees_threads = true;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
[[maybe_unused]] constexpr bool sees_threads = true;
#else
[[maybe_unused]] constexpr bool sees_threads = false;
#endif
#else
[[maybe_unused]] constexpr bool sees_threads = false;
#endif

}  // namespace

std::span<const Engine* const> engines() {
    static const std::vector<const Engine*> all = [] {
        std::vector<const Engine*> found{&interpreter()};
#ifdef __x86_64__
        // ThreadSanitizer does not see what machine code of ours does, and so misses the order it makes.
        if (x86_64_jit_works()) found.insert(sees_threads ? found.end() : found.begin(), &x86_64_jit());
#endif
        return found;
    }();
    return all;
}

Result<const Engine*> chosen_engine() {
    const char* const wanted = std::getenv("GRAFT_ENGINE");
    if (wanted == nullptr) return engines().front();
    for (const Engine* engine : engines()) {
        if (std::strcmp(engine->name(), wanted) == 0) return engine;
    }
    return fail(EINVAL, "GRAFT_ENGINE names no engine that runs here: there are x86_64 and interpreter");
}

}  // namespace graft
