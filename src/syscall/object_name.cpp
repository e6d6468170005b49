#include "syscall/object_name.h"

#include <algorithm>
#include <cctype>
#include <iterator>

namespace graft {

Result<std::string> object_name(const char (&field)[BPF_OBJ_NAME_LEN]) {
    const char* const end = std::find(std::begin(field), std::end(field), '\0');
    if (end == std::end(field)) return fail(EINVAL, "the name has no terminating NUL");
    std::string name(std::begin(field), end);
    const auto allowed = [](unsigned char c) { return (c < 0x80 && std::isalnum(c) != 0) || c == '_' || c == '.'; };
    if (!std::ranges::all_of(name, allowed)) return fail(EINVAL, "the name has a character other than letters, digits, _ and .");
    return name;
}

}  // namespace graft
