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

std::string& kernel_btf() {
    static std::string path;
    return path;
}

ObjectFile::ObjectFile(const std::string& name) {
    bpf_object_open_opts options{};
    options.sz = sizeof options;
    if (!kernel_btf().empty()) options.btf_custom_path = kernel_btf().c_str();
    object_.reset(bpf_object__open_file(object_path(name).c_str(), &options));
}

}  // namespace test
