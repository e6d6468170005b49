// BPF object files of test/bpf, found beside the running program: BUILD/bin/syscall-X, BUILD/bpf/NAME.bpf.o.
#pragma once

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <memory>
#include <string>

namespace test {

std::string object_path(const std::string& name);

// The file that holds the kernel's BTF, when it is not where libbpf looks for it; else empty.
std::string& kernel_btf();

struct CloseObject {
    void operator()(bpf_object* object) const { bpf_object__close(object); }
};

// An opened object; null and errno when it cannot be opened or loaded.
class ObjectFile {
public:
    // NAME of BUILD/bpf/NAME.bpf.o.
    explicit ObjectFile(const std::string& name);
    virtual ~ObjectFile() = default;
    ObjectFile(ObjectFile&&) = default;
    ObjectFile& operator=(ObjectFile&&) = default;
    // 0 or -errno.
    int load() { return bpf_object__load(object_.get()); }
    // Closes every descriptor.
    void close() { object_.reset(); }
    bpf_object* get() { return object_.get(); }
    bpf_program* program(const char* name) { return bpf_object__find_program_by_name(object_.get(), name); }
    bpf_map* map(const char* name) { return bpf_object__find_map_by_name(object_.get(), name); }
    // The descriptor of a loaded program or map, borrowed.
    int program_fd(const char* name) { return bpf_program__fd(program(name)); }
    int map_fd(const char* name) { return bpf_map__fd(map(name)); }

private:
    std::unique_ptr<bpf_object, CloseObject> object_;
};

}  // namespace test
