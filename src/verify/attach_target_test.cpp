#include "verify/attach_target.h"

#include <gtest/gtest.h>

#include <functional>

#include "btf/btf_builder.h"

namespace graft {
namespace {

// A tc program: main(skb), global get_x(int), static get_s(int); and an extension new_x(int) with its own BTF.
struct World {
    BtfBuilder target_builder, own_builder;
    uint32_t main_id, get_x_id, get_s_id, new_x_id, new_main_id;
    Ref<Btf> target_btf, own_btf;
    Ref<BoundDevice> device = make_ref<BoundDevice>(), other_device = make_ref<BoundDevice>();
    TargetFacts target;
    AttacherFacts attacher;
    const TargetFacts* given = &target;
    uint32_t btf_id;
    const Btf* vmlinux = nullptr;

    World() {
        const uint32_t t_int = target_builder.integer("int", 4, BTF_INT_SIGNED);
        const uint32_t t_skb = target_builder.pointer(target_builder.structure("__sk_buff", 4, {{"len", t_int, 0}}));
        main_id = target_builder.func("target", target_builder.func_proto(t_int, {{"ctx", t_skb}}));
        get_x_id = target_builder.func("get_x", target_builder.func_proto(t_int, {{"v", t_int}}));
        get_s_id = target_builder.func("get_s", target_builder.func_proto(t_int, {{"v", t_int}}), BTF_FUNC_STATIC);
        target_btf = parse(target_builder);
        const uint32_t o_int = own_builder.integer("int", 4, BTF_INT_SIGNED);
        const uint32_t o_skb = own_builder.pointer(own_builder.structure("__sk_buff", 4, {{"len", o_int, 0}}));
        new_x_id = own_builder.func("new_x", own_builder.func_proto(o_int, {{"v", o_int}}));
        new_main_id = own_builder.func("new_main", own_builder.func_proto(o_int, {{"ctx", o_skb}}));
        own_btf = parse(own_builder);

        target.type = BPF_PROG_TYPE_SCHED_CLS;
        target.btf = target_btf.get();
        target.functions = {{.name = "target", .btf_func_id = main_id, .is_global = true},
                            {.name = "get_x", .btf_func_id = get_x_id, .is_global = true},
                            {.name = "get_s", .btf_func_id = get_s_id, .unreliable = true}};
        attacher.type = BPF_PROG_TYPE_EXT;
        attacher.btf = own_btf.get();
        attacher.main_btf_func_id = new_x_id;
        btf_id = get_x_id;
    }

