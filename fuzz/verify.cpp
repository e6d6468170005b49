// Any bytes as a program.  Oracle: the verifier neither crashes nor depends on its log; what it accepts runs to its end in the interpreter,
// on a frame without a byte to spare, and touches no memory that is not its own (this is for address sanitizer to see).
//
// Bytes are taken as they are (first bit of the first byte) or bent into instructions that have a chance: existing opcodes and registers,
// jumps inside the program, helpers that exist, behind a prologue that gives them pointers to work with.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

#include "abi/kernel_types.h"
#include "base/rcu.h"
#include "image/target_registry.h"
#include "map/map_types.h"
#include "object/fake_caller.h"
#include "prog_type/prog_type.h"
#include "program/program.h"
#include "verify/before/before.h"
#include "verify/verify.h"

namespace {

using namespace graft;

void require(bool condition) {
    if (!condition) std::abort();
}

constexpr int array_fd = 3, hash_fd = 4, programs_fd = 5, frozen_fd = 6;
constexpr uint32_t value_size = 16;

// Bytes of the input, then zeros.
class Source {
public:
    explicit Source(std::span<const uint8_t> bytes) : bytes_(bytes) {}
    [[nodiscard]] bool empty() const { return bytes_.empty(); }
    uint8_t byte() {
        if (bytes_.empty()) return 0;
        const uint8_t value = bytes_.front();
        bytes_ = bytes_.subspan(1);
        return value;
    }
    template <class T>
    T take() {
        T value{};
        const size_t size = std::min(sizeof(T), bytes_.size());
        std::memcpy(&value, bytes_.data(), size);
        bytes_ = bytes_.subspan(size);
        return value;
    }

private:
    std::span<const uint8_t> bytes_;
};

// --- the world of the programs -----------------------------------------------------------------------------------------------------------

struct World {
    World() {
        // In the order of the descriptors.
        require(caller.add(make_map(spec(BPF_MAP_TYPE_ARRAY, value_size, 4))) == array_fd);
        require(caller.add(make_map(spec(BPF_MAP_TYPE_HASH, value_size, 4))) == hash_fd);
        require(caller.add(make_map(spec(BPF_MAP_TYPE_PROG_ARRAY, 4, 2))) == programs_fd);
        MapSpec constants = spec(BPF_MAP_TYPE_ARRAY, value_size, 1);
        constants.flags = BPF_F_RDONLY_PROG;
        const Ref<Map> frozen = make_map(constants);
        require(frozen->freeze(caller).ok());
        require(caller.add(frozen) == frozen_fd);
    }
    static MapSpec spec(uint32_t type, uint32_t size, uint32_t entries) {
        MapSpec spec;
        spec.type = type;
        spec.key_size = 4;
        spec.value_size = size;
        spec.max_entries = entries;
        return spec;
    }
    Ref<Map> make_map(MapSpec wanted) { return find_map_type(wanted.type)->create(wanted, environment).value(); }

