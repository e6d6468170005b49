// adopt(): an edit's instructions into Env, with everything that is numbered by instruction.
#include <algorithm>

#include "verify/after/editor.h"
#include "verify/after/rewrite.h"

namespace graft::verify {
namespace {

// Functions none of whose instructions stays.
std::vector<bool> find_deleted_functions(const Env& env, const std::vector<uint32_t>& moved) {
    std::vector<bool> deleted(env.function_count());
    for (uint32_t i = 0; i < env.function_count(); ++i) deleted[i] = moved[env.functions[i].start] == moved[env.functions[i + 1].start];
    return deleted;
}

template <class T>
void erase_marked(std::vector<T>& items, const std::vector<bool>& marked) {
    size_t kept = 0;
    for (size_t i = 0; i < items.size(); ++i) {
        if (i < marked.size() && marked[i]) continue;
        if (kept != i) items[kept] = std::move(items[i]);
        ++kept;
    }
    items.resize(kept);
}

// A line whose instruction went is that of the next one that stays, unless that has a line of its own.
void move_lines(Env& env, const std::vector<uint32_t>& moved) {
    const auto length = moved.back();
    std::vector<bpf_line_info> lines;
    for (const bpf_line_info& line : env.line_info) {
        const uint32_t insn = moved[line.insn_off];
        if (insn == length) continue;
        if (!lines.empty() && lines.back().insn_off == insn) lines.pop_back();
        lines.push_back(line);
        lines.back().insn_off = insn;
    }
    env.line_info = std::move(lines);
    // Each function's first line is the one at its start.
    for (Function& function : env.functions) {
        const auto first = std::lower_bound(env.line_info.begin(), env.line_info.end(), function.start,
                                            [](const bpf_line_info& line, uint32_t start) { return line.insn_off < start; });
        function.line_info = static_cast<uint32_t>(first - env.line_info.begin());
    }
}

}  // namespace

void adopt(Env& env, Edited edited) {
    const std::vector<bool> deleted = find_deleted_functions(env, edited.moved);
    erase_marked(env.functions, deleted);
    erase_marked(env.func_info, deleted);
    const auto catches = std::ranges::find_if(env.functions, &Function::is_exception_callback);
    if (catches != env.functions.end()) env.exception_callback = static_cast<uint32_t>(catches - env.functions.begin());
    for (Function& function : env.functions) function.start = edited.moved[function.start];
    for (uint32_t i = 0; i < env.func_info.size(); ++i) env.func_info[i].insn_off = env.functions[i].start;

    std::vector<InsnFacts> facts;
    facts.reserve(edited.insns.size());
    for (const uint32_t old : edited.origin) facts.push_back(env.facts[old]);
    env.facts = std::move(facts);
    env.insns = std::move(edited.insns);
    move_lines(env, edited.moved);
}

}  // namespace graft::verify
