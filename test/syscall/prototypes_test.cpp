// Which prototypes Linux relies on: functions of all kinds of types, each as the main function of programs of several types, as a static
// and as a global function; what fentry programs may read of their arguments, and whether an extension may replace them.
//
// prototypes.txt holds what Linux 6.12 answered; to ask it again:
//
//   PROTOTYPES=1 build/bin/syscall-prototypes | grep -v '^\['
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "support/assembly.h"
#include "support/btf_builder.h"
#include "support/programs.h"

namespace test {
namespace {

// A BTF with these types, by the name they have below.
struct Types : BtfBuilder {
    std::map<std::string, uint32_t> ids{{"void", 0}};
    void pointer_to(const std::string& name) { ids[name + "*"] = type("", BTF_KIND_PTR, 0, ids.at(name)); }
    Types() {
        ids["int"] = integer("int", 4, BTF_INT_SIGNED);
        ids["unsigned"] = integer("unsigned int", 4);
        ids["char"] = integer("char", 1, BTF_INT_SIGNED);
        ids["bool"] = integer("_Bool", 1, BTF_INT_BOOL);
        ids["long"] = integer("long", 8, BTF_INT_SIGNED);
        ids["int128"] = integer("__int128", 16, BTF_INT_SIGNED);
        ids["float"] = type("float", 16, 0, 4);
        ids["enum"] = type("number", BTF_KIND_ENUM, 1, 4, {string("ONE"), 1});
        ids["enum64"] = type("number64", 19, 1, 8, {string("TWO"), 2, 0});
        ids["typedef"] = type("my_int", BTF_KIND_TYPEDEF, 0, ids["int"]);
        ids["const int"] = type("", BTF_KIND_CONST, 0, ids["int"]);
        ids["foo"] = structure("foo", 4, {{"a", ids["int"]}}, 32);
        ids["pair"] = structure("pair", 16, {{"a", ids["long"]}, {"b", ids["long"]}}, 64);
        ids["large"] = structure("large", 24, {{"a", ids["long"]}, {"b", ids["long"]}, {"c", ids["long"]}}, 64);
        ids["empty"] = structure("empty", 0, {}, 0);
        ids["declared"] = type("declared", BTF_KIND_FWD, 0, 0);
        for (const char* name : {"xdp_md", "__sk_buff", "xdp_buff", "sk_buff", "bpf_perf_event_data", "pt_regs", "user_pt_regs",
                                 "bpf_raw_tracepoint_args", "bpf_sock_addr"}) {
            ids[name] = structure(name, 4, {{"a", ids["int"]}}, 32);
        }
        ids["const xdp_md"] = type("", BTF_KIND_CONST, 0, ids["xdp_md"]);
        ids["my_xdp"] = type("my_xdp", BTF_KIND_TYPEDEF, 0, ids["xdp_md"]);
        ids["bpf_user_pt_regs_t"] = type("bpf_user_pt_regs_t", BTF_KIND_TYPEDEF, 0, ids["pt_regs"]);
        ids["unsigned long"] = integer("unsigned long", 8);
        ids["u64"] = type("u64", BTF_KIND_TYPEDEF, 0, ids["unsigned long"]);
        for (const std::string name : {"void",
                                       "int",
                                       "char",
                                       "long",
                                       "enum",
                                       "foo",
                                       "pair",
                                       "large",
                                       "empty",
                                       "declared",
                                       "xdp_md",
                                       "__sk_buff",
                                       "xdp_buff",
                                       "sk_buff",
                                       "bpf_perf_event_data",
                                       "pt_regs",
                                       "user_pt_regs",
                                       "bpf_raw_tracepoint_args",
                                       "bpf_sock_addr",
                                       "const xdp_md",
                                       "my_xdp",
                                       "bpf_user_pt_regs_t",
                                       "unsigned long",
                                       "u64"}) {
            pointer_to(name);
        }
        pointer_to("int*");
        pointer_to("xdp_md*");
        ids["const int*"] = type("", BTF_KIND_PTR, 0, ids["const int"]);
    }
    uint32_t prototype_of(const std::string& returns, const std::vector<std::string>& arguments) {
        std::vector<std::pair<std::string, uint32_t>> parameters;
        for (size_t i = 0; i < arguments.size(); ++i) parameters.emplace_back("a" + std::to_string(i), ids.at(arguments[i]));
        return prototype(ids.at(returns), parameters);
    }
};

class Asked {
public:
    Asked(const std::string& returns, const std::vector<std::string>& arguments, uint32_t linkage, const char* context) {
        const uint32_t main_prototype = types_.prototype_of("int", {std::string(context)});
        const uint32_t prototype = types_.prototype_of(returns, arguments);
        main_ = types_.function("top", main_prototype, BTF_FUNC_GLOBAL);
        function_ = types_.function("function", prototype, linkage);
        btf_ = Fd(types_.load());
    }
    // Of this target, whose last function is the one that is asked of.
    std::string answer(uint32_t type, const Program& code, uint32_t flags, uint32_t attach_type) {
        if (!btf_.ok()) return "BTF " + name_of(btf_.error());
        const uint32_t start = static_cast<uint32_t>(code.size() - 2);
        std::vector<bpf_func_info> functions;
        if (start != 0) functions.push_back({0, main_});
        functions.push_back({start, function_});
        Attr attr = attr_of(type, code, functions);
        attr->prog_flags = flags;
        attr->expected_attach_type = attach_type;
        const Fd target(attr.call(BPF_PROG_LOAD));
        if (!target.ok()) return name_of(target.error()) + " " + reason();
        std::string text = "fentry reads";
        for (int place = 0; place < 7; ++place) {
            const Program reads{load(BPF_DW, r0, r1, 8 * place), mov(r0, 0), exit()};
            if (loads(BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, reads, target)) text += " " + std::to_string(place);
        }
        const bool extends = loads(BPF_PROG_TYPE_EXT, 0, Program{mov(r0, 0), exit()}, target);
        return text + "; an extension " + (extends ? "loads" : "is refused: " + reason());
    }

private:
    Attr attr_of(uint32_t type, const Program& code, const std::vector<bpf_func_info>& functions) {
        log_[0] = '\0';
        Attr attr = program_attr(type, code);
        attr->prog_btf_fd = btf_.u();
        attr->func_info = pointer(functions.data());
        attr->func_info_cnt = static_cast<uint32_t>(functions.size());
        attr->func_info_rec_size = sizeof functions[0];
        attr->log_buf = pointer(log_.data());
        attr->log_size = static_cast<uint32_t>(log_.size());
        attr->log_level = 1;
        return attr;
    }
    bool loads(uint32_t type, uint32_t attach_type, const Program& code, const Fd& target) {
        const std::vector<bpf_func_info> functions{{0, type == BPF_PROG_TYPE_EXT ? function_ : main_}};
        Attr attr = attr_of(type, code, functions);
        attr->expected_attach_type = attach_type;
        attr->attach_prog_fd = target.u();
        attr->attach_btf_id = function_;
        return Fd(attr.call(BPF_PROG_LOAD)).ok();
    }
    // The log's last line but the statistics.
    [[nodiscard]] std::string reason() const {
        std::string text = log_.c_str();
        text = text.substr(0, text.find("processed "));
        while (!text.empty() && text.back() == '\n') text.pop_back();
        return text.substr(text.rfind('\n') + 1);
    }
    Types types_;
    uint32_t main_ = 0, function_ = 0;
    Fd btf_;
    std::string log_ = std::string(65536, '\0');
};

std::string written(const std::string& returns, const std::vector<std::string>& arguments) {
    std::string text = returns + "(";
    for (const std::string& argument : arguments) text += (text.back() == '(' ? "" : ", ") + argument;
    return text + ")";
}

std::vector<std::string> transcript() {
    std::vector<std::pair<std::string, std::vector<std::string>>> prototypes;
    for (const auto& [name, id] : Types().ids) {
        if (name != "void") prototypes.push_back({"int", {name}});
    }
    for (const char* returns : {"void", "unsigned", "char", "bool", "long", "enum", "enum64", "typedef", "const int", "int*", "void*",
                                "foo", "pair", "int128", "float", "xdp_md*"}) {
        prototypes.push_back({returns, {"xdp_md*"}});
    }
    prototypes.push_back({"int", {}});
    prototypes.push_back({"int", {"xdp_md*", "int"}});
    prototypes.push_back({"int", {"int", "xdp_md*"}});
    prototypes.push_back({"int", {"xdp_md*", "int*", "int"}});
    prototypes.push_back({"int", {"int", "int", "int", "int", "int"}});
    prototypes.push_back({"int", {"int", "int", "int", "int", "int", "int"}});

    struct Way {
        const char* name;
        uint32_t type;
        const char* context;
        std::vector<Code> before;  // the call; null: it is the main function
        uint32_t linkage, flags = 0, attach_type = 0;
    };
    const Code calls = raw(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, 1);
    const std::vector<Way> ways{
        {"main of xdp", BPF_PROG_TYPE_XDP, "xdp_md*", {}, BTF_FUNC_GLOBAL},
        {"static main of xdp", BPF_PROG_TYPE_XDP, "xdp_md*", {}, BTF_FUNC_STATIC},
        {"main of tc", BPF_PROG_TYPE_SCHED_CLS, "__sk_buff*", {}, BTF_FUNC_GLOBAL},
        {"main of a socket filter", BPF_PROG_TYPE_SOCKET_FILTER, "__sk_buff*", {}, BTF_FUNC_GLOBAL},
        {"main of syscall", BPF_PROG_TYPE_SYSCALL, "void*", {}, BTF_FUNC_GLOBAL, BPF_F_SLEEPABLE},
        {"main of kprobe", BPF_PROG_TYPE_KPROBE, "pt_regs*", {}, BTF_FUNC_GLOBAL},
        {"main of perf_event", BPF_PROG_TYPE_PERF_EVENT, "bpf_perf_event_data*", {}, BTF_FUNC_GLOBAL},
        {"main of raw_tracepoint", BPF_PROG_TYPE_RAW_TRACEPOINT, "bpf_raw_tracepoint_args*", {}, BTF_FUNC_GLOBAL},
        {"main of cgroup_sock_addr", BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "bpf_sock_addr*", {}, BTF_FUNC_GLOBAL, 0, BPF_CGROUP_INET4_CONNECT},
        {"static of xdp, with the context", BPF_PROG_TYPE_XDP, "xdp_md*", {calls, exit()}, BTF_FUNC_STATIC},
        {"static of xdp, with a number", BPF_PROG_TYPE_XDP, "xdp_md*", {mov(r1, 5), calls, exit()}, BTF_FUNC_STATIC},
        {"static of xdp, with stack",
         BPF_PROG_TYPE_XDP,
         "xdp_md*",
         {store(BPF_DW, r10, -8, 0), mov(r1, r10), add(r1, -8), calls, exit()},
         BTF_FUNC_STATIC},
        {"global of xdp, with the context", BPF_PROG_TYPE_XDP, "xdp_md*", {calls, exit()}, BTF_FUNC_GLOBAL},
        {"global of xdp, with numbers",
         BPF_PROG_TYPE_XDP,
         "xdp_md*",
         {mov(r1, 5), mov(r2, 5), mov(r3, 5), mov(r4, 5), mov(r5, 5), calls, exit()},
         BTF_FUNC_GLOBAL},
        {"global of xdp, with stack",
         BPF_PROG_TYPE_XDP,
         "xdp_md*",
         {store(BPF_DW, r10, -8, 0), mov(r1, r10), add(r1, -8), calls, exit()},
         BTF_FUNC_GLOBAL},
        {"global of tc, with the context", BPF_PROG_TYPE_SCHED_CLS, "__sk_buff*", {calls, exit()}, BTF_FUNC_GLOBAL},
    };
    std::vector<std::string> lines;
    for (const Way& way : ways) {
        for (const auto& [returns, arguments] : prototypes) {
            Program code{};
            for (const Code& each : way.before) code.push_back(each.slots[0]);
            code.push_back(mov(r0, 0).slots[0]);
            code.push_back(exit().slots[0]);
            Asked asked(returns, arguments, way.linkage, way.context);
            lines.push_back(std::string(way.name) + ", " + written(returns, arguments) + ": " +
                            asked.answer(way.type, code, way.flags, way.attach_type));
        }
    }
    return lines;
}

TEST(Prototypes, AnswerAsOnLinux) {
    const std::vector<std::string> lines = transcript();
    if (getenv("PROTOTYPES") != nullptr) {
        for (const std::string& line : lines) printf("%s\n", line.c_str());
        return;
    }
    std::ifstream file(PROTOTYPES_FILE);
    std::vector<std::string> recorded;
    for (std::string line; std::getline(file, line);) recorded.push_back(line);
    ASSERT_EQ(recorded.size(), lines.size());
    for (size_t i = 0; i < lines.size(); ++i) EXPECT_EQ(recorded[i], lines[i]);
}

}  // namespace
}  // namespace test
