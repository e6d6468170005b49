// BPF_BTF_LOAD: checks a client's BTF and makes an object of it.

#include <vector>

#include "syscall/command.h"
#include "syscall/log_buffer.h"

namespace graft::command {
namespace {

// No token exists here, so a descriptor that is one is never found.
Result<void> refuse_token(Caller& caller, const Attr& attr) {
    const uint32_t flags = attr.at<uint32_t>(abi::btf_load_flags);
    if ((flags & ~abi::f_token_fd) != 0) return fail(EINVAL, "btf_flags has an unknown flag");
    if (flags == 0) return {};
    TRY(caller.descriptor(attr.at<int32_t>(abi::btf_load_token_fd)));
    return fail(EINVAL, "btf_token_fd is no token");
}

Result<Ref<Btf>> parse(Caller& caller, const Attr& attr, Log& log) {
    std::vector<std::byte> data(attr->btf_size);
    TRY(caller.read(attr->btf, data));
    return Btf::parse(data, log);
}

}  // namespace

Result<Reply> btf_load(Kernel& kernel, Caller& caller, const Attr& attr) {
    TRY(refuse_token(caller, attr));
    if (attr->btf_size > Btf::max_size) return fail(E2BIG, "the BTF is larger than 16 MB");
    const LogBuffer buffer{attr->btf_log_level, attr->btf_log_buf, attr->btf_log_size, abi::btf_load_log_true_size};
    Log log = TRY(buffer.open());
    const Result<Ref<Btf>> parsed = parse(caller, attr, log);
    TRY(buffer.deliver(caller, attr, log));
    Ref<Btf> btf = TRY(parsed);
    btf->register_in(kernel.btfs);
    return Reply(std::move(btf));
}

}  // namespace graft::command
