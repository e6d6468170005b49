#include "support/test_case.h"

#include <bpf/libbpf.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <sstream>
#include <stdexcept>

#include "abi/bpf.h"

namespace graft::test {
namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

std::string trimmed(std::string_view text) {
    const size_t start = text.find_first_not_of(" \t\r");
    if (start == std::string_view::npos) return {};
    return std::string(text.substr(start, text.find_last_not_of(" \t\r") - start + 1));
}

std::vector<std::string> words_of(const std::string& text, char separator = ' ') {
    std::vector<std::string> words;
    std::istringstream in(text);
    for (std::string word; std::getline(in, word, separator);) {
        if (!trimmed(word).empty()) words.push_back(trimmed(word));
    }
    return words;
}

std::optional<uint32_t> number_of(const std::string& text) {
    char* end = nullptr;
    const unsigned long value = std::strtoul(text.c_str(), &end, 0);
    if (text.empty() || *end != '\0') return std::nullopt;
    return static_cast<uint32_t>(value);
}

// A name that libbpf gives to a number of an enum, or the number itself.
template <class Enum>
std::optional<uint32_t> enum_value(const std::string& text, uint32_t end, const char* (*name)(Enum)) {
    for (uint32_t value = 0; value < end; ++value) {
        const char* known = name(static_cast<Enum>(value));
        if (known != nullptr && text == known) return value;
    }
    return number_of(text);
}

int errno_of(const std::string& name) {
    for (int error = 1; error < 600; ++error) {
        if (errno_name(error) == name) return error;
    }
    return 0;
}

std::optional<uint32_t> helper_number(std::string_view name) {
    static const std::map<std::string, uint32_t, std::less<>> helpers = {
#define GRAFT_HELPER(helper) {"bpf_" #helper, BPF_FUNC_##helper}
        __BPF_FUNC_MAPPER(GRAFT_HELPER)
#undef GRAFT_HELPER
    };
    const auto it = helpers.find(name);
    if (it == helpers.end()) return std::nullopt;
    return it->second;
}

// "EINVAL: text" or "EINVAL".
template <class Expectation>
bool parse_error(const std::string& text, Expectation& expected) {
    const size_t colon = text.find(':');
    const int error = errno_of(trimmed(text.substr(0, colon)));
    if (error == 0) return false;
    expected.error = error;
    if (colon != std::string::npos) expected.log_lines.push_back(trimmed(text.substr(colon + 1)));
    return true;
}

class CaseReader {
public:
    explicit CaseReader(std::string source) { test_.source = std::move(source); }
    TestCase read(const std::string& title, const Headers& headers, const std::string& program);

private:
    [[noreturn]] void malformed(const std::string& why) const { throw std::runtime_error(test_.source + ": " + why); }
    uint32_t need(std::optional<uint32_t> value, const std::string& text) const {
        if (!value) malformed("what is \"" + text + "\"?");
        return *value;
    }
    void header(const std::string& key, const std::string& value);
    void map(const std::string& text);
    void run(const std::string& text);
    void debug_info();
    void line_info(const std::string& text);
    void records(Records& records, const std::string& prefix, uint32_t minimum);

