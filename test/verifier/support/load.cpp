#include "support/load.h"

#include <fmt/core.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace graft::test {
namespace {

uint64_t address(const void* pointer) { return reinterpret_cast<uintptr_t>(pointer); }

class Loader {
public:
    Loader(const SystemCall& bpf, const TestCase& test, const std::vector<TestCase>& cases) : bpf_(bpf), test_(test), cases_(cases) {}

    Loaded run() {
        if (load_btf() && make_maps() && load_target()) load_program();
        return std::move(loaded_);
    }

private:
    bool trouble(const char* what, long result) {
        loaded_.trouble = fmt::format("{}: {}", what, errno_name(static_cast<int>(-result)));
        return false;
    }
    int keep(long fd) {
        loaded_.others.emplace_back(static_cast<int>(fd));
        return static_cast<int>(fd);
    }

    bool load_btf() {
        if (test_.btf.empty()) return true;
        std::string log(65536, '\0');
        bpf_attr attr{};
        attr.btf = address(test_.btf.data());
        attr.btf_size = static_cast<uint32_t>(test_.btf.size());
        attr.btf_log_buf = address(log.data());
        attr.btf_log_size = static_cast<uint32_t>(log.size());
        attr.btf_log_level = 1;
        const long fd = bpf_(BPF_BTF_LOAD, attr, sizeof(attr));
        if (fd < 0) return trouble(fmt::format("BTF_LOAD\n{}", log.c_str()).c_str(), fd);
        btf_ = keep(fd);
        return true;
    }

    bool make_maps() {
        for (const MapDeclaration& map : test_.maps) {
            bpf_attr attr{};
            attr.map_type = map.type;
            attr.key_size = map.key_size;
            attr.value_size = map.value_size;
            attr.max_entries = map.max_entries;
            attr.map_flags = map.flags;
            std::copy_n(map.name.begin(), std::min(map.name.size(), sizeof(attr.map_name) - 1), attr.map_name);
            if (!map.inner.empty()) attr.inner_map_fd = static_cast<uint32_t>(descriptor(map.inner));
            if (map.value_type != 0) {
                attr.btf_fd = static_cast<uint32_t>(btf_);
                attr.btf_key_type_id = map.key_type;
                attr.btf_value_type_id = map.value_type;
            }
            const long fd = bpf_(BPF_MAP_CREATE, attr, sizeof(attr));
            if (fd < 0) return trouble(("MAP_CREATE " + map.name).c_str(), fd);
            maps_.emplace_back(map.name, keep(fd));
            if (map.frozen) {
                bpf_attr freeze{};
                freeze.map_fd = static_cast<uint32_t>(fd);
                if (const long result = bpf_(BPF_MAP_FREEZE, freeze, sizeof(freeze)); result < 0) return trouble("MAP_FREEZE", result);
            }
        }
        for (const std::string& name : test_.fd_array) fd_array_.push_back(descriptor(name));
        return true;
    }

    // A map's, or the number itself: so that tests can name descriptors that are none of a map.
    [[nodiscard]] int descriptor(const std::string& name) const {
        for (const auto& [known, fd] : maps_) {
            if (known == name) return fd;
        }
        return name == "btf" ? btf_ : std::atoi(name.c_str());
    }

    bool load_target() {
        if (test_.extends_case.empty()) return true;
        const auto target =
            std::find_if(cases_.begin(), cases_.end(), [&](const TestCase& test) { return test.title == test_.extends_case; });
        if (target == cases_.end()) {
            loaded_.trouble = "no case is called " + test_.extends_case;
            return false;
        }
        Loaded other = load(bpf_, *target, cases_);
        if (!other.trouble.empty() || other.error != 0) {
            loaded_.trouble = "the target was not loaded: " + other.trouble + other.log;
            return false;
        }
        target_ = keep(other.program.release());
        for (Fd& fd : other.others) loaded_.others.push_back(std::move(fd));
        for (const auto& [name, id] : target->function_ids) {
            if (name == test_.extends_function) target_function_ = id;
        }
        return true;
    }

