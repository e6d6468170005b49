#include "support/programs.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>

#include <memory>

namespace test {

Attr program_attr(uint32_t type, const std::vector<bpf_insn>& program) {
    Attr attr;
    attr->prog_type = type;
    attr->insns = pointer(program.data());
    attr->insn_cnt = static_cast<uint32_t>(program.size());
    attr->license = pointer("GPL");
    return attr;
}

long prog_load(uint32_t type, const std::vector<bpf_insn>& program) { return program_attr(type, program).call(BPF_PROG_LOAD); }

namespace {

template <class Info>
Info info_of(int fd) {
    Info info{};
    Attr attr;
    attr->info.bpf_fd = static_cast<uint32_t>(fd);
    attr->info.info_len = sizeof info;
    attr->info.info = pointer(&info);
    if (attr.call(BPF_OBJ_GET_INFO_BY_FD) != 0) return {};
    return info;
}

}  // namespace

bpf_prog_info prog_info(int program) { return info_of<bpf_prog_info>(program); }
bpf_link_info link_info(int link) { return info_of<bpf_link_info>(link); }
bpf_map_info map_info(int map) { return info_of<bpf_map_info>(map); }

uint32_t function_id(int program, const char* name) {
    struct Free {
        void operator()(btf* b) const { btf__free(b); }
    };
    std::unique_ptr<btf, Free> btf(btf__load_from_kernel_by_id(prog_info(program).btf_id));
    if (!btf) return 0;
    int id = btf__find_by_name_kind(btf.get(), name, BTF_KIND_FUNC);
    return id > 0 ? static_cast<uint32_t>(id) : 0;
}

Ran run(int program) {
    unsigned char packet[64] = {};
    Attr attr;
    attr->test.prog_fd = static_cast<uint32_t>(program);
    attr->test.data_in = pointer(packet);
    attr->test.data_size_in = sizeof packet;
    Ran result;
    result.answer = attr.call(BPF_PROG_TEST_RUN);
    result.verdict = attr->test.retval;
    return result;
}

std::string take_trace(int trace_map) {
    std::string text;
    uint32_t zero = 0, count = 0;
    bpf_map_lookup_elem(trace_map, &zero, &count);
    for (uint32_t slot = 1; slot <= count; slot++) {
        uint32_t what = 0;
        bpf_map_lookup_elem(trace_map, &slot, &what);
        if (!text.empty()) text += ' ';
        text += std::to_string(what);
    }
    count = 0;
    bpf_map_update_elem(trace_map, &zero, &count, BPF_ANY);
    return text;
}

}  // namespace test
