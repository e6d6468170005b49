#include "base/fd.h"

#include <unistd.h>

namespace graft {

Fd::~Fd() { close(); }

void Fd::close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

}  // namespace graft
