// Random operations on targets, extensions, fentry and fexit programs, links, pins and program arrays, and what each answers.
// random_operations.txt holds what Linux 6.12 answered; to ask it again, or for other seeds (SEEDS: how many):
//
//   RANDOM_OPERATIONS=SEEDS build/bin/syscall-random-operations | grep -v '^\['
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <random>
#include <sstream>
#include <utility>
#include <vector>

#include "support/assembly.h"
#include "support/attach.h"
#include "support/bpffs.h"
#include "support/programs.h"

namespace test {
namespace {

constexpr int steps = 80;

// A loaded program with the object that it came from.  Names say its kind and the number of the operation that loaded it.
struct Loaded {
    std::string name;
    std::unique_ptr<ObjectFile> object;
    const char* program;                 // its name in the object
    std::vector<const char*> functions;  // that others may be written for
    std::vector<const char*> arrays;     // program arrays
    int fd() const { return object->program_fd(program); }
    int map(const char* map) const { return object->map_fd(map); }
};
struct Made {
    std::string name;
    Fd fd;
};

struct Kind {
    const char* object;
    const char* program;
    std::vector<const char*> functions;
    std::vector<const char*> arrays;
};

const std::vector<const char*> of_target{"get_x",   "get_x",   "get_x", "get_y", "get_static", "get_static_pointer",
                                         "get_ctx", "get_two", "target"};
const Kind targets[] = {{"xdp_target", "target", of_target, {}},          {"xdp_target", "target", of_target, {}},
                        {"xdp_target_2", "target", of_target, {}},        {"xdp_target_2", "target", of_target, {}},
                        {"tc_target", "target", of_target, {}},           {"tail_target", "target", {"get_t", "target"}, {"jumps"}},
                        {"tail_target", "callee", {"callee"}, {"jumps"}}, {"xdp_changing", "target", {"get_ctx", "target"}, {}}};
const Kind extensions[] = {
    {"extension", "new_x", {"new_x"}, {}},
    {"extension", "new_x", {"new_x"}, {}},
    {"extension", "newer_x", {"newer_x"}, {}},
    {"extension", "calls_inner", {"calls_inner", "inner"}, {}},
    {"extension", "new_target", {"new_target"}, {}},
    {"extension", "new_ctx", {"new_ctx"}, {}},
    {"extension", "new_skb_ctx", {"new_skb_ctx"}, {}},
    {"extension", "adjusting_ctx", {"adjusting_ctx"}, {}},
    {"extension", "two_arguments", {"two_arguments"}, {}},
    {"extension", "long_argument", {"long_argument"}, {}},
    {"tail_extension", "new_t", {"new_t"}, {}},
    {"tail_extension", "jumping_t", {"jumping_t"}, {"jumps"}},
};
const Kind traces[] = {
    {"tracing", "fentry_a", {"fentry_a"}, {}},
    {"tracing", "fentry_b", {"fentry_b"}, {}},
    {"tracing", "fexit_a", {"fexit_a"}, {}},
    {"tracing", "fexit_b", {"fexit_b"}, {}},
    {"tracing", "calls_inner", {"calls_inner", "inner"}, {}},
    {"tracing", "result_too_early", {"result_too_early"}, {}},
    {"fentry", "enter_x", {"enter_x"}, {}},
    {"fentry", "enter_xdp", {"enter_xdp"}, {}},
    {"fentry", "leave_skb", {"leave_skb"}, {}},
    {"fentry", "leave_raw", {"leave_raw"}, {}},
    {"fentry", "ask_before", {"ask_before"}, {}},
    {"fentry", "modify_x", {"modify_x"}, {}},
};

class Operations {
    uint32_t below(size_t limit) { return static_cast<uint32_t>(random_() % limit); }
    template <class Many>
    auto& pick(Many& many) {
        return many[below(std::size(many))];
    }

public:
    explicit Operations(uint32_t seed) : random_(seed), first_("xdp_target") {
        folder_ = bpffs() + "/random_operations_" + std::to_string(getpid());
        mkdir(folder_.c_str(), 0700);
        Attr attr;
        attr->enable_stats.type = BPF_STATS_RUN_TIME;
        statistics_ = Fd(attr.call(BPF_ENABLE_STATS));
        trace_ = first_.trace();
    }
    ~Operations() { std::filesystem::remove_all(folder_); }

