// One program of a *.test file and what the verifier must say about it.
//
// A file is a sequence of cases.  A case: a line "== title", header lines "key: value", then the program, in the language of
// isa/assemble.h.
//
//   type: xdp                         as libbpf names it; attach: xdp_devmap (expected_attach_type, by number or libbpf's name)
//   license: none                     (GPL when absent)
//   flags: 0x8                        prog_flags
//   map: NAME TYPE key=4 value=8 entries=1 [flags=N] [value_type=struct pair] [frozen] [inner=NAME]
//   struct: pair { int a; u64 b; }    and functions with declarations ("global int main(struct xdp_md *ctx):") give the program BTF
//   btf: no                           none of it is loaded
//   func_info: 0 main, 3 f            instead of what the declarations give: instruction and function (or type id)
//   line_info: auto | 0 2 5 | 0/1/2/3 records for every instruction, or for these; /file_name_off/line_off/line_col spoil one
//   func_info_rec_size, line_info_rec_size, core_relo_rec_size, func_info_cnt, line_info_cnt, core_relo_cnt, *_tail: N
//   extends: TITLE FUNCTION           the case (of the same file) whose function this EXT program replaces
//   fd_array: NAME NAME               descriptors of maps, for ld_imm64 by index
//   log_level: 2                      (1 when absent)
//   error: EINVAL                     refused with that errno; error: EINVAL: MESSAGE also names a line of the log
//   log: LINE                         a line of the log; any number of them, in this order
//   no_log: LINE                      a line that must not be there
//   run: 2 HEXBYTES                   accepted, and TEST_RUN with these bytes returns 2
//   on_graft: EINVAL: MESSAGE         unlike Linux, graft refuses with that; or on_graft: accept
//
// On a line of the program "; EINVAL: MESSAGE" says the same as "error:".  A case without either must be accepted.  A log line is
// compared as a whole; "*" in the expectation stands for any text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "isa/assemble.h"
#include "support/btf_text.h"

namespace graft::test {

struct MapDeclaration {
    std::string name;
    uint32_t type = 0, key_size = 0, value_size = 0, max_entries = 0, flags = 0;
    uint32_t key_type = 0, value_type = 0;  // in the case's BTF
    bool frozen = false;
    std::string inner;
};

// func_info, line_info or core_relo, as bytes.
struct Records {
    std::vector<uint32_t> words;
    uint32_t record_size = 0;
    uint32_t count = 0;
};

// What graft answers where it differs from Linux.
struct Deviation {
    int error = 0;
    std::vector<std::string> log_lines;
};

struct TestCase {
    std::string title;
    std::string source;  // file:line
    uint32_t type = 0, expected_attach_type = 0, flags = 0, log_level = 1;
    std::string license = "GPL";
    std::vector<MapDeclaration> maps;
    std::vector<std::string> fd_array;
    Assembly program;
    std::vector<std::byte> btf;  // empty: none
    std::vector<std::pair<std::string, uint32_t>> function_ids;
    Records func_info, line_info, core_relos;
    std::string extends_case, extends_function;

    int error = 0;  // 0: to be accepted
    std::vector<std::string> log_lines, absent_lines;
    std::optional<Deviation> on_graft;
    struct Run {
        uint32_t returns = 0;
        std::vector<std::byte> data;
    };
    std::vector<Run> runs;
};

// Throws std::runtime_error that names file and line: a malformed test is a failed run.
[[nodiscard]] std::vector<TestCase> read_test_file(const std::string& path);

// Does the text of a log have these lines, in this order?  Returns the first that is missing, or an empty string.
[[nodiscard]] std::string missing_line(const std::string& log, const std::vector<std::string>& lines);
[[nodiscard]] bool line_matches(std::string_view line, std::string_view expected);

// "EINVAL" for 22; "ENOTSUPP" for 524.
[[nodiscard]] std::string errno_name(int error);

}  // namespace graft::test
