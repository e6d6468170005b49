#include "support/kernel_objects.h"

#include <unistd.h>

#include <algorithm>
#include <iterator>

#include "support/call.h"

namespace test {
namespace {

std::vector<uint32_t> ids(int command) {
    std::vector<uint32_t> found;
    for (uint32_t last = 0;;) {
        Attr attr;
        attr->start_id = last;
        if (attr.call(command) != 0) return found;
        last = attr->next_id;
        found.push_back(last);
    }
}

// Those that clients loaded: a test may make the kernel load a module, which brings one.
std::vector<uint32_t> clients_btfs() {
    struct {
        uint64_t btf;
        uint32_t size, id;
        uint64_t name;
        uint32_t name_length, of_the_kernel;
    } info;
    std::vector<uint32_t> found = ids(BPF_BTF_GET_NEXT_ID);
    std::erase_if(found, [&info](uint32_t id) {
        Attr attr;
        attr->btf_id = id;
        Fd btf(attr.call(BPF_BTF_GET_FD_BY_ID));
        info = {};
        Attr ask;
        ask->info.bpf_fd = btf.u();
        ask->info.info = pointer(&info);
        ask->info.info_len = sizeof info;
        return ask.call(BPF_OBJ_GET_INFO_BY_FD) == 0 && info.of_the_kernel;
    });
    return found;
}

void describe_new(std::string& text, const char* kind, const std::vector<uint32_t>& before, const std::vector<uint32_t>& now) {
    std::vector<uint32_t> fresh;
    std::set_difference(now.begin(), now.end(), before.begin(), before.end(), std::back_inserter(fresh));
    for (uint32_t id : fresh) text += std::string(" ") + kind + " " + std::to_string(id);
}

}  // namespace

KernelObjects kernel_objects() { return {ids(BPF_PROG_GET_NEXT_ID), ids(BPF_MAP_GET_NEXT_ID), clients_btfs(), ids(BPF_LINK_GET_NEXT_ID)}; }

std::string left_over(const KernelObjects& before) {
    std::string text;
    for (int attempt = 0; attempt < 500; attempt++) {
        KernelObjects now = kernel_objects();
        text.clear();
        describe_new(text, "program", before.programs, now.programs);
        describe_new(text, "map", before.maps, now.maps);
        describe_new(text, "btf", before.btfs, now.btfs);
        describe_new(text, "link", before.links, now.links);
        if (text.empty()) return text;
        usleep(10'000);
    }
    return text;
}

}  // namespace test