    // Its answer.
    std::string step(int number) {
        number_ = std::to_string(number);
        switch (number <= 3 ? 0 : below(36)) {
            case 0:
            case 1:
            case 2:
                return load(pick(targets), "target");
            case 3:
            case 4:
            case 5:
            case 6:
                return load_for(pick(extensions), "extension");
            case 7:
            case 8:
            case 9:
                return load_for(pick(traces), "trace");
            case 10:
            case 11:
            case 12:
                return attach_primed();
            case 13:
            case 14:
            case 15:
            case 16:
                return attach_explicitly();
            case 17:
                return attach_raw();
            case 18:
                return odd();
            case 19:
                return close_program();
            case 20:
            case 21:
                return close_link();
            case 22:
                return pin_or_open();
            case 23:
                return unpin();
            case 24:
            case 25:
                return put();
            case 26:
                return take();
            case 27:
                return change_link();
            case 28:
                return program_info();
            case 29:
                return show_link();
            case 30:
            case 31:
                return run_one();
            default:
                return odd();
        }
    }

private:
    // Nine times of ten one that is likely to do.
    Loaded& likely(const char* kind) {
        std::vector<Loaded*> found;
        if (below(10) != 0) {
            for (auto& each : programs_) {
                if (each->name.starts_with(kind)) found.push_back(each.get());
            }
        }
        return found.empty() ? *pick(programs_) : *pick(found);
    }

    // --- loads --------------------------------------------------------------------------------

