#include "cli/link_change.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "abi/bpf.h"
#include "btf/btf.h"

namespace graft::cli {
namespace {

constexpr std::string_view id_prefix = "id:";
constexpr size_t longest_reason = 1024;

uint64_t pointer(const void* address) { return reinterpret_cast<uint64_t>(address); }

// One line of what may be several.
std::string as_line(std::string_view text) {
    while (text.ends_with('\n')) text.remove_suffix(1);
    std::string line(text);
    for (size_t at = line.find('\n'); at != std::string::npos; at = line.find('\n', at)) line.replace(at, 1, "; ");
    return line;
}

}  // namespace

// One call of bpf(2).
struct LinkChange::Call {
    abi::Attr raw{};
    bpf_attr& attr = raw.uapi;
    graft_attr& own = *reinterpret_cast<graft_attr*>(raw.raw + GRAFT_ATTR_OFFSET);
    std::array<char, longest_reason> reason{};

    long make(int command) { return syscall(SYS_bpf, command, &raw, sizeof raw); }
    void ask_for_reason() {
        own.log_buf = pointer(reason.data());
        own.log_size = static_cast<uint32_t>(reason.size());
    }
    void join(const Fd& transaction) {
        own.transaction_fd = static_cast<uint32_t>(transaction.get());
        ask_for_reason();
    }
};

LinkChange::~LinkChange() {
    for (const std::string& pin : new_pins_) unlink(pin.c_str());
}

bool LinkChange::is_possible_here() { return Call().make(GRAFT_ABI) >= GRAFT_ABI_VERSION; }

long LinkChange::fail(std::string text) {
    failure_ = std::move(text);
    return -1;
}

long LinkChange::call(Call& call, int command, const std::string& what) {
    const long answer = call.make(command);
    if (answer >= 0) return answer;
    const int code = errno;
    const std::string reason = as_line(call.reason.data());
    return fail((what.empty() ? "" : what + ": ") + (reason.empty() ? "" : reason + ": ") + std::strerror(code));
}

Fd LinkChange::find(const std::string& name, bpf_cmd by_id, const char* kind) {
    Call get;
    if (!name.starts_with(id_prefix)) {
        get.attr.pathname = pointer(name.c_str());
        return Fd(static_cast<int>(call(get, BPF_OBJ_GET, name)));
    }
    uint32_t id = 0;
    const char* const end = name.data() + name.size();
    const auto [rest, error] = std::from_chars(name.data() + id_prefix.size(), end, id);
    if (error != std::errc() || rest != end) return Fd(static_cast<int>(fail("'" + name + "' is no id of a " + kind)));
    get.attr.prog_id = id;  // the same field for each kind
    return Fd(static_cast<int>(call(get, by_id, std::string("no ") + kind + " " + name)));
}

std::vector<std::byte> LinkChange::btf_data(uint32_t id) {
    Call get;
    get.attr.btf_id = id;
    const Fd btf(static_cast<int>(call(get, BPF_BTF_GET_FD_BY_ID, "the target's BTF")));
    if (!btf) return {};
    std::vector<std::byte> data;
    // First how much it is.
    for (int round = 0; round < 2; ++round) {
        bpf_btf_info info{};
        info.btf = pointer(data.data());
        info.btf_size = static_cast<uint32_t>(data.size());
        Call ask;
        ask.attr.info.bpf_fd = static_cast<uint32_t>(btf.get());
        ask.attr.info.info_len = sizeof info;
        ask.attr.info.info = pointer(&info);
        if (call(ask, BPF_OBJ_GET_INFO_BY_FD, "the target's BTF") < 0) return {};
        data.resize(info.btf_size);
    }
    return data;
}

uint32_t LinkChange::function_id(const Fd& program, const std::string& name) {
    bpf_prog_info info{};
    Call ask;
    ask.attr.info.bpf_fd = static_cast<uint32_t>(program.get());
    ask.attr.info.info_len = sizeof info;
    ask.attr.info.info = pointer(&info);
    if (call(ask, BPF_OBJ_GET_INFO_BY_FD, "the target") < 0) return 0;
    if (info.btf_id == 0) return static_cast<void>(fail("the target has no BTF, and its functions no names")), 0;
    const std::vector<std::byte> data = btf_data(info.btf_id);
    if (data.empty()) return 0;
    Log log;
    const Result<Ref<Btf>> btf = Btf::parse(data, log);
    if (!btf.ok()) return static_cast<void>(fail("the target's BTF cannot be read")), 0;
    const Result<BtfType> function = (*btf)->find(name, BTF_KIND_FUNC);
    if (!function.ok()) return static_cast<void>(fail("the target has no function '" + name + "'")), 0;
    return function->id();
}

bool LinkChange::open() {
    Call create;
    transaction_ = Fd(static_cast<int>(call(create, GRAFT_TRANSACTION_CREATE, "")));
    return static_cast<bool>(transaction_);
}

bool LinkChange::attach(const Attach& step) {
    const Fd extension = program(step.program);
    if (!extension) return false;
    Call create;
    create.attr.link_create.prog_fd = static_cast<uint32_t>(extension.get());
    Fd target;
    if (!step.target.empty()) {
        target = program(step.target);
        if (!target) return false;
        create.attr.link_create.target_fd = static_cast<uint32_t>(target.get());
        create.attr.link_create.target_btf_id = function_id(target, step.function);
        if (create.attr.link_create.target_btf_id == 0) return false;
    }
    create.join(transaction_);
    const Fd made(static_cast<int>(call(create, BPF_LINK_CREATE, "")));
    if (!made) return false;
    Call pin;
    pin.attr.pathname = pointer(step.pin.c_str());
    pin.attr.bpf_fd = static_cast<uint32_t>(made.get());
    if (call(pin, BPF_OBJ_PIN, "cannot pin the link at " + step.pin) < 0) return false;
    new_pins_.push_back(step.pin);
    return true;
}

bool LinkChange::detach(const std::string& name) {
    const Fd found = link(name);
    if (!found) return false;
    Call detach;
    detach.attr.link_detach.link_fd = static_cast<uint32_t>(found.get());
    detach.join(transaction_);
    if (call(detach, BPF_LINK_DETACH, "") < 0) return false;
    if (!name.starts_with(id_prefix)) old_pins_.push_back(name);
    return true;
}

bool LinkChange::replace(const std::string& name, const std::string& program_name) {
    const Fd found = link(name);
    if (!found) return false;
    const Fd extension = program(program_name);
    if (!extension) return false;
    Call update;
    update.attr.link_update.link_fd = static_cast<uint32_t>(found.get());
    update.attr.link_update.new_prog_fd = static_cast<uint32_t>(extension.get());
    update.join(transaction_);
    return call(update, BPF_LINK_UPDATE, "") >= 0;
}

bool LinkChange::commit() {
    Call commit;
    const auto number = static_cast<uint32_t>(transaction_.get());
    std::memcpy(commit.raw.raw, &number, sizeof number);
    commit.ask_for_reason();
    if (call(commit, GRAFT_TRANSACTION_COMMIT, "") < 0) return false;
    new_pins_.clear();
    for (const std::string& pin : old_pins_) unlink(pin.c_str());
    return true;
}

}  // namespace graft::cli
