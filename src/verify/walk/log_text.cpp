#include "verify/walk/log_text.h"

#include <algorithm>

#include "helper/helper.h"
#include "isa/disasm.h"

namespace graft::verify {
namespace {

constexpr uint64_t comment_column = 40, column_step = 8;

// Spaces up to the column where "; R0=..." stands.
uint64_t padding(uint64_t column) {
    const uint64_t at = std::max(column + column_step / 2, comment_column);
    return (at + column_step - 1) / column_step * column_step - column - 1;
}

std::string_view trim_left(std::string_view text) {
    const size_t start = text.find_first_not_of(" \t");
    return start == std::string_view::npos ? std::string_view{} : text.substr(start);
}

}  // namespace

std::string insn_text(const Env& env, uint32_t insn) {
    const DisasmNames names{.call =
                                [&env](const bpf_insn& call) {
                                    if (call.src_reg == BPF_PSEUDO_KFUNC_CALL) {
                                        const auto kfunc = env.request.vmlinux->find_type(static_cast<uint32_t>(call.imm));
                                        return std::string(kfunc && kfunc->is(BTF_KIND_FUNC) ? kfunc->name() : "unknown");
                                    }
                                    const char* name = helper_name(static_cast<uint32_t>(call.imm));
                                    return std::string(name == nullptr ? "unknown" : name);
                                },
                            // Addresses of graft are nobody's business: a map's is shown as Linux shows it to an unprivileged user.
                            .imm64 = [](const bpf_insn& low, const bpf_insn& high) -> std::string {
                                if (low.src_reg != 0 && low.src_reg != BPF_PSEUDO_FUNC) return "0x0";
                                return fmt::format("0x{:x}",
                                                   static_cast<uint32_t>(low.imm) | uint64_t{static_cast<uint32_t>(high.imm)} << 32);
                            }};
    return disassemble(std::span(env.insns).subspan(insn), names) + "\n";
}

void print_line_info(Walk& walk, uint32_t insn) {
    const Env& env = walk.env;
    if (env.line_info.empty() || !env.request.btf) return;
    // The last record at or before the instruction.
    const auto after = std::upper_bound(env.line_info.begin(), env.line_info.end(), insn,
                                        [](uint32_t index, const bpf_line_info& line) { return index < line.insn_off; });
    if (after == env.line_info.begin()) return;
    const bpf_line_info& line = *(after - 1);
    const auto same_line = [&](const bpf_line_info& other) {
        return other.file_name_off == line.file_name_off && other.line_off == line.line_off && other.line_col >> 10 == line.line_col >> 10;
    };
    const auto number = static_cast<uint32_t>(after - env.line_info.begin());  // one more than its index
    if (walk.counts.printed_line != 0 && same_line(env.line_info[walk.counts.printed_line - 1])) return;
    walk.counts.printed_line = number;
    std::string_view file = env.request.btf->name(line.file_name_off);
    if (const size_t slash = file.rfind('/'); slash != std::string_view::npos) file.remove_prefix(slash + 1);
    walk.env.log.print("; {} @ {}:{}\n", trim_left(env.request.btf->name(line.line_off)), file, line.line_col >> 10);
}

void print_touched(Walk& walk) {
    Log& log = walk.env.log;
    const std::string text = describe(walk.state.frame(), false, walk.touched, walk.touched_slots);
    if (walk.insn_log_end != 0 && walk.insn_log_end == log.mark()) {
        log.rewind(log.mark() - 1);  // the line's end
        log.print("{:>{}};{}\n", "", padding(walk.insn_log_column), text);
    } else {
        log.print("{}:{}\n", walk.insn, text);
    }
    walk.touched = 0;
    walk.touched_slots = 0;
}

void print_insn(Walk& walk) {
    Log& log = walk.env.log;
    if (walk.touched != 0 || walk.touched_slots != 0) print_touched(walk);
    print_line_info(walk, walk.insn);
    const uint64_t start = log.mark();
    log.print("{}: {}", walk.insn, insn_text(walk.env, walk.insn));
    walk.insn_log_column = log.mark() - start;
    walk.insn_log_end = log.mark();
}

void print_path_start(Walk& walk) {
    walk.env.log.print("\nfrom {} to {}:{}\n", static_cast<int32_t>(walk.previous), walk.insn, describe(walk.state.frame(), true, 0, 0));
    walk.print_all = false;
}

}  // namespace graft::verify