    std::string keep(std::unique_ptr<ObjectFile> object, const Kind& kind, const char* what) {
        auto loaded = std::make_unique<Loaded>(Loaded{what + number_, std::move(object), kind.program, kind.functions, kind.arrays});
        const bpf_prog_info info = prog_info(loaded->fd());
        names_[info.id] = loaded->name;
        btfs_[info.btf_id] = loaded->name;
        for (const char* function : kind.functions) functions_[{info.id, function_id(loaded->fd(), function)}] = function;
        std::string name = loaded->name;
        programs_.push_back(std::move(loaded));
        return name;
    }
    std::string load(const Kind& kind, const char* what) {
        auto object = std::make_unique<ObjectFile>(kind.object);
        bpf_map__reuse_fd(object->map("trace"), trace_);
        // tail_target's programs are what an extension's program array takes: of no expected_attach_type
        if (!kind.arrays.empty() && below(4) != 0) {
            bpf_program* each = nullptr;
            bpf_object__for_each_program(each, object->get()) bpf_program__set_expected_attach_type(each, static_cast<bpf_attach_type>(0));
        }
        const int answer = object->load();
        const std::string said = std::string("load ") + kind.object + "." + kind.program + ": ";
        return said + (answer == 0 ? keep(std::move(object), kind, what) : name_of(answer));
    }
    std::string load_for(const Kind& kind, const char* what) {
        if (programs_.empty()) return "nothing to load for";
        Loaded& target = likely(below(4) == 0 ? "extension" : "target");
        const char* function = below(20) == 0 ? "nothing" : pick(target.functions);
        auto object = std::make_unique<LoadedFor>(kind.object, kind.program, target.fd(), function, trace_);
        const std::string said = std::string("load ") + kind.program + " for " + function + " of " + target.name + ": ";
        if (object->answer() != 0) return said + name_of(object->answer()) + " " + reason(object->log());
        loaded_for_[what + number_] = {target.name, function};
        return said + keep(std::move(object), kind, what);
    }
    // What is mostly wrong: types, flags, descriptors and ids that do not go together.
    std::string load_oddly() {
        constexpr uint32_t prog_types[] = {BPF_PROG_TYPE_EXT, BPF_PROG_TYPE_EXT, BPF_PROG_TYPE_TRACING, BPF_PROG_TYPE_TRACING,
                                           BPF_PROG_TYPE_XDP};
        constexpr uint32_t types[] = {
            0, 0, BPF_TRACE_FENTRY, BPF_TRACE_FENTRY, BPF_TRACE_FEXIT, BPF_MODIFY_RETURN, BPF_XDP, BPF_TRACE_RAW_TP, 9999};
        constexpr uint32_t all_flags[] = {0, 0, 0, 0, BPF_F_SLEEPABLE, BPF_F_XDP_HAS_FRAGS, BPF_F_TEST_STATE_FREQ, 1U << 31};
        Loaded& target = likely("target");
        const char* function = pick(target.functions);
        const uint32_t type = pick(prog_types), attach_type = pick(types), flags = pick(all_flags);
        const int fds[] = {0, 4095, trace_, target.fd(), target.fd(), target.fd()};
        const uint32_t which = below(std::size(fds));
        const uint32_t ids[] = {0, 1, 9999, function_id(target.fd(), function), function_id(target.fd(), function)};
        const uint32_t id = below(which == 0 ? 2 : std::size(ids));
        std::string log(65536, '\0');
        const Program code{mov(r0, 0), exit()};
        Attr attr = program_attr(type, code);
        attr->expected_attach_type = attach_type;
        attr->prog_flags = flags;
        attr->attach_prog_fd = static_cast<uint32_t>(fds[which]);
        attr->attach_btf_id = ids[id];
        attr->log_buf = pointer(log.data());
        attr->log_size = static_cast<uint32_t>(log.size());
        attr->log_level = 1;
        std::ostringstream out;
        out << "load type " << type << ", attach type " << attach_type << ", flags " << flags << ", target "
            << (which < 3 ? std::vector<std::string>{"0", "4095", "a map"}[which] : target.name) << ", id "
            << (id < 3 ? std::to_string(ids[id]) : function) << ": ";
        const Fd program(attr.call(BPF_PROG_LOAD));
        out << name_of(program.error()) << " " << reason(log.c_str());
        return out.str();
    }
    // The log's last line but the statistics.
    static std::string reason(std::string log) {
        log = log.substr(0, log.find("processed "));
        while (!log.empty() && log.back() == '\n') log.pop_back();
        log = log.substr(log.rfind('\n') + 1);
        if (const size_t offset = log.find(" at off "); offset != std::string::npos) log.resize(offset);  // each kernel has its own layouts
        return log;
    }

    // --- links -----------------------------------------------------------------------------------

