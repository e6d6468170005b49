// bpf_prog_info.  The client says how many elements of each array it has room for, and is told how many there are.
//
// unlike Linux: a program counts as JITed, but its machine code is not shown: jited_prog_insns becomes 0, as for a client that may not see
// it.

#include <vector>

#include "program/dump.h"
#include "program/tag.h"
#include "syscall/info.h"

namespace graft {
namespace {

// The record sizes that a client states must be this kernel's; where it states none it must not ask for records.
Result<void> check_record_size(uint32_t count, uint32_t& record_size, uint32_t known) {
    if ((count != 0 || record_size != 0) && record_size != known) return fail(EINVAL, "the size of a record is not this kernel's");
    record_size = known;
    return {};
}

// `count`: in, the client's room; out, how many there are.
template <class T>
Result<void> write_array(Caller& caller, uint64_t address, uint32_t& count, const std::vector<T>& all) {
    const size_t room = std::min<size_t>(count, all.size());
    count = static_cast<uint32_t>(all.size());
    if (room == 0) return {};
    return caller.write(address, std::as_bytes(std::span(all).first(room)));
}

Result<void> write_instructions(Caller& caller, bpf_prog_info& info, const Program& program) {
    const std::vector<bpf_insn> insns = dump_instructions(program);
    const Bytes bytes = std::as_bytes(std::span(insns));
    const size_t room = std::min<size_t>(info.xlated_prog_len, bytes.size());
    info.xlated_prog_len = static_cast<uint32_t>(bytes.size());
    if (room != 0) TRY(caller.write(info.xlated_prog_insns, bytes.first(room)));
    if (info.jited_prog_len != 0) info.jited_prog_insns = 0;
    return {};
}

Result<void> write_functions(Caller& caller, bpf_prog_info& info, const Program& program) {
    const VerifiedProgram& code = program.code();
    std::vector<uint64_t> addresses;
    std::vector<uint32_t> lengths;
    std::vector<std::array<uint8_t, 8>> tags;
    uint32_t total = 0;
    for (uint32_t i = 0; i < code.subprograms.size(); ++i) {
        const Subprogram& function = code.subprograms[i];
        if (function.is_hidden) continue;
        addresses.push_back(program.function_address(i));
        lengths.push_back(program.engine_code().size_of(function));
        tags.push_back(i == 0 ? program.facts().tag : program_tag(std::span(code.insns).subspan(function.start, function.length)));
        total += lengths.back();
    }
    info.jited_prog_len = total;
    TRY(write_array(caller, info.jited_ksyms, info.nr_jited_ksyms, addresses));
    TRY(write_array(caller, info.jited_func_lens, info.nr_jited_func_lens, lengths));
    return write_array(caller, info.prog_tags, info.nr_prog_tags, tags);
}

Result<void> write_debug_info(Caller& caller, bpf_prog_info& info, const VerifiedProgram& code) {
    TRY(write_array(caller, info.func_info, info.nr_func_info, code.func_info));
    TRY(write_array(caller, info.line_info, info.nr_line_info, code.line_info));
    return write_array(caller, info.jited_line_info, info.nr_jited_line_info, std::vector<uint64_t>());
}

Result<void> write_map_ids(Caller& caller, bpf_prog_info& info, const Program& program) {
    std::vector<uint32_t> ids;
    for (const Ref<Map>& map : program.maps()) ids.push_back(map->id());
    return write_array(caller, info.map_ids, info.nr_map_ids, ids);
}

void fill_facts(bpf_prog_info& info, Program& program) {
    const ProgramFacts& facts = program.facts();
    info.type = facts.type;
    info.id = program.id();
    std::memcpy(info.tag, facts.tag.data(), sizeof info.tag);
    info.load_time = facts.load_time;
    info.created_by_uid = facts.created_by_uid;
    info.gpl_compatible = facts.gpl_compatible ? 1 : 0;
    std::memset(info.name, 0, sizeof info.name);
    std::memcpy(info.name, facts.name.data(), std::min(facts.name.size(), sizeof info.name - 1));
    info.btf_id = facts.btf ? facts.btf->id() : 0;
    info.attach_btf_id = facts.attach_btf_id;
    {
        const std::lock_guard guard(program.target_lock);
        info.attach_btf_obj_id = program.primed.program ? program.primed.program->facts().btf->id() : 0;
    }
    info.verified_insns = program.code().verified_insns;
    info.run_time_ns = program.run_time_ns.load(std::memory_order_relaxed);
    info.run_cnt = program.run_count.load(std::memory_order_relaxed);
    info.recursion_misses = program.recursion_misses.load(std::memory_order_relaxed);
}

}  // namespace

Result<void> prog_info(Caller& caller, const Attr& attr, Program& program) {
    auto info = TRY(read_info<bpf_prog_info>(caller, attr));
    fill_facts(info, program);
    TRY(write_map_ids(caller, info, program));
    TRY(check_record_size(info.nr_func_info, info.func_info_rec_size, sizeof(bpf_func_info)));
    TRY(check_record_size(info.nr_line_info, info.line_info_rec_size, sizeof(bpf_line_info)));
    TRY(check_record_size(info.nr_jited_line_info, info.jited_line_info_rec_size, sizeof(uint64_t)));
    TRY(write_instructions(caller, info, program));
    TRY(write_functions(caller, info, program));
    TRY(write_debug_info(caller, info, program.code()));
    return write_info(caller, attr, info);
}

}  // namespace graft
