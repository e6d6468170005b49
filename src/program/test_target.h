// A target with three functions and extensions for two of them, with BTF, for unit tests of links and their commands.
#pragma once

#include "btf/btf_builder.h"
#include "image/target_registry.h"
#include "program/test_program.h"

namespace graft::test {

// int target(struct __sk_buff *), int get_x(int), int get_y(int): target returns get_x() * 1000 + get_y(), which return 1 and 2.
struct TargetProgram {
    uint32_t main_id = 0, get_x_id = 0, get_y_id = 0;
    Ref<Program> program;

    explicit TargetProgram(TargetRegistry& targets, IdTable<Program>& programs, IdTable<Btf>& btfs,
                           uint32_t type = BPF_PROG_TYPE_SCHED_CLS) {
        BtfBuilder builder;
        const uint32_t int_ = builder.integer("int", 4, BTF_INT_SIGNED);
        const uint32_t context = builder.pointer(builder.structure("__sk_buff", 4, {{"len", int_, 0}}));
        main_id = builder.func("target", builder.func_proto(int_, {{"ctx", context}}));
        get_x_id = builder.func("get_x", builder.func_proto(int_, {{"v", int_}}));
        get_y_id = builder.func("get_y", builder.func_proto(int_, {{"v", int_}}));
        VerifiedProgram code =
            verified({{mov(1, 0), call(1), insn(BPF_ALU64 | BPF_MUL | BPF_K, 0, 0, 0, 1000), mov_reg(6, 0), call(2), add_reg(0, 6), exit()},
                      {mov(0, 1), exit()},
                      {mov(0, 2), exit()}});
        name(code, 0, "target", main_id);
        name(code, 1, "get_x", get_x_id);
        name(code, 2, "get_y", get_y_id);
        ProgramFacts facts;
        facts.type = type;
        facts.name = "target";
        facts.btf = parse(builder, btfs);
        program = make_program(std::move(code), std::move(facts), {}, default_engine(), targets.run_state());
        finish(targets, programs);
    }

    static void name(VerifiedProgram& code, uint32_t i, const char* function, uint32_t id) {
        code.subprograms[i].name = function;
        code.subprograms[i].btf_func_id = id;
    }
    static Ref<Btf> parse(const BtfBuilder& builder, IdTable<Btf>& btfs) {
        Log log;
        Ref<Btf> btf = Btf::parse(builder.build(), log).value();
        btf->register_in(btfs);
        return btf;
    }
    void finish(TargetRegistry& targets, IdTable<Program>& programs) const {
        (void)targets.link(*program);
        program->register_in(programs);
    }
};

// int new_x(int) that returns `result`, made for get_x of a target.
inline Ref<Program> make_extension(const TargetProgram& target, int result, TargetRegistry& targets, IdTable<Program>& programs,
                                   IdTable<Btf>& btfs) {
    BtfBuilder builder;
    const uint32_t int_ = builder.integer("int", 4, BTF_INT_SIGNED);
    const uint32_t id = builder.func("new_x", builder.func_proto(int_, {{"v", int_}}));
    VerifiedProgram code = verified({{mov(0, result), exit()}});
    TargetProgram::name(code, 0, "new_x", id);
    ProgramFacts facts;
    facts.type = BPF_PROG_TYPE_EXT;
    facts.name = "new_x";
    facts.btf = TargetProgram::parse(builder, btfs);
    facts.attach_btf_id = target.get_x_id;
    facts.target_type = target.program->facts().type;
    Ref<Program> program =
        make_program(std::move(code), std::move(facts), {target.program, 1, target.get_x_id}, default_engine(), targets.run_state());
    (void)targets.link(*program);
    program->register_in(programs);
    return program;
}

}  // namespace graft::test