    TestCase test_;
    BtfText btf_;
    std::map<std::string, std::string> later_;  // headers that need the program
};

void CaseReader::map(const std::string& text) {
    const auto words = words_of(text);
    if (words.size() < 2) malformed("map: NAME TYPE ...");
    MapDeclaration map;
    map.name = words[0];
    map.type = need(enum_value<bpf_map_type>(words[1], 64, libbpf_bpf_map_type_str), words[1]);
    for (size_t i = 2; i < words.size(); ++i) {
        const size_t equals = words[i].find('=');
        const std::string key = words[i].substr(0, equals);
        std::string value = equals == std::string::npos ? std::string() : words[i].substr(equals + 1);
        if (key == "frozen") {
            map.frozen = true;
        } else if (key == "inner") {
            map.inner = value;
        } else if (key == "value_type" || key == "key_type") {
            if (value == "struct" && i + 1 < words.size()) value += " " + words[++i];
            (key == "value_type" ? map.value_type : map.key_type) = btf_.type_id(value);
            if (key == "value_type" && map.value_size == 0) map.value_size = btf_.size_of(map.value_type);
        } else {
            uint32_t* field = key == "key"       ? &map.key_size
                              : key == "value"   ? &map.value_size
                              : key == "entries" ? &map.max_entries
                              : key == "flags"   ? &map.flags
                                                 : nullptr;
            if (field == nullptr) malformed("map: what is \"" + words[i] + "\"?");
            *field = need(number_of(value), value);
        }
    }
    test_.maps.push_back(std::move(map));
}

void CaseReader::run(const std::string& text) {
    const auto words = words_of(text);
    if (words.empty()) malformed("run: RETURN [HEXBYTES]");
    TestCase::Run run{need(number_of(words[0]), words[0]), std::vector<std::byte>(64)};
    if (words.size() > 1) {
        run.data.clear();
        for (size_t i = 0; i + 1 < words[1].size(); i += 2) {
            run.data.push_back(static_cast<std::byte>(std::stoul(words[1].substr(i, 2), nullptr, 16)));
        }
    }
    test_.runs.push_back(std::move(run));
}

void CaseReader::header(const std::string& key, const std::string& value) {
    static const std::set<std::string> of_program = {
        "btf",           "func_info",     "line_info",     "func_info_rec_size", "line_info_rec_size", "core_relo_rec_size",
        "func_info_cnt", "line_info_cnt", "core_relo_cnt", "func_info_tail",     "line_info_tail",     "core_relo_tail",
        "core_relo"};
    if (key == "type") {
        test_.type = need(enum_value<bpf_prog_type>(value, 64, libbpf_bpf_prog_type_str), value);
    } else if (key == "attach") {
        test_.expected_attach_type = need(enum_value<bpf_attach_type>(value, 64, libbpf_bpf_attach_type_str), value);
    } else if (key == "license") {
        test_.license = value;
    } else if (key == "flags") {
        test_.flags = need(number_of(value), value);
    } else if (key == "log_level") {
        test_.log_level = need(number_of(value), value);
    } else if (key == "map") {
        map(value);
    } else if (key == "struct") {
        if (!btf_.declare_struct("struct " + value)) malformed("malformed struct");
    } else if (key == "fd_array") {
        test_.fd_array = words_of(value);
    } else if (key == "extends") {
        const size_t space = value.rfind(' ');
        if (space == std::string::npos) malformed("extends: TITLE FUNCTION");
        test_.extends_case = trimmed(value.substr(0, space));
        test_.extends_function = value.substr(space + 1);
    } else if (key == "error") {
        if (!parse_error(value, test_)) malformed("no such errno");
    } else if (key == "on_graft") {
        test_.on_graft.emplace();
        if (value != "accept" && !parse_error(value, *test_.on_graft)) malformed("no such errno");
    } else if (key == "log") {
        test_.log_lines.push_back(value);
    } else if (key == "no_log") {
        test_.absent_lines.push_back(value);
    } else if (key == "run") {
        run(value);
    } else if (of_program.contains(key)) {
        later_[key] = value;
    } else {
        malformed("unknown header \"" + key + "\"");
    }
}

void CaseReader::records(Records& records, const std::string& prefix, uint32_t minimum) {
    const auto given = [&](const std::string& key, uint32_t otherwise) {
        const auto it = later_.find(prefix + key);
        return it == later_.end() ? otherwise : need(number_of(it->second), it->second);
    };
    const uint32_t tail = given("_tail", 0);
    records.record_size = given("_rec_size", records.words.empty() && !later_.contains(prefix) ? 0 : minimum);
    // Records longer than the kernel knows have the tail in each of their further words.
    if (records.record_size > minimum && records.record_size % 4 == 0) {
        std::vector<uint32_t> longer;
        for (size_t i = 0; i < records.words.size(); ++i) {
            longer.push_back(records.words[i]);
            if ((i + 1) % (minimum / 4) == 0) longer.insert(longer.end(), (records.record_size - minimum) / 4, tail);
        }
        records.words = longer;
    }
    const size_t size = records.record_size != 0 && records.record_size % 4 == 0 ? records.record_size : minimum;
    records.count = given("_cnt", static_cast<uint32_t>(records.words.size() * 4 / size));
}

void CaseReader::line_info(const std::string& text) {
    const uint32_t file = btf_.string("test.c");
    std::vector<uint32_t>& words = test_.line_info.words;
    const auto record = [&](uint32_t insn) {
        const uint32_t line = insn < test_.program.lines.size() ? test_.program.lines[insn] : 1;
        const uint32_t source = btf_.string("line " + std::to_string(line));
        words.insert(words.end(), {insn, file, source, line << 10 | 1});
    };
    if (text == "auto") {
        for (uint32_t insn = 0; insn < test_.program.insns.size(); ++insn) {
            if (test_.program.insns[insn].code != 0) record(insn);
        }
        return;
    }
    for (const std::string& word : words_of(text)) {
        const auto fields = words_of(word, '/');
        if (fields.size() == 1) {
            record(need(number_of(word), word));
        } else {
            if (fields.size() != 4) malformed("line_info: N/FILE/LINE/COL");
            for (const std::string& field : fields) words.push_back(need(number_of(field), field));
        }
    }
}

void CaseReader::debug_info() {
    const bool without = later_.contains("btf") && later_["btf"] == "no";
    for (const Assembly::Label& label : test_.program.labels) {
        if (label.declaration.empty()) continue;
        const uint32_t id = btf_.declare_function(label.declaration);
        if (id == 0) malformed("malformed declaration \"" + label.declaration + "\"");
        test_.function_ids.emplace_back(label.name, id);
        if (!later_.contains("func_info")) test_.func_info.words.insert(test_.func_info.words.end(), {label.insn, id});
    }
    if (later_.contains("func_info")) {
        for (const std::string& record : words_of(later_["func_info"], ',')) {
            const auto fields = words_of(record);
            if (fields.size() != 2) malformed("func_info: INSN FUNCTION, ...");
            const uint32_t named = btf_.named(fields[1]);
            const uint32_t insn = need(number_of(fields[0]), fields[0]);
            test_.func_info.words.insert(test_.func_info.words.end(), {insn, named != 0 ? named : need(number_of(fields[1]), fields[1])});
        }
    }
    if (later_.contains("line_info")) line_info(later_["line_info"]);
    if (later_.contains("core_relo")) {
        for (const std::string& word : words_of(later_["core_relo"])) test_.core_relos.words.push_back(need(number_of(word), word));
    }
    records(test_.func_info, "func_info", sizeof(bpf_func_info));
    records(test_.line_info, "line_info", sizeof(bpf_line_info));
    records(test_.core_relos, "core_relo", sizeof(bpf_core_relo));
    const bool typed_map = std::any_of(test_.maps.begin(), test_.maps.end(), [](const MapDeclaration& map) { return map.value_type != 0; });
    if (!without && (test_.func_info.count != 0 || test_.line_info.count != 0 || typed_map || test_.core_relos.count != 0)) {
        test_.btf = btf_.build();
    }
}

TestCase CaseReader::read(const std::string& title, const Headers& headers, const std::string& program) {
    test_.title = title;
    for (const auto& [key, value] : headers) header(key, value);
    if (test_.type == 0) malformed("no type");
    Log log(Log::level1, 4096);
    auto assembly = assemble(program, {helper_number}, log);
    if (!assembly.ok()) malformed(std::string(log.text()));
    test_.program = std::move(assembly).value();
    debug_info();
    // Expectations beside the instructions.
    for (std::istringstream in(program); !in.eof();) {
        std::string line;
        std::getline(in, line);
        const size_t comment = line.find(';');
        if (comment != std::string::npos) (void)parse_error(trimmed(line.substr(comment + 1)), test_);
    }
    return std::move(test_);
}

bool is_header(const std::string& line) {
    const size_t colon = line.find(": ");
    return colon != std::string::npos && colon > 0 &&
           std::all_of(line.begin(), line.begin() + static_cast<long>(colon), [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
}

}  // namespace

std::vector<TestCase> read_test_file(const std::string& path) {
    std::ifstream in(path);
    if (!in) throw std::runtime_error(path + ": cannot be read");
    std::vector<TestCase> cases;
    std::string title, source, program;
    Headers headers;
    bool in_program = false;
    const auto finish = [&] {
        if (!title.empty()) cases.push_back(CaseReader(source).read(title, headers, program));
        headers.clear();
        program.clear();
        in_program = false;
    };
    uint32_t number = 0;
    for (std::string line; std::getline(in, line);) {
        ++number;
        if (line.starts_with("== ")) {
            finish();
            title = trimmed(line.substr(3));
            source = path + ":" + std::to_string(number);
            if (std::any_of(cases.begin(), cases.end(), [&](const TestCase& test) { return test.title == title; })) {
                throw std::runtime_error(source + ": the title is there already");
            }
        } else if (line.starts_with("#") || (trimmed(line).empty() && !in_program)) {
            continue;
        } else if (title.empty()) {
            throw std::runtime_error(path + ":" + std::to_string(number) + ": text before the first case");
        } else if (!in_program && is_header(line)) {
            const size_t colon = line.find(':');
            headers.emplace_back(line.substr(0, colon), trimmed(line.substr(colon + 1)));
        } else {
            in_program = true;
            program += line + "\n";
        }
    }
    finish();
    return cases;
}

bool line_matches(std::string_view line, std::string_view expected) {
    const size_t star = expected.find('*');
    if (star == std::string_view::npos) return line == expected;
    if (!line.starts_with(expected.substr(0, star))) return false;
    for (size_t skip = star; skip <= line.size(); ++skip) {
        if (line_matches(line.substr(skip), expected.substr(star + 1))) return true;
    }
    return false;
}

std::string missing_line(const std::string& log, const std::vector<std::string>& lines) {
    size_t found = 0;
    std::istringstream in(log);
    for (std::string line; found < lines.size() && std::getline(in, line);) {
        if (line_matches(line, lines[found])) ++found;
    }
    return found == lines.size() ? std::string() : lines[found];
}

std::string errno_name(int error) {
    if (error == abi::enotsupp) return "ENOTSUPP";
    const char* name = strerrorname_np(error);
    return name == nullptr ? std::to_string(error) : name;
}

}  // namespace graft::test
