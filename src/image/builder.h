// build_image(): the image of a program, with what is attached to it and to its parts.
#pragma once

#include "image/attachments.h"
#include "program/program.h"

namespace graft {

enum class Counting : bool { no, yes };  // whether calls of extensions are counted

// Not yet executable: an engine links it.  std::bad_alloc.
[[nodiscard]] Ref<Image> build_image(const Program& program, const Attachments& attachments, Counting counting);

}  // namespace graft