    void load_program() {
        std::vector<bpf_insn> insns = test_.program.insns;
        for (const Assembly::MapUse& use : test_.program.map_uses) {
            bpf_insn& insn = insns[use.insn];
            // "map[#1]": by index in fd_array
            if (use.map.starts_with('#')) {
                insn.src_reg = insn.src_reg == BPF_PSEUDO_MAP_VALUE ? BPF_PSEUDO_MAP_IDX_VALUE : BPF_PSEUDO_MAP_IDX;
                insn.imm = std::atoi(use.map.c_str() + 1);
            } else {
                insn.imm = descriptor(use.map);
            }
        }
        std::string log(size_t{16} << 20, '\0');
        bpf_attr attr{};
        attr.prog_type = test_.type;
        attr.expected_attach_type = test_.expected_attach_type;
        attr.prog_flags = test_.flags;
        attr.insns = address(insns.data());
        attr.insn_cnt = static_cast<uint32_t>(insns.size());
        attr.license = address(test_.license.c_str());
        attr.log_buf = address(log.data());
        attr.log_size = static_cast<uint32_t>(log.size());
        attr.log_level = test_.log_level;
        attr.prog_btf_fd = static_cast<uint32_t>(btf_);
        attr.func_info = address(test_.func_info.words.data());
        attr.func_info_cnt = test_.func_info.count;
        attr.func_info_rec_size = test_.func_info.record_size;
        attr.line_info = address(test_.line_info.words.data());
        attr.line_info_cnt = test_.line_info.count;
        attr.line_info_rec_size = test_.line_info.record_size;
        attr.core_relos = address(test_.core_relos.words.data());
        attr.core_relo_cnt = test_.core_relos.count;
        attr.core_relo_rec_size = test_.core_relos.record_size;
        if (!fd_array_.empty()) attr.fd_array = address(fd_array_.data());
        if (target_ >= 0) {
            attr.attach_prog_fd = static_cast<uint32_t>(target_);
            attr.attach_btf_id = target_function_;
        }
        const long fd = bpf_(BPF_PROG_LOAD, attr, sizeof(attr));
        loaded_.log = log.c_str();
        loaded_.error = fd < 0 ? static_cast<int>(-fd) : 0;
        if (fd >= 0) loaded_.program = Fd(static_cast<int>(fd));
    }

    const SystemCall& bpf_;
    const TestCase& test_;
    const std::vector<TestCase>& cases_;
    Loaded loaded_;
    int btf_ = 0;
    int target_ = -1;
    uint32_t target_function_ = 0;
    std::vector<std::pair<std::string, int>> maps_;
    std::vector<int> fd_array_;
};

}  // namespace

long linux_bpf(int command, bpf_attr& attr, uint32_t size) {
    const long result = syscall(SYS_bpf, command, &attr, size);
    return result < 0 ? -errno : result;
}

Loaded load(const SystemCall& bpf, const TestCase& test, const std::vector<TestCase>& cases) { return Loader(bpf, test, cases).run(); }

std::string run(const SystemCall& bpf, const Fd& program, const TestCase::Run& run) {
    std::vector<std::byte> data = run.data;
    std::vector<std::byte> out(data.size() + 512);
    bpf_attr attr{};
    attr.test.prog_fd = static_cast<uint32_t>(program.get());
    attr.test.data_in = address(data.data());
    attr.test.data_size_in = static_cast<uint32_t>(data.size());
    attr.test.data_out = address(out.data());
    attr.test.data_size_out = static_cast<uint32_t>(out.size());
    const long result = bpf(BPF_PROG_TEST_RUN, attr, sizeof(attr));
    if (result < 0) return "TEST_RUN: " + errno_name(static_cast<int>(-result));
    if (attr.test.retval != run.returns) return fmt::format("it returns {}, not {}", attr.test.retval, run.returns);
    return {};
}

}  // namespace graft::test
