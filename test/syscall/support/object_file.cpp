#include "support/object_file.h"

#include <linux/limits.h>
#include <unistd.h>

namespace test {

std::string object_path(const std::string& name) {
    char self[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self);
    std::string path(self, length > 0 ? static_cast<size_t>(length) : 0);
    path.erase(path.rfind('/'));
    return path + "/../bpf/" + name + ".bpf.o";
}

ObjectFile::ObjectFile(const std::string& name) : object_(bpf_object__open_file(object_path(name).c_str(), nullptr)) {}

}  // namespace test