    std::string made(const std::string& said, long answer) {
        if (answer < 0) return said + name_of(answer);
        links_.push_back({"link" + number_, Fd(answer)});
        return said + links_.back().name;
    }
    uint32_t expected_type(Loaded& program) { return bpf_program__expected_attach_type(program.object->program(program.program)); }
    std::string attach_primed() {
        if (programs_.empty()) return "nothing to attach";
        Loaded& program = likely(below(2) == 0 ? "extension" : "trace");
        const uint64_t cookie = below(3) == 0 ? 7 : 0;
        return made("attach " + program.name + ": ", attach(program.fd(), 0, 0, expected_type(program), cookie));
    }
    std::string attach_raw() {
        if (programs_.empty()) return "nothing to attach";
        Loaded& program = likely(below(2) == 0 ? "extension" : "trace");
        return made("attach " + program.name + " as a raw tracepoint: ", attach_as_raw_tracepoint(program.fd()));
    }
    std::string attach_explicitly() {
        if (programs_.empty()) return "nothing to attach";
        Loaded &program = likely("extension"), &target = likely("target");
        const char* function = pick(target.functions);
        // half of them to the function of the load's name: what another one answers is mostly EINVAL
        if (const auto found = loaded_for_.find(program.name); found != loaded_for_.end() && below(2) == 0) {
            for (const char* each : target.functions) {
                if (found->second.second == each) function = each;
            }
        }
        return made("attach " + program.name + " to " + function + " of " + target.name + ": ",
                    attach(program.fd(), target.fd(), function_id(target.fd(), function), expected_type(program)));
    }
    // What is mostly wrong: types, descriptors and ids that do not go together.
    std::string attach_oddly() {
        if (programs_.empty()) return "nothing to attach";
        Loaded &program = *pick(programs_), &target = *pick(programs_);
        constexpr uint32_t types[] = {
            0, BPF_TRACE_FENTRY, BPF_TRACE_FEXIT, BPF_MODIFY_RETURN, BPF_XDP, BPF_TRACE_ITER, BPF_TRACE_RAW_TP, 44, 9999};
        const uint32_t type = pick(types);
        const int fds[] = {0, 4095, trace_, target.fd(), target.fd()};
        const uint32_t which = below(std::size(fds));
        const uint32_t ids[] = {0, 1, 9999, function_id(target.fd(), target.functions.front())};
        const uint32_t id = below(std::size(ids));
        return made("attach " + program.name + ", type " + std::to_string(type) + ", target " +
                        (which < 3 ? std::vector<std::string>{"0", "4095", "a map"}[which] : target.name) + ", id " +
                        (id < 3 ? std::to_string(ids[id]) : target.functions.front()) + ": ",
                    attach(program.fd(), fds[which], ids[id], type));
    }
    std::string close_program() {
        if (programs_.empty()) return "nothing to close";
        const uint32_t which = below(programs_.size());
        std::string name = programs_[which]->name;
        programs_.erase(programs_.begin() + which);
        return "close " + name;
    }
    std::string close_link() {
        if (links_.empty()) return "no link to close";
        const uint32_t which = below(links_.size());
        std::string name = links_[which].name;
        links_.erase(links_.begin() + which);
        return "close " + name;
    }
    std::string pin_or_open() {
        const std::string path = folder_ + "/" + std::to_string(below(2));
        const char* name = path.ends_with('0') ? "0" : "1";
        if (below(2) == 0) {
            const long answer = bpf_obj_get(path.c_str());
            return made(std::string("open pin ") + name + ": ", answer < 0 ? -errno : answer);
        }
        if (links_.empty()) return "no link to pin";
        Made& link = pick(links_);
        const int answer = bpf_obj_pin(link.fd.get(), path.c_str());
        if (answer == 0) pinned_[path.back() - '0'] = link_info(link.fd.get()).id;
        return "pin " + link.name + " as " + name + ": " + name_of(answer);
    }
    // Linux lets go of what was pinned a little later.
    std::string unpin() {
        const uint32_t which = below(2);
        const std::string path = folder_ + "/" + std::to_string(which);
        Fd link(bpf_obj_get(path.c_str()));
        const bool is_open = link.ok();
        const uint32_t id = std::exchange(pinned_[which], 0);
        if (!is_open) return "unpin " + std::to_string(which) + ": nothing";
        const bool stays =
            std::any_of(links_.begin(), links_.end(), [id](const Made& made) { return link_info(made.fd.get()).id == id; }) ||
            pinned_[1 - which] == id;
        unlink(path.c_str());
        link.reset();
        for (int attempt = 0; !stays && attempt < 500 && !is_gone(id); ++attempt) usleep(10'000);
        return "unpin " + std::to_string(which) + (is_gone(id) ? ": its link goes" : ": its link stays");
    }
    static bool is_gone(uint32_t link) {
        Attr attr;
        attr->link_id = link;
        return Fd(attr.call(BPF_LINK_GET_FD_BY_ID)).error() == -ENOENT;
    }
    std::string change_link() {
        if (links_.empty()) return "no link to change";
        Made& link = pick(links_);
        Attr attr;
        attr->link_update.link_fd = link.fd.u();
        if (below(2) == 0) return "detach " + link.name + ": " + name_of(attr.call(BPF_LINK_DETACH));
        Loaded& program = *pick(programs_);
        attr->link_update.new_prog_fd = static_cast<uint32_t>(program.fd());
        return "update " + link.name + " to " + program.name + ": " + name_of(attr.call(BPF_LINK_UPDATE));
    }

    // --- program arrays ---------------------------------------------------------------------------

    Loaded* with_array() {
        std::vector<Loaded*> found;
        for (auto& each : programs_) {
            if (!each->arrays.empty()) found.push_back(each.get());
        }
        return found.empty() ? nullptr : pick(found);
    }
    std::string put() {
        Loaded* array = with_array();
        if (!array) return "no program array";
        Loaded& program = *pick(programs_);
        const uint32_t slot = below(3);
        const int fd = program.fd();
        return "put " + program.name + " into " + array->name + "[" + std::to_string(slot) +
               "]: " + name_of(bpf_map_update_elem(array->map("jumps"), &slot, &fd, BPF_ANY));
    }
    std::string take() {
        Loaded* array = with_array();
        if (!array) return "no program array";
        const uint32_t slot = below(3);
        return "take " + array->name + "[" + std::to_string(slot) + "]: " + name_of(bpf_map_delete_elem(array->map("jumps"), &slot));
    }

    // --- what is mostly wrong ---------------------------------------------------------------------------

    std::string odd() {
        if (programs_.empty()) return "nothing to be odd with";
        switch (below(4)) {
            case 0:
                return attach_oddly();
            case 1:
                return load_oddly();
            case 2:
                return run_oddly();
            default:
                return command_oddly();
        }
    }
    // A descriptor of anything, and its name.
    std::pair<uint32_t, std::string> any() {
        switch (below(6)) {
            case 0:
                return {4095, "4095"};
            case 1:
                return {nothing_.u(), "a file"};
            case 2:
                return {static_cast<uint32_t>(trace_), "a map"};
            case 3:
                if (!links_.empty()) {
                    Made& link = pick(links_);
                    return {link.fd.u(), link.name};
                }
                [[fallthrough]];
            default:
                Loaded& program = *pick(programs_);
                return {static_cast<uint32_t>(program.fd()), program.name};
        }
    }
    std::string command_oddly() {
        const auto [first, first_name] = any();
        const auto [second, second_name] = any();
        constexpr uint32_t types[] = {0, BPF_TRACE_FENTRY, BPF_XDP, BPF_SK_LOOKUP, BPF_FLOW_DISSECTOR, 46, 9999};
        const uint32_t type = pick(types), flag = below(3) == 0 ? 1 : 0, which = below(9);
        const std::string both = first_name + ", " + second_name;
        Attr attr;
        switch (which) {
            case 0:
                attr->link_update.link_fd = first;
                attr->link_update.new_prog_fd = second;
                attr->link_update.flags = flag != 0 ? BPF_F_REPLACE : 0;
                attr->link_update.old_prog_fd = below(2) == 0 ? second : 0;
                return "BPF_LINK_UPDATE " + both + ": " + name_of(attr.call(BPF_LINK_UPDATE));
            case 1:
                attr->link_detach.link_fd = first;
                return "BPF_LINK_DETACH " + first_name + ": " + name_of(attr.call(BPF_LINK_DETACH));
            case 2:
                attr->iter_create.link_fd = first;
                attr->iter_create.flags = flag;
                return "BPF_ITER_CREATE " + first_name + ": " + name_of(attr.call(BPF_ITER_CREATE));
            case 3:
                attr->prog_bind_map.prog_fd = first;
                attr->prog_bind_map.map_fd = second;
                attr->prog_bind_map.flags = flag;
                return "BPF_PROG_BIND_MAP " + both + ": " + name_of(attr.call(BPF_PROG_BIND_MAP));
            case 4:
                attr->target_fd = first;
                attr->attach_bpf_fd = second;
                attr->attach_type = type;
                return "BPF_PROG_ATTACH " + both + ", " + std::to_string(type) + ": " + name_of(attr.call(BPF_PROG_ATTACH));
            case 5:
                attr->target_fd = first;
                attr->attach_bpf_fd = second;
                attr->attach_type = type;
                return "BPF_PROG_DETACH " + both + ", " + std::to_string(type) + ": " + name_of(attr.call(BPF_PROG_DETACH));
            case 6:
                attr->raw_tracepoint.prog_fd = first;
                attr->raw_tracepoint.name = flag != 0 ? 0 : pointer("no_such_event");
                return "BPF_RAW_TRACEPOINT_OPEN " + first_name + (flag != 0 ? "" : " of an event") + ": " +
                       answer_of(attr.call(BPF_RAW_TRACEPOINT_OPEN));
            case 7:
                return "BPF_OBJ_GET_INFO_BY_FD " + first_name + ": " + info_oddly(first);
            default:
                attr->bpf_fd = first;
                attr->pathname = pointer(folder_.c_str());
                return "BPF_OBJ_PIN " + first_name + ": " + name_of(attr.call(BPF_OBJ_PIN));
        }
    }
    // A link that came of it is closed again.
    static std::string answer_of(long answer) { return name_of(Fd(answer).error()); }
    std::string info_oddly(uint32_t fd) {
        constexpr uint32_t lengths[] = {0, 1, 4, 12, 80, 600, 5000};
        std::vector<char> info(8192);
        if (below(4) == 0) info[599] = 1;
        Attr attr;
        attr->info.bpf_fd = fd;
        attr->info.info = pointer(info.data());
        attr->info.info_len = pick(lengths);
        const std::string asked = std::to_string(attr->info.info_len);
        const std::string answer = name_of(attr.call(BPF_OBJ_GET_INFO_BY_FD));
        return asked + " bytes, " + answer + ", " + std::to_string(attr->info.info_len);
    }
    std::string run_oddly() {
        constexpr uint32_t sizes[] = {0, 13, 14, 64, 64, 64, 1500, 3520, 5000}, flags[] = {0, 0, 0, BPF_F_TEST_RUN_ON_CPU, 8};
        constexpr uint32_t cpus[] = {0, 0, 0, 9999}, contexts[] = {0, 0, 0, 8, 24, 200};
        Loaded& program = *pick(programs_);
        std::vector<unsigned char> packet(8192), context(512), out(8192);
        Attr attr;
        attr->test.prog_fd = static_cast<uint32_t>(program.fd());
        attr->test.data_in = below(8) == 0 ? 0 : pointer(packet.data());
        attr->test.data_size_in = pick(sizes);
        if (below(2) == 0) {
            attr->test.data_out = pointer(out.data());
            attr->test.data_size_out = pick(sizes);
        }
        attr->test.repeat = below(3);
        attr->test.flags = pick(flags);
        attr->test.cpu = pick(cpus);
        attr->test.ctx_size_in = pick(contexts);
        if (attr->test.ctx_size_in != 0) attr->test.ctx_in = pointer(context.data());
        std::ostringstream text;
        text << "run " << program.name << ", " << (attr->test.data_in == 0 ? "no data, " : "") << attr->test.data_size_in << " bytes, "
             << attr->test.data_size_out << " out, " << attr->test.repeat << " times, flags " << attr->test.flags << ", cpu "
             << attr->test.cpu << ", context " << attr->test.ctx_size_in << ": ";
        text << name_of(attr.call(BPF_PROG_TEST_RUN));
        text << " " << attr->test.retval << ", " << attr->test.data_size_out << " out, " << ran();
        return text.str();
    }

    // --- what is to be seen ---------------------------------------------------------------------

    std::string name_of_program(uint32_t id) { return names_.contains(id) ? names_[id] : std::to_string(id); }
    std::string program_info() {
        if (programs_.empty()) return "no program to show";
        Loaded& program = *pick(programs_);
        const bpf_prog_info info = prog_info(program.fd());
        std::ostringstream out;
        out << program.name << ": type " << info.type << ", attached to BTF "
            << (info.attach_btf_obj_id == 0 ? "0" : btfs_[info.attach_btf_obj_id]);
        if (const auto found = loaded_for_.find(program.name); found != loaded_for_.end()) {
            out << (info.attach_btf_id == 0 ? ", no function" : ", a function");
        }
        out << ", " << info.nr_jited_ksyms << " functions, " << info.run_cnt << " runs, " << info.recursion_misses << " missed";
        return out.str();
    }
    std::string show_link() {
        if (links_.empty()) return "no link to show";
        Made& link = pick(links_);
        const bpf_link_info info = link_info(link.fd.get());
        std::ostringstream out;
        const auto function = functions_.find({info.tracing.target_obj_id, info.tracing.target_btf_id});
        out << link.name << ": type " << info.type << " of " << name_of_program(info.prog_id) << ", attach type "
            << info.tracing.attach_type << ", " << (function == functions_.end() ? "?" : function->second) << " of "
            << name_of_program(info.tracing.target_obj_id);
        return out.str();
    }
    std::string run_one() {
        if (programs_.empty()) return "nothing to run";
        Loaded& program = likely("target");
        const Ran result = run(program.fd());
        return "run " + program.name + ": " + name_of(result.answer) + " " + std::to_string(result.verdict) + ", " + ran();
    }
    // What the trace holds, without addresses.
    std::string ran() const {
        std::istringstream in(take_trace(trace_));
        std::string out;
        for (uint32_t what = 0; in >> what;) out += (what < 1U << 24 ? std::to_string(what) : "*") + " ";
        return out;
    }

    std::mt19937 random_;
    Target first_;
    int trace_ = -1;
    Fd statistics_, nothing_{open("/dev/null", O_RDONLY | O_CLOEXEC)};
    std::string number_, folder_;
    std::vector<std::unique_ptr<Loaded>> programs_;
    std::vector<Made> links_;
    uint32_t pinned_[2] = {};                       // ids of links
    std::map<uint32_t, std::string> names_, btfs_;  // by id
    std::map<std::pair<uint32_t, uint32_t>, std::string> functions_;
    std::map<std::string, std::pair<std::string, std::string>> loaded_for_;  // program: target and function
};

std::vector<std::string> transcript(uint32_t seed) {
    std::vector<std::string> lines{"seed " + std::to_string(seed)};
    Operations operations(seed);
    for (int i = 1; i <= steps; ++i) lines.push_back(std::to_string(i) + " " + operations.step(i));
    return lines;
}

TEST(RandomOperations, AnswerAsOnLinux) {
    if (const char* seeds = getenv("RANDOM_OPERATIONS")) {
        for (uint32_t seed = 1; seed <= strtoul(seeds, nullptr, 10); ++seed) {
            for (const std::string& line : transcript(seed)) printf("%s\n", line.c_str());
            fflush(stdout);
        }
        return;
    }
    std::ifstream file(RANDOM_OPERATIONS_FILE);
    std::vector<std::string> recorded;
    for (std::string line; std::getline(file, line);) recorded.push_back(line);
    ASSERT_FALSE(recorded.empty());
    for (size_t start = 0; start < recorded.size(); start += steps + 1) {
        const uint32_t seed = static_cast<uint32_t>(start / (steps + 1)) + 1;
        const std::vector<std::string> lines = transcript(seed);
        for (size_t i = 0; i < lines.size(); ++i) ASSERT_EQ(recorded.at(start + i), lines[i]) << "seed " << seed;
    }
}

}  // namespace
}  // namespace test
