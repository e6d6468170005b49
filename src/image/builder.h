// build_image(): the image of a program, with what is attached to it and to its parts.
#pragma once

#include "image/attachments.h"
#include "program/program.h"

namespace graft {

// Not yet executable: an engine links it.  std::bad_alloc.
[[nodiscard]] Ref<Image> build_image(const Program& program, const Attachments& attachments);

}  // namespace graft
