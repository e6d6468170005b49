#include "support/attach.h"

#include <unistd.h>

#include "support/programs.h"

namespace test {

long attach(int program, int target, uint32_t function, uint32_t attach_type, uint64_t cookie) {
    Attr attr;
    attr->link_create.prog_fd = static_cast<uint32_t>(program);
    attr->link_create.target_fd = static_cast<uint32_t>(target);
    attr->link_create.attach_type = attach_type;
    attr->link_create.target_btf_id = function;
    attr->link_create.tracing.cookie = cookie;
    return attr.call(BPF_LINK_CREATE);
}

long attach_as_raw_tracepoint(int program) {
    Attr attr;
    attr->raw_tracepoint.prog_fd = static_cast<uint32_t>(program);
    return attr.call(BPF_RAW_TRACEPOINT_OPEN);
}

LoadedFor::LoadedFor(const char* object, const char* name, int target, const char* function, int trace)
    : ObjectFile(object), name_(name), log_(1 << 16, '\0') {
    bpf_program* each = nullptr;
    bpf_object__for_each_program(each, get()) bpf_program__set_autoload(each, false);
    bpf_program__set_autoload(program(), true);
    if (trace >= 0) bpf_map__reuse_fd(map("trace"), trace);
    bpf_program__set_log_buf(program(), log_.data(), log_.size());
    bpf_program__set_log_level(program(), 1);
    answer_ = bpf_program__set_attach_target(program(), target, function);
    if (answer_ == 0) answer_ = load();
    log_ = log_.c_str();
}

Fd LoadedFor::attach(uint64_t cookie) { return Fd(test::attach(fd(), 0, 0, bpf_program__expected_attach_type(program()), cookie)); }
Fd LoadedFor::attach(int target, uint32_t function) {
    return Fd(test::attach(fd(), target, function, bpf_program__expected_attach_type(program())));
}

Target::Target(const char* name, int trace) : ObjectFile(name) {
    if (trace >= 0) bpf_map__reuse_fd(map("trace"), trace);
    answer_ = load();
}

uint32_t Target::id(const char* function) { return function_id(fd(), function); }

long program_by_id(uint32_t id) {
    Attr attr;
    attr->prog_id = id;
    return attr.call(BPF_PROG_GET_FD_BY_ID);
}

bool goes_away(uint32_t program_id) {
    for (int attempt = 0; attempt < 500; attempt++) {
        if (Fd(program_by_id(program_id)).error() == -ENOENT) return true;
        usleep(10'000);
    }
    return false;
}

}  // namespace test
