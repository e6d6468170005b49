// freplace, fentry and fexit programs of object files: one of an object, loaded for a function of a loaded program, and links of it.
#pragma once

#include <string>

#include "support/call.h"
#include "support/object_file.h"

namespace test {

// LINK_CREATE: the link or -errno.  Without a target, the one of the load.
long attach(int program, int target = 0, uint32_t function = 0, uint32_t attach_type = 0, uint64_t cookie = 0);
// The same wish as BPF_RAW_TRACEPOINT_OPEN without a name says it.
long attach_as_raw_tracepoint(int program);

// An object of which this one program is loaded; what it records goes to the given trace, when there is one.
class LoadedFor : public ObjectFile {
public:
    LoadedFor(const char* object, const char* name, int target, const char* function, int trace = -1);

    [[nodiscard]] long answer() const { return answer_; }  // 0 or -errno
    [[nodiscard]] const std::string& log() const { return log_; }
    [[nodiscard]] bool said(const std::string& line) const { return log_.find(line + "\n") != std::string::npos; }
    bpf_program* program() { return ObjectFile::program(name_); }
    using ObjectFile::program;
    int fd() { return program_fd(name_); }
    // For a failed one, the error.
    Fd attach(uint64_t cookie = 0);
    Fd attach(int target, uint32_t function);

private:
    const char* name_;
    std::string log_;
    long answer_ = 0;
};

// Of extension.bpf.c and of tracing.bpf.c.
struct Extension : LoadedFor {
    Extension(const char* name, int target, const char* function, int trace = -1) : LoadedFor("extension", name, target, function, trace) {}
};
struct Trace : LoadedFor {
    Trace(const char* name, int target, const char* function, int trace = -1) : LoadedFor("tracing", name, target, function, trace) {}
};

// A loaded object with a program `target`, writing to the given trace, when there is one.
class Target : public ObjectFile {
public:
    explicit Target(const char* name, int trace = -1);
    [[nodiscard]] long answer() const { return answer_; }
    int fd() { return program_fd("target"); }
    int trace() { return map_fd("trace"); }
    uint32_t id(const char* function);

private:
    long answer_;
};

// The descriptor or -errno.
long program_by_id(uint32_t id);
// Whether the program with this id goes away: Linux frees one a little after its last user went.
bool goes_away(uint32_t program_id);

}  // namespace test
