// build_image(): the image of a program, with the extensions that sit on it.
#pragma once

#include <map>
#include <utility>

#include "program/program.h"

namespace graft {

// A function of a program that can be replaced.
struct Place {
    const Program* target = nullptr;
    uint32_t subprogram = 0;
    friend auto operator<=>(const Place&, const Place&) = default;
};
using Extensions = std::map<Place, Ref<Program>>;

// Not yet executable: an engine links it.  std::bad_alloc.
[[nodiscard]] Ref<Image> build_image(const Program& program, const Extensions& extensions);

}  // namespace graft
