#include "verify/after/rewrite.h"

#include <algorithm>

#include "map/map.h"
#include "verify/after/layout.h"

namespace graft::verify {
namespace {

bool is_conditional(const bpf_insn& insn) {
    const uint8_t cls = BPF_CLASS(insn.code), op = BPF_OP(insn.code);
    return (cls == BPF_JMP || cls == BPF_JMP32) && op != BPF_JA && op != BPF_CALL && op != BPF_EXIT;
}

bool is_goto(const bpf_insn& insn) {
    return BPF_OP(insn.code) == BPF_JA && (BPF_CLASS(insn.code) == BPF_JMP || BPF_CLASS(insn.code) == BPF_JMP32);
}

// Applies a layout to the instructions and to everything that counts them.
void relayout(Env& env, const Layout& layout) {
    Layout::Result result = layout.apply();
    const std::vector<uint32_t>& position = result.position;

    std::vector<InsnFacts> facts(result.insns.size());
    for (size_t i = 0; i < env.insns.size(); ++i) {
        if (!result.removed[i]) facts[position[i]] = std::move(env.facts[i]);
    }
    // A function with no instruction left is gone, with its func_info.
    std::vector<Function> functions;
    std::vector<bpf_func_info> func_info;
    for (uint32_t n = 0; n < env.function_count(); ++n) {
        const uint32_t start = position[env.functions[n].start], end = position[env.functions[n + 1].start];
        if (start == end) continue;
        env.functions[n].start = start;
        if (n < env.func_info.size()) {
            env.func_info[n].insn_off = start;
            func_info.push_back(env.func_info[n]);
        }
        functions.push_back(std::move(env.functions[n]));
    }
    Function sentinel;
    sentinel.start = static_cast<uint32_t>(result.insns.size());
    functions.push_back(std::move(sentinel));

    std::vector<bpf_line_info> lines;
    for (bpf_line_info line : env.line_info) {
        line.insn_off = position[line.insn_off];
        if (line.insn_off >= result.insns.size()) break;
        if (!lines.empty() && lines.back().insn_off == line.insn_off) {
            lines.back() = line;  // of several that were removed, the nearest
        } else {
            lines.push_back(line);
        }
    }
    env.insns = std::move(result.insns);
    env.facts = std::move(facts);
    env.functions = std::move(functions);
    env.func_info = std::move(func_info);
    env.line_info = std::move(lines);
}

// A branch that is always, or never, taken becomes a goto; then what was never reached goes.
void remove_dead_code(Env& env) {
    const auto seen = [&](int64_t index) {
        return index >= 0 && index < static_cast<int64_t>(env.facts.size()) && env.facts[static_cast<size_t>(index)].seen;
    };
    for (size_t i = 0; i < env.insns.size(); ++i) {
        bpf_insn& insn = env.insns[i];
        if (!env.facts[i].seen || !is_conditional(insn)) continue;
        const auto next = static_cast<int64_t>(i) + 1;
        const bool never_falls = !seen(next), never_jumps = !seen(next + insn.off);
        if (never_falls || never_jumps) insn = {BPF_JMP | BPF_JA, 0, 0, never_falls ? insn.off : int16_t{0}, 0};
    }
    Layout layout(env.insns);
    for (uint32_t i = 0; i < env.insns.size(); ++i) {
        if (!env.facts[i].seen) layout.replace(i, {});
    }
    relayout(env, layout);
}

void remove_nops(Env& env) {
    Layout layout(env.insns);
    for (uint32_t i = 0; i < env.insns.size(); ++i) {
        const bpf_insn& insn = env.insns[i];
        if (is_goto(insn) && (BPF_CLASS(insn.code) == BPF_JMP ? insn.off : insn.imm) == 0) layout.replace(i, {});
    }
    relayout(env, layout);
}

constexpr uint8_t size_code(uint32_t bytes) { return bytes == 1 ? BPF_B : bytes == 2 ? BPF_H : bytes == 4 ? BPF_W : BPF_DW; }
constexpr uint32_t bytes_of_code(uint8_t code) {
    return BPF_SIZE(code) == BPF_B ? 1 : BPF_SIZE(code) == BPF_H ? 2 : BPF_SIZE(code) == BPF_W ? 4 : 8;
}

// The field a narrow load lies in is loaded whole; then the wanted bytes are taken out of it.
std::vector<bpf_insn> convert(Env& env, const bpf_insn& insn) {
    const bool load = BPF_CLASS(insn.code) == BPF_LDX;
    const uint32_t size = bytes_of_code(insn.code);
    const auto field = env.type->ctx_access(static_cast<uint32_t>(insn.off), size, !load, env.request.expected_attach_type);
    const uint32_t whole = field && field->field_size > size && load ? field->field_size : size;
    bpf_insn access = insn;
    const auto inside = static_cast<uint32_t>(insn.off) & (whole - 1);
    access.off = static_cast<int16_t>(insn.off - static_cast<int32_t>(inside));
    access.code = static_cast<uint8_t>(BPF_CLASS(insn.code) | BPF_MEM | size_code(whole));
    std::vector<bpf_insn> code = env.type->convert_ctx_access(access);
    if (whole > size) {
        const uint8_t cls = whole <= 4 ? BPF_ALU : BPF_ALU64;
        if (inside != 0)
            code.push_back({static_cast<uint8_t>(cls | BPF_RSH | BPF_K), insn.dst_reg, 0, 0, static_cast<int32_t>(inside * 8)});
        if (size < 4) {
            code.push_back({BPF_ALU | BPF_AND | BPF_K, insn.dst_reg, 0, 0, static_cast<int32_t>((1U << size * 8) - 1)});
        } else {
            code.push_back({BPF_ALU | BPF_MOV | BPF_X, insn.dst_reg, insn.dst_reg, 0, 0});
        }
    }
    if (BPF_MODE(insn.code) == abi::memsx) {
        code.push_back({BPF_ALU64 | BPF_MOV | BPF_X, insn.dst_reg, insn.dst_reg, static_cast<int16_t>(size * 8), 0});
    }
    return code;
}

Result<void> convert_ctx_accesses(Env& env) {
    if (env.type->convert_ctx_access == nullptr) return {};
    Layout layout(env.insns);
    for (uint32_t i = 0; i < env.insns.size(); ++i) {
        if (env.facts[i].pointer != PointerUse::ctx) continue;
        std::vector<bpf_insn> code = convert(env, env.insns[i]);
        if (code.empty()) return env.reject(EINVAL, "bpf verifier is misconfigured: context access at insn {} has no conversion", i);
        layout.replace(i, std::move(code));
    }
    relayout(env, layout);
    return {};
}

Result<void> bind_references(Env& env) {
    for (uint32_t i = 0; i < env.insns.size(); ++i) {
        bpf_insn& insn = env.insns[i];
        if (insn.code == (BPF_JMP | BPF_CALL) && insn.src_reg == BPF_PSEUDO_CALL) {
            insn.off = static_cast<int16_t>(env.function_at(i + 1 + static_cast<uint32_t>(insn.imm)));
        }
        if (insn.code != (BPF_LD | BPF_IMM | BPF_DW)) continue;
        uint64_t address = 0;
        switch (insn.src_reg) {
            case BPF_PSEUDO_MAP_FD:
            case BPF_PSEUDO_MAP_IDX:
                address = reinterpret_cast<uint64_t>(env.maps[static_cast<size_t>(env.facts[i].map)].get());
                break;
            case BPF_PSEUDO_MAP_VALUE:
            case BPF_PSEUDO_MAP_IDX_VALUE:
                address = reinterpret_cast<uint64_t>(
                    TRY(env.maps[static_cast<size_t>(env.facts[i].map)]->direct_value(env.facts[i].map_value_offset)));
                break;
            case BPF_PSEUDO_FUNC:
                address = static_cast<uint64_t>(env.function_at(i + 1 + static_cast<uint32_t>(insn.imm)));
                break;
            default:
                ++i;
                continue;
        }
        insn.imm = static_cast<int32_t>(address);
        env.insns[++i].imm = static_cast<int32_t>(address >> 32);
    }
    return {};
}

Subprogram finished(const Env& env, uint32_t number) {
    const Function& function = env.functions[number];
    Subprogram done;
    done.start = function.start;
    done.length = env.functions[number + 1].start - function.start;
    done.stack_depth = function.stack_depth;
    done.btf_func_id = function.btf_func_id;
    done.name = function.name;
    done.is_global = function.is_global;
    done.unreliable = function.unreliable;
    done.changes_packet = function.changes_packet;
    done.might_sleep = function.might_sleep;
    done.has_tail_call = function.has_tail_call;
    done.tail_call_reachable = function.tail_call_reachable;
    done.is_callback = function.is_callback;
    return done;
}

}  // namespace

Result<VerifiedProgram> rewrite(Env& env) {
    remove_dead_code(env);
    remove_nops(env);
    TRY(convert_ctx_accesses(env));
    TRY(bind_references(env));
    VerifiedProgram program;
    for (uint32_t number = 0; number < env.function_count(); ++number) program.subprograms.push_back(finished(env, number));
    program.insns = std::move(env.insns);
    program.maps = std::move(env.maps);
    program.func_info = std::move(env.func_info);
    program.line_info = std::move(env.line_info);
    program.attach = std::move(env.attach);
    return program;
}

}  // namespace graft::verify