    IdTable<Map> ids;
    MapEnvironment environment{ids, 4};
    FakeCaller caller;
    RunState run_state;
};

// --- instructions ------------------------------------------------------------------------------------------------------------------------

const std::vector<uint8_t>& opcodes() {
    static const std::vector<uint8_t> all = [] {
        std::vector<uint8_t> valid;
        for (int code = 0; code < 256; ++code) {
            const auto opcode = static_cast<uint8_t>(code);
            if (verify::valid_opcode(opcode) && BPF_CLASS(opcode) != BPF_LD) valid.push_back(opcode);
        }
        return valid;
    }();
    return all;
}

constexpr bpf_insn insn(int code, int dst, int src, int off, int imm) {
    bpf_insn made{};
    made.code = static_cast<uint8_t>(code);
    made.dst_reg = static_cast<uint8_t>(dst & 15);
    made.src_reg = static_cast<uint8_t>(src & 15);
    made.off = static_cast<int16_t>(off);
    made.imm = imm;
    return made;
}

void append_map(std::vector<bpf_insn>& insns, int dst, int fd, int src = BPF_PSEUDO_MAP_FD, int offset = 0) {
    insns.push_back(insn(BPF_LD | BPF_IMM | BPF_DW, dst, src, 0, fd));
    insns.push_back(insn(0, 0, 0, 0, offset));
}

// r6: context; r7, r8: the frame's bounds; r9: a value of the array, or the program has ended; r0..r5: numbers.
std::vector<bpf_insn> prologue(uint32_t type, uint8_t choice) {
    std::vector<bpf_insn> insns = {insn(BPF_ALU64 | BPF_MOV | BPF_X, 6, 1, 0, 0)};
    if (type == BPF_PROG_TYPE_XDP) {
        insns.push_back(insn(BPF_LDX | BPF_MEM | BPF_W, 7, 1, offsetof(xdp_md, data), 0));
        insns.push_back(insn(BPF_LDX | BPF_MEM | BPF_W, 8, 1, offsetof(xdp_md, data_end), 0));
        if ((choice & 1) != 0) {  // eight bytes of the frame are there, else the program ends
            insns.push_back(insn(BPF_ALU64 | BPF_MOV | BPF_X, 2, 7, 0, 0));
            insns.push_back(insn(BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, 8));
            insns.push_back(insn(BPF_JMP | BPF_JLE | BPF_X, 2, 8, 2, 0));
            insns.push_back(insn(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 1));
            insns.push_back(insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
        }
    }
    if ((choice & 2) != 0) {
        append_map(insns, 1, (choice & 4) != 0 ? hash_fd : array_fd);
        insns.push_back(insn(BPF_ST | BPF_MEM | BPF_W, 10, 0, -4, choice >> 6));
        insns.push_back(insn(BPF_ALU64 | BPF_MOV | BPF_X, 2, 10, 0, 0));
        insns.push_back(insn(BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, -4));
        insns.push_back(insn(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem));
        insns.push_back(insn(BPF_JMP | BPF_JNE | BPF_K, 0, 0, 1, 0));
        insns.push_back(insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
        insns.push_back(insn(BPF_ALU64 | BPF_MOV | BPF_X, 9, 0, 0, 0));
    } else if ((choice & 4) != 0) {
        append_map(insns, 9, array_fd, BPF_PSEUDO_MAP_VALUE, 8);
    }
    if ((choice & 8) != 0) insns.push_back(insn(BPF_ST | BPF_MEM | BPF_DW, 10, 0, -8, 1));
    if ((choice & 16) != 0) {  // an unknown number, and one from the frame's content
        insns.push_back(insn(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_get_prandom_u32));
        insns.push_back(insn(BPF_ALU64 | BPF_MOV | BPF_X, 3, 0, 0, 0));
    }
    return insns;
}

int32_t bent_immediate(int32_t raw) {
    constexpr int32_t interesting[] = {0,  1,  2,   3,   4,      7,      8,         15,        16, 31, 32,
                                       63, 64, 255, 256, 0x7fff, 0xffff, INT32_MAX, INT32_MIN, -1, -2, -8};
    const auto choice = static_cast<uint32_t>(raw) >> 24;
    return choice < std::size(interesting) ? interesting[choice] : choice < 0xc0 ? raw & 0xff : raw;
}

// Jumps mostly lead forward, and never out of the program.
int16_t bent_jump(int16_t raw, size_t index, size_t length) {
    const auto ahead = static_cast<int>(length - index - 1);
    if ((raw & 0x700) == 0x700) return static_cast<int16_t>(-(raw & 0xff) % (static_cast<int>(index) + 1));
    return static_cast<int16_t>(ahead <= 0 ? 0 : (raw & 0xff) % ahead);
}

void append_bent(std::vector<bpf_insn>& insns, bpf_insn raw, size_t length) {
    const uint8_t kind = raw.code;
    const auto& codes = opcodes();
    if (kind >= 250) {
        constexpr int fds[] = {array_fd, hash_fd, programs_fd, frozen_fd};
        const bool value = (raw.imm & 4) != 0;
        append_map(insns, raw.dst_reg % 10, fds[raw.imm & 3], value ? BPF_PSEUDO_MAP_VALUE : BPF_PSEUDO_MAP_FD, value ? raw.off & 15 : 0);
        return;
    }
    if (kind >= 240) {
        const auto helpers = graft::helpers();
        const Helper* helper = helpers[static_cast<uint16_t>(raw.off) % helpers.size()];
        insns.push_back(insn(BPF_JMP | BPF_CALL, 0, 0, 0, static_cast<int>(helper->id)));
        return;
    }
    bpf_insn bent = raw;
    bent.code = codes[kind % codes.size()];
    bent.dst_reg = static_cast<uint8_t>(raw.dst_reg % 11) & 15;
    bent.src_reg = static_cast<uint8_t>(raw.src_reg % 11) & 15;
    bent.imm = bent_immediate(raw.imm);
    switch (BPF_CLASS(bent.code)) {
        case BPF_ALU:
        case BPF_ALU64:
            bent.off = 0;
            if (BPF_SRC(bent.code) == BPF_X) bent.imm = 0;
            if (BPF_SRC(bent.code) == BPF_K) bent.src_reg = 0;
            break;
        case BPF_JMP:
        case BPF_JMP32:
            bent.off = bent_jump(raw.off, insns.size(), length);
            if (BPF_SRC(bent.code) == BPF_X) bent.imm = 0;
            if (BPF_SRC(bent.code) == BPF_K) bent.src_reg = 0;
            if (bent.code == (BPF_JMP32 | BPF_JA)) bent.imm = bent.off, bent.off = 0;
            if (BPF_OP(bent.code) == BPF_CALL) bent.src_reg = BPF_PSEUDO_CALL, bent.imm = bent.off, bent.off = 0;
            if (BPF_OP(bent.code) <= BPF_JA || BPF_OP(bent.code) == BPF_CALL || BPF_OP(bent.code) == BPF_EXIT) bent.dst_reg = 0;
            break;
        default: {
            constexpr uint8_t stack_pointer = 10;
            const int off = raw.off & 0x1f;
            bent.off = static_cast<int16_t>((bent.dst_reg == stack_pointer || bent.src_reg == stack_pointer) ? -off - 1 : off);
            if ((raw.off & 0x100) == 0) bent.off = static_cast<int16_t>(bent.off & ~7);
            constexpr int32_t atomics[] = {BPF_ADD, BPF_OR, BPF_AND, BPF_XOR, BPF_ADD | BPF_FETCH, BPF_XCHG, BPF_CMPXCHG};
            if (BPF_CLASS(bent.code) == BPF_LDX) bent.imm = 0;
            if (BPF_CLASS(bent.code) == BPF_STX) {
                bent.imm = BPF_MODE(bent.code) == BPF_ATOMIC ? atomics[static_cast<uint32_t>(raw.imm) % std::size(atomics)] : 0;
            }
            if (BPF_CLASS(bent.code) == BPF_ST) bent.src_reg = 0;
        }
    }
    insns.push_back(bent);
}

std::vector<bpf_insn> program_of(Source& in, uint32_t type, bool bent) {
    constexpr size_t longest = 96;
    std::vector<bpf_insn> insns;
    if (bent) insns = prologue(type, in.byte());
    std::vector<bpf_insn> raw;
    while (!in.empty() && raw.size() < longest) raw.push_back(in.take<bpf_insn>());
    if (!bent) return raw;
    const size_t length = insns.size() + raw.size();
    for (const bpf_insn& one : raw) append_bent(insns, one, length);
    insns.push_back(insn(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 2));
    insns.push_back(insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
    return insns;
}

// --- verify and run ----------------------------------------------------------------------------------------------------------------------

Result<VerifiedProgram> verified(World& world, uint32_t type, const std::vector<bpf_insn>& insns, Log& log) {
    VerifyRequest request;
    request.type = type;
    request.expected_attach_type = type == BPF_PROG_TYPE_CGROUP_SOCK ? uint32_t{BPF_CGROUP_INET_SOCK_CREATE} : 0;
    request.gpl_compatible = true;
    request.insns = insns;
    request.caller = &world.caller;
    world.caller.dies_after_polls = 50;  // about as many thousands of instructions; the rest of a million teaches no more
    return verify_program(request, log);
}

// A frame whose first byte and last byte are those of an allocation.
void run_on_frame(const Program& program, size_t length) {
    std::vector<unsigned char> frame(length, 0x55);
    frame.shrink_to_fit();
    abi::net_device device{};
    device.ifindex = 1;
    abi::xdp_rxq_info rxq{&device, 0, 0};
    abi::xdp_buff buff{};
    buff.data = buff.data_hard_start = frame.data();
    buff.data_end = frame.data() + length;
    buff.data_meta = frame.data() + 1;  // none
    buff.rxq = &rxq;
    buff.frame_sz = static_cast<uint32_t>(length);
    RunContext context;
    const RunScope scope(context);
    const rcu::ReadGuard guard;
    (void)graft::run(program, &buff, context);
}

void run(World& world, VerifiedProgram code) {
    auto compiled = interpreter().compile(code);
    require(compiled.ok());
    ProgramFacts facts;
    facts.type = BPF_PROG_TYPE_XDP;
    TargetRegistry targets{interpreter(), world.run_state};
    const Ref<Program> program = Program::make(std::move(facts), std::move(code), std::move(compiled).value(), {}, world.run_state);
    require(targets.link(*program).ok());
    for (const size_t length : {14U, 60U}) run_on_frame(*program, length);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    constexpr uint32_t types[] = {BPF_PROG_TYPE_XDP,           BPF_PROG_TYPE_XDP,         BPF_PROG_TYPE_SCHED_CLS,
                                  BPF_PROG_TYPE_SOCKET_FILTER, BPF_PROG_TYPE_CGROUP_SOCK, BPF_PROG_TYPE_KPROBE};
    if (size < 2) return 0;
    Source in({data, size});
    const uint8_t mode = in.byte();
    const uint32_t type = types[(mode >> 3) % std::size(types)];
    static World world;  // once: what programs leave in its maps does not matter to the verifier
    const std::vector<bpf_insn> insns = program_of(in, type, (mode & 1) != 0);
    if (insns.empty()) return 0;

    Log silent;
    Result<VerifiedProgram> quiet = verified(world, type, insns, silent);
    Log log((mode & 2) != 0 ? Log::level2 : Log::level1, 1 << 16);
    const Result<VerifiedProgram> logged = verified(world, type, insns, log);
    require(quiet.code() == logged.code());
    if (!quiet.ok()) return 0;
    require(quiet->insns.size() == logged->insns.size());
    if (type == BPF_PROG_TYPE_XDP) run(world, std::move(quiet).value());
    return 0;
}
