// BPF_PROG_LOAD: decodes and checks the form of the request, has it verified, and makes a program of it.
#include <algorithm>
#include <array>
#include <ctime>
#include <string_view>

#include "prog_type/prog_type.h"
#include "program/tag.h"
#include "program/target_facts.h"
#include "syscall/command.h"
#include "syscall/log_buffer.h"
#include "syscall/object_name.h"
#include "verify/verify.h"

namespace graft::command {
namespace {

constexpr uint32_t known_flags = BPF_F_STRICT_ALIGNMENT | BPF_F_ANY_ALIGNMENT | BPF_F_TEST_STATE_FREQ | BPF_F_SLEEPABLE |
                                 BPF_F_TEST_RND_HI32 | BPF_F_XDP_HAS_FRAGS | abi::f_xdp_dev_bound_only | abi::f_test_reg_invariants |
                                 abi::f_token_fd;
constexpr size_t longest_license = 127;

bool is_gpl_compatible(std::string_view license) {
    constexpr std::array<std::string_view, 6> names = {"GPL",          "GPL v2",       "GPL and additional rights",
                                                       "Dual BSD/GPL", "Dual MIT/GPL", "Dual MPL/GPL"};
    return std::find(names.begin(), names.end(), license) != names.end();
}

// Older clients leave the attach type of these at 0.
uint32_t attach_type_of(uint32_t type, uint32_t given) {
    if (type == BPF_PROG_TYPE_CGROUP_SOCK && given == 0) return BPF_CGROUP_INET_SOCK_CREATE;
    if (type == BPF_PROG_TYPE_SK_REUSEPORT && given == 0) return BPF_SK_REUSEPORT_SELECT;
    return given;
}

bool attach_type_suits(uint32_t type, uint32_t attach_type) {
    const auto one_of = [&](std::initializer_list<uint32_t> set) { return std::find(set.begin(), set.end(), attach_type) != set.end(); };
    switch (type) {
        case BPF_PROG_TYPE_CGROUP_SOCK:
            return one_of(
                {BPF_CGROUP_INET_SOCK_CREATE, BPF_CGROUP_INET_SOCK_RELEASE, BPF_CGROUP_INET4_POST_BIND, BPF_CGROUP_INET6_POST_BIND});
        case BPF_PROG_TYPE_CGROUP_SOCK_ADDR:
            return one_of({BPF_CGROUP_INET4_BIND, BPF_CGROUP_INET6_BIND, BPF_CGROUP_INET4_CONNECT, BPF_CGROUP_INET6_CONNECT,
                           BPF_CGROUP_INET4_GETPEERNAME, BPF_CGROUP_INET6_GETPEERNAME, BPF_CGROUP_INET4_GETSOCKNAME,
                           BPF_CGROUP_INET6_GETSOCKNAME, BPF_CGROUP_UDP4_SENDMSG, BPF_CGROUP_UDP6_SENDMSG, BPF_CGROUP_UDP4_RECVMSG,
                           BPF_CGROUP_UDP6_RECVMSG, abi::attach_unix_connect, abi::attach_unix_sendmsg, abi::attach_unix_recvmsg,
                           abi::attach_unix_getpeername, abi::attach_unix_getsockname});
        case BPF_PROG_TYPE_CGROUP_SKB:
            return one_of({BPF_CGROUP_INET_INGRESS, BPF_CGROUP_INET_EGRESS});
        case BPF_PROG_TYPE_CGROUP_SOCKOPT:
            return one_of({BPF_CGROUP_SETSOCKOPT, BPF_CGROUP_GETSOCKOPT});
        case BPF_PROG_TYPE_SK_LOOKUP:
            return attach_type == BPF_SK_LOOKUP;
        case BPF_PROG_TYPE_SK_REUSEPORT:
            return one_of({BPF_SK_REUSEPORT_SELECT, BPF_SK_REUSEPORT_SELECT_OR_MIGRATE});
        case abi::prog_type_netfilter:
            return attach_type == abi::attach_netfilter;
        case BPF_PROG_TYPE_SYSCALL:
        case BPF_PROG_TYPE_EXT:
            return attach_type == 0;
        default:
            return true;
    }
}

// attach_prog_fd is a program's, or (attach_btf_obj_fd) a BTF's; without it attach_btf_id is one of vmlinux.
struct Target {
    Ref<Program> program;
    bool kernel_btf = false;
};
Result<Target> find_target(Caller& caller, const Attr& attr) {
    if (attr->attach_prog_fd == 0) return Target{.program = nullptr, .kernel_btf = attr->attach_btf_id != 0};
    const auto descriptor = caller.descriptor(static_cast<int>(attr->attach_prog_fd));
    if (!descriptor.ok()) return fail(EINVAL, "attach_prog_fd is neither a program nor a BTF");
    const Ref<Object>& object = descriptor.value().object;
    if (object->object_kind() == ObjectKind::program) return Target{.program = static_ref_cast<Program>(object)};
    if (object->object_kind() != ObjectKind::btf) return fail(EINVAL, "attach_prog_fd is neither a program nor a BTF");
    if (!static_cast<const Btf&>(*object).kernel_btf()) return fail(abi::enotsupp, "attach_btf_obj_fd is not a kernel's BTF");
    return Target{.program = nullptr, .kernel_btf = true};
}

Result<void> require_attachable(uint32_t type, uint32_t attach_type, uint32_t btf_id, const Target& target) {
    const bool by_btf =
        type == BPF_PROG_TYPE_TRACING || type == BPF_PROG_TYPE_LSM || type == BPF_PROG_TYPE_STRUCT_OPS || type == BPF_PROG_TYPE_EXT;
    if (btf_id != 0 && (btf_id > Btf::max_types || !by_btf))
        return fail(EINVAL, "attach_btf_id is given, but programs of this type do not attach by BTF");
    if (target.kernel_btf && btf_id == 0) return fail(EINVAL, "a BTF to attach by is given without attach_btf_id");
    if (target.program && type != BPF_PROG_TYPE_TRACING && type != BPF_PROG_TYPE_EXT) {
        return fail(EINVAL, "only extension and tracing programs attach to a program");
    }
    if (!attach_type_suits(type, attach_type)) return fail(EINVAL, "expected_attach_type does not suit the program type");
    return {};
}

uint64_t boot_time() {
    timespec now{};
    clock_gettime(CLOCK_BOOTTIME, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

UserRecords records(const Attr& attr, uint64_t address, uint32_t count, uint32_t size, size_t size_offset) {
    return {.address = address, .count = count, .record_size = size, .record_size_address = attr.address + size_offset};
}

// The interface that prog_ifindex names, or that of the program which is extended; null: none.
Result<Ref<BoundDevice>> bound_device(Kernel& kernel, Caller& caller, const Attr& attr, const Program* target) {
    if (attr->prog_ifindex != 0) {
        const uint32_t type = attr->prog_type, flags = attr->prog_flags;
        const bool bound_only = (flags & abi::f_xdp_dev_bound_only) != 0;
        if (type != BPF_PROG_TYPE_XDP && type != BPF_PROG_TYPE_SCHED_CLS) return fail(EINVAL, "prog_ifindex is for XDP and tc");
        if ((flags & ~uint32_t{abi::f_xdp_dev_bound_only | BPF_F_XDP_HAS_FRAGS}) != 0)
            return fail(EINVAL, "prog_ifindex goes with fewer flags");
        if (type == BPF_PROG_TYPE_SCHED_CLS && bound_only) return fail(EINVAL, "only XDP programs are bound without being offloaded");
        if ((flags & BPF_F_XDP_HAS_FRAGS) != 0 && !bound_only) return fail(EINVAL, "offloaded programs take no fragments");
        const NetNamespace net = TRY(caller.net_namespace());
        if (!TRY(caller.has_interface(attr->prog_ifindex))) return fail(EINVAL, "the client's network namespace has no such interface");
        Ref<BoundDevice> device = TRY(kernel.xdp.bind({net.cookie, attr->prog_ifindex}));
        if (!bound_only) return fail(EINVAL, "graft's ports have no offload");
        return device;
    }
    if (attr->prog_type != BPF_PROG_TYPE_EXT || target == nullptr || !target->facts().bound_device) return Ref<BoundDevice>();
    if (target->facts().bound_device->gone()) return fail(EINVAL, "the interface that the target is bound to is gone");
    return target->facts().bound_device;
}

Result<VerifyRequest> decode(Kernel& kernel, Caller& caller, const Attr& attr, const Program* target) {
    VerifyRequest request;
    request.type = attr->prog_type;
    request.expected_attach_type = attach_type_of(attr->prog_type, attr->expected_attach_type);
    request.flags = attr->prog_flags;
    request.insns.resize(attr->insn_cnt);
    TRY(caller.read(attr->insns, std::as_writable_bytes(std::span(request.insns))));
    const auto license = caller.read_string(attr->license, longest_license);
    if (license.code() == EFAULT) return license.error();
    request.gpl_compatible = license.ok() && is_gpl_compatible(license.value());
    request.bound_device = TRY(bound_device(kernel, caller, attr, target));
    if (find_prog_type(request.type) == nullptr && request.type != BPF_PROG_TYPE_EXT) {
        return fail(EINVAL, "the program type does not exist, or graft does not have it");
    }
    request.name = TRY(object_name(attr->prog_name));
    request.prog_btf_fd = static_cast<int32_t>(attr->prog_btf_fd);
    request.func_info =
        records(attr, attr->func_info, attr->func_info_cnt, attr->func_info_rec_size, offsetof(bpf_attr, func_info_rec_size));
    request.line_info =
        records(attr, attr->line_info, attr->line_info_cnt, attr->line_info_rec_size, offsetof(bpf_attr, line_info_rec_size));
    request.core_relos =
        records(attr, attr->core_relos, attr->core_relo_cnt, attr->core_relo_rec_size, offsetof(bpf_attr, core_relo_rec_size));
    request.fd_array = attr->fd_array;
    request.attach_btf_id = attr->attach_btf_id;
    request.caller = &caller;
    request.vmlinux = kernel.vmlinux_btf.get();
    return request;
}

Result<Ref<Program>> make_program(Kernel& kernel, Caller& caller, const VerifyRequest& request, std::array<uint8_t, 8> tag,
                                  VerifiedProgram code, const Ref<Program>& target) {
    ProgramFacts facts;
    facts.type = request.type;
    facts.expected_attach_type = request.expected_attach_type;
    facts.flags = request.flags;
    facts.name = request.name;
    facts.gpl_compatible = request.gpl_compatible;
    facts.tag = tag;
    facts.load_time = boot_time();
    facts.created_by_uid = caller.uid();
    facts.bound_device = request.bound_device;
    facts.btf = request.btf;
    facts.attach_btf_id = request.attach_btf_id;
    facts.target_type = code.attach.target_type;
    facts.target_expected_attach_type = code.attach.target_expected_attach_type;
    if (request.type == BPF_PROG_TYPE_TRACING && target && !code.attach.model.raw) {
        const Btf& btf = *target->facts().btf;
        facts.traced_prototype = uint64_t{btf.id()} << 32 | btf.type(request.attach_btf_id).type();
    }
    facts.traces_tracing = request.type == BPF_PROG_TYPE_TRACING && target && target->facts().type == BPF_PROG_TYPE_TRACING;
    TargetFunction primed;
    if (target) primed = {.program = target, .subprogram = code.attach.subprogram, .btf_id = request.attach_btf_id};
    std::unique_ptr<EngineCode> engine_code = TRY(kernel.engine.compile(code));
    Ref<Program> program = Program::make(std::move(facts), std::move(code), std::move(engine_code), std::move(primed), kernel.run_state);
    for (const Ref<Map>& map : program->code().maps) TRY(map->admit_user(program->tail_call_kind()));
    TRY(kernel.targets.link(*program));
    program->register_in(kernel.programs);
    return program;
}

// The verifier's verdict: its last line, but for the summary ("processed 7 insns ...").
std::string last_line(std::string_view log) {
    while (!log.empty()) {
        if (log.back() == '\n') log.remove_suffix(1);
        const size_t start = log.rfind('\n') + 1;
        const std::string_view line = log.substr(start);
        if (!line.empty() && !line.starts_with("processed ") && !line.starts_with("verification time ")) return std::string(line);
        log = log.substr(0, start);
    }
    return {};
}

}  // namespace

Result<Reply> prog_load(Kernel& kernel, Caller& caller, const Attr& attr) {
    if ((attr->prog_flags & ~known_flags) != 0) return fail(EINVAL, "prog_flags has an unknown flag");
    if ((attr->prog_flags & abi::f_token_fd) != 0) {
        TRY(caller.descriptor(attr.at<int32_t>(abi::prog_load_token_fd)));
        return fail(EINVAL, "prog_token_fd is no token");
    }
    if (attr->insn_cnt == 0 || attr->insn_cnt > abi::max_insns_privileged) return fail(E2BIG, "insn_cnt is 0 or more than 1,000,000");
    const Target target = TRY(find_target(caller, attr));
    TRY(require_attachable(attr->prog_type, attach_type_of(attr->prog_type, attr->expected_attach_type), attr->attach_btf_id, target));
    VerifyRequest request = TRY(decode(kernel, caller, attr, target.program.get()));
    const auto tag = program_tag(request.insns);
    TargetFacts facts;
    if (target.program) {
        facts = target_facts(*target.program);
        request.target = &facts;
    }
    const LogBuffer buffer{attr->log_level, attr->log_buf, attr->log_size, abi::prog_load_log_true_size};
    Log log = TRY(buffer.open());
    Result<VerifiedProgram> verified = verify_program(request, log);
    if (!verified.ok()) caller.set_explanation(last_line(log.text()));
    TRY(buffer.deliver(caller, attr, log));
    return Reply(TRY(make_program(kernel, caller, request, tag, TRY(std::move(verified)), target.program)));
}

}  // namespace graft::command
