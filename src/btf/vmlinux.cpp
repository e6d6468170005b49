#include "btf/vmlinux.h"

namespace graft {
namespace {

constexpr unsigned char embedded[] = {
#include "vmlinux_btf.inc"
};

}  // namespace

Result<Ref<Btf>> make_vmlinux_btf() {
    Log log;
    Ref<Btf> btf = TRY(Btf::parse(std::as_bytes(std::span(embedded)), log));
    btf->mark_kernel("vmlinux");
    return btf;
}

}  // namespace graft