    static Ref<Btf> parse(const BtfBuilder& builder) {
        Log log;
        return Btf::parse(builder.build(), log).value();
    }
    void becomes_fentry() {
        attacher.type = BPF_PROG_TYPE_TRACING;
        attacher.expected_attach_type = BPF_TRACE_FENTRY;
    }
};

struct Row {
    const char* name;
    std::function<void(World&)> spoil;
    int code;
    std::string log;
};

const Row rows[] = {
    {"as it is", [](World&) {}, 0, ""},
    {"main function", [](World& w) { w.btf_id = w.main_id, w.attacher.main_btf_func_id = w.new_main_id; }, 0, ""},
    {"no id", [](World& w) { w.btf_id = 0; }, EINVAL, "Tracing programs must provide btf_id\n"},
    {"target without BTF", [](World& w) { w.target.btf = nullptr; }, EINVAL,
     "FENTRY/FEXIT program can only be attached to another program annotated with BTF\n"},
    {"id out of range", [](World& w) { w.btf_id = 9999; }, EINVAL, "attach_btf_id 9999 is invalid\n"},
    {"no function", [](World& w) { w.btf_id = 2; }, EINVAL, "Subprog __sk_buff doesn't exist\n"},
    {"no function, no name", [](World& w) { w.btf_id = 3; }, EINVAL, "Subprog  doesn't exist\n"},
    {"bound to the target's interface", [](World& w) { w.attacher.bound_device = w.target.bound_device = w.device.get(); }, 0, ""},
    {"target bound", [](World& w) { w.target.bound_device = w.device.get(); }, 0, ""},
    {"bound to another", [](World& w) { w.attacher.bound_device = w.device.get(), w.target.bound_device = w.other_device.get(); }, EINVAL,
     "Target program bound device mismatch"},
    {"bound, target not", [](World& w) { w.attacher.bound_device = w.device.get(); }, EINVAL, "Target program bound device mismatch"},
    {"bound to one that went",
     [](World& w) {
         w.attacher.bound_device = w.target.bound_device = w.device.get();
         w.device->interface_gone();
     },
     EINVAL, "Target program bound device mismatch"},
    {"static, unreliable", [](World& w) { w.btf_id = w.get_s_id; }, EINVAL, "Cannot replace static functions\n"},
    {"static, reliable", [](World& w) { w.btf_id = w.get_s_id, w.target.functions[2].unreliable = false; }, EINVAL,
     "get_s() is not a global function\n"},
    {"unreliable", [](World& w) { w.target.functions[1].unreliable = true; }, EINVAL, "Cannot replace static functions\n"},
    {"kernel function", [](World& w) { w.given = nullptr, w.vmlinux = w.target_btf.get(); }, EINVAL, "Cannot replace kernel functions\n"},
    {"JIT off", [](World& w) { w.attacher.jit_requested = w.target.jited = false; }, EINVAL, "Extension programs should be JITed\n"},
    {"target not JITed", [](World& w) { w.target.jited = false; }, EINVAL, "Can attach to only JITed progs\n"},
    {"changes the packet", [](World& w) { w.attacher.changes_packet = true; }, EINVAL,
     "Extension program changes packet data, while original does not\n"},
    {"both change the packet", [](World& w) { w.attacher.changes_packet = w.target.functions[1].changes_packet = true; }, 0, ""},
    {"extension of an extension", [](World& w) { w.target.type = BPF_PROG_TYPE_EXT; }, EINVAL, "Cannot recursively attach\n"},
    {"extension of fentry", [](World& w) { w.target.type = BPF_PROG_TYPE_TRACING, w.target.expected_attach_type = BPF_TRACE_FENTRY; },
     EINVAL, "Cannot extend fentry/fexit\n"},
    {"no BTF of its own", [](World& w) { w.attacher.btf = nullptr; }, EINVAL, "Program extension requires BTF\n"},
    {"no func_info of its own", [](World& w) { w.attacher.main_btf_func_id = 0; }, EINVAL, "Program extension requires BTF\n"},
    {"another prototype", [](World& w) { w.btf_id = w.main_id; }, EINVAL, "arg0 in new_x() is INT while target() has PTR\n"},
    {"of the type at load", [](World& w) { w.attacher.recorded_target_type = BPF_PROG_TYPE_SCHED_CLS; }, 0, ""},
    {"not of the type at load", [](World& w) { w.attacher.recorded_target_type = BPF_PROG_TYPE_XDP; }, EINVAL, ""},
    {"not of the attach type at load",
     [](World& w) { w.attacher.recorded_target_type = BPF_PROG_TYPE_SCHED_CLS, w.attacher.recorded_target_expected_attach_type = BPF_XDP; },
     EINVAL, ""},
    {"extension with its target's attach type", [](World& w) { w.attacher.expected_attach_type = BPF_XDP; }, 0, ""},
    {"fentry", [](World& w) { w.becomes_fentry(); }, 0, ""},
    {"fentry on a static function", [](World& w) { w.becomes_fentry(), w.btf_id = w.get_s_id; }, 0, ""},
    {"fentry on an extension", [](World& w) { w.becomes_fentry(), w.target.type = BPF_PROG_TYPE_EXT; }, 0, ""},
    {"fentry on fentry", [](World& w) { w.becomes_fentry(), w.target.type = BPF_PROG_TYPE_TRACING; }, 0, ""},
    {"fentry on fentry on fentry",
     [](World& w) { w.becomes_fentry(), w.target.type = BPF_PROG_TYPE_TRACING, w.target.attached_to_tracing = true; }, EINVAL,
     "Cannot nest tracing program attach more than once\n"},
    {"fentry, not JITed", [](World& w) { w.becomes_fentry(), w.target.jited = false; }, EINVAL, "Can attach to only JITed progs\n"},
    {"fmod_ret", [](World& w) { w.becomes_fentry(), w.attacher.expected_attach_type = BPF_MODIFY_RETURN; }, EINVAL,
     "can't modify return codes of BPF programs\n"},
    {"sleepable fentry", [](World& w) { w.becomes_fentry(), w.attacher.flags = BPF_F_SLEEPABLE; }, EINVAL, "get_x is not sleepable\n"},
    {"tracing of another kind", [](World& w) { w.becomes_fentry(), w.attacher.expected_attach_type = BPF_TRACE_RAW_TP; }, EINVAL,
     "Only FENTRY/FEXIT progs are attachable to another BPF prog\n"},
    {"tracing of no kind", [](World& w) { w.becomes_fentry(), w.attacher.expected_attach_type = BPF_XDP; }, EINVAL, ""},
};

TEST(AttachTarget, Rows) {
    for (const Row& row : rows) {
        World world;
        row.spoil(world);
        Log log(Log::level1, 4096);
        const auto info = check_attach_target(world.attacher, world.given, world.btf_id, world.vmlinux, log);
        EXPECT_EQ(info.code(), row.code) << row.name;
        EXPECT_EQ(log.text(), row.log) << row.name;
        Log none;
        EXPECT_EQ(check_attach_target(world.attacher, world.given, world.btf_id, world.vmlinux, none).code(), row.code) << row.name;
    }
}

TEST(AttachTarget, SaysWhereItAttaches) {
    World world;
    world.target.expected_attach_type = BPF_XDP;
    Log log;
    const auto info = check_attach_target(world.attacher, world.given, world.btf_id, nullptr, log).value();
    EXPECT_EQ(info.subprogram, 1U);
    EXPECT_EQ(info.btf_func_id, world.get_x_id);
    EXPECT_EQ(info.name, "get_x");
    EXPECT_EQ(info.target_type, uint32_t{BPF_PROG_TYPE_SCHED_CLS});
    EXPECT_EQ(info.target_expected_attach_type, uint32_t{BPF_XDP});
    ASSERT_EQ(info.model.args.size(), 1U);
    EXPECT_EQ(info.model.args[0].size, 4U);
}

}  // namespace
}  // namespace graft
