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

void describe_new(std::string& text, const char* kind, const std::vector<uint32_t>& before, const std::vector<uint32_t>& now) {
    std::vector<uint32_t> fresh;
    std::set_difference(now.begin(), now.end(), before.begin(), before.end(), std::back_inserter(fresh));
    for (uint32_t id : fresh) text += std::string(" ") + kind + " " + std::to_string(id);
}

}  // namespace

KernelObjects kernel_objects() {
    return {ids(BPF_PROG_GET_NEXT_ID), ids(BPF_MAP_GET_NEXT_ID), ids(BPF_BTF_GET_NEXT_ID), ids(BPF_LINK_GET_NEXT_ID)};
}

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
