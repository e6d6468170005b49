// XDP programs that are bound to a device (BPF_F_XDP_DEV_BOUND_ONLY with prog_ifindex): where they may be attached, and what may be
// attached to them.
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <gtest/gtest.h>
#include <linux/if_link.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "support/assembly.h"
#include "support/attach.h"
#include "support/btf_builder.h"
#include "support/network.h"
#include "support/programs.h"

namespace test {
namespace {

constexpr uint32_t bound_only = 1U << 6;

struct FreeBtf {
    void operator()(btf* object) const { btf__free(object); }
};

class DeviceBound : public testing::Test {
protected:
    void SetUp() override {
        ASSERT_TRUE(network.ok());
        const uint32_t integer = types.integer("int", 4, BTF_INT_SIGNED);
        const uint32_t md = types.type("xdp_md", BTF_KIND_STRUCT, 0, 24);
        const uint32_t prototype = types.prototype(integer, {{"ctx", types.type("", BTF_KIND_PTR, 0, md)}});
        main = types.function("main", prototype, BTF_FUNC_GLOBAL);
        function = types.function("function", prototype, BTF_FUNC_GLOBAL);
        btf = Fd(types.load());
        ASSERT_TRUE(btf.ok());
    }
    static inline const Program code{mov(r0, XDP_PASS), exit()};
    static inline const Program zero{mov(r0, 0), exit()};
    static inline const Program calls{raw(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, 1), exit(), mov(r0, XDP_PASS), exit()};
    Attr attr_of(uint32_t type, const Program& program, int ifindex, uint32_t flags = bound_only) {
        Attr attr = program_attr(type, program);
        attr->prog_flags = flags;
        attr->prog_ifindex = static_cast<uint32_t>(ifindex);
        infos[0] = {0, main};
        infos[1] = {2, function};
        attr->prog_btf_fd = btf.u();
        attr->func_info = pointer(infos);
        attr->func_info_cnt = &program == &calls ? 2 : 1;
        attr->func_info_rec_size = sizeof infos[0];
        attr->log_buf = pointer(log.data());
        attr->log_size = static_cast<uint32_t>(log.size());
        attr->log_level = 1;
        return attr;
    }
    Fd load(int ifindex) { return Fd(attr_of(BPF_PROG_TYPE_XDP, calls, ifindex, ifindex != 0 ? bound_only : 0).call(BPF_PROG_LOAD)); }
    Fd load_for(uint32_t type, uint32_t attach_type, const Fd& target, uint32_t id = 0, int ifindex = 0) {
        Attr attr = attr_of(type, type == BPF_PROG_TYPE_EXT ? code : zero, ifindex, ifindex != 0 ? bound_only : 0);
        attr->expected_attach_type = attach_type;
        attr->attach_prog_fd = target.u();
        attr->attach_btf_id = id != 0 ? id : function;
        return Fd(attr.call(BPF_PROG_LOAD));
    }
    long answer(uint32_t type, int ifindex, uint32_t flags) { return Fd(attr_of(type, code, ifindex, flags).call(BPF_PROG_LOAD)).error(); }
    static long update(const Fd& link, const Fd& program) {
        Attr attr;
        attr->link_update.link_fd = link.u();
        attr->link_update.new_prog_fd = program.u();
        return attr.call(BPF_LINK_UPDATE);
    }
    static long link(const Fd& program, int ifindex, uint32_t flags = XDP_FLAGS_DRV_MODE) {
        Attr attr;
        attr->link_create.prog_fd = program.u();
        attr->link_create.target_ifindex = static_cast<uint32_t>(ifindex);
        attr->link_create.attach_type = BPF_XDP;
        attr->link_create.flags = flags;
        return attr.call(BPF_LINK_CREATE);
    }
    Network network;
    int veth0 = network.veth0(), veth1 = network.veth1();
    BtfBuilder types;
    uint32_t main = 0, function = 0;
    Fd btf;
    bpf_func_info infos[2] = {};
    std::string log = std::string(65536, '\0');
};

// --- load ---------------------------------------------------------------------------------------------------

TEST_F(DeviceBound, LoadsForAnInterface) {
    EXPECT_ANSWER(0, answer(BPF_PROG_TYPE_XDP, veth0, bound_only));
    EXPECT_ANSWER(0, answer(BPF_PROG_TYPE_XDP, veth0, bound_only | BPF_F_XDP_HAS_FRAGS));
    EXPECT_ANSWER(0, answer(BPF_PROG_TYPE_XDP, 0, bound_only));  // not bound
    EXPECT_ANSWER(0, answer(BPF_PROG_TYPE_SCHED_CLS, 0, bound_only));
}
TEST_F(DeviceBound, OtherFlagsAreEinval) {
    for (uint32_t flags : {bound_only | BPF_F_TEST_STATE_FREQ, bound_only | BPF_F_STRICT_ALIGNMENT, BPF_F_XDP_HAS_FRAGS + 0U}) {
        EXPECT_ANSWER(-EINVAL, answer(BPF_PROG_TYPE_XDP, veth0, flags)) << flags;
    }
}
TEST_F(DeviceBound, OtherTypesAreEinval) {
    EXPECT_ANSWER(-EINVAL, answer(BPF_PROG_TYPE_SCHED_CLS, veth0, bound_only));
    EXPECT_ANSWER(-EINVAL, answer(BPF_PROG_TYPE_SOCKET_FILTER, veth0, bound_only));
    EXPECT_ANSWER(-EINVAL, answer(BPF_PROG_TYPE_SOCKET_FILTER, veth0, 0));
}
TEST_F(DeviceBound, AnInterfaceThatIsNotThereIsEinval) {
    EXPECT_ANSWER(-EINVAL, answer(BPF_PROG_TYPE_XDP, 9999, bound_only));
    EXPECT_ANSWER(-EINVAL, answer(BPF_PROG_TYPE_XDP, 9999, 0));
}
TEST_F(DeviceBound, AnInterfaceWithoutADriverForItIsEopnotsupp) {
    EXPECT_ANSWER(-EOPNOTSUPP, answer(BPF_PROG_TYPE_XDP, 1, bound_only));  // lo
    EXPECT_ANSWER(-EOPNOTSUPP, answer(BPF_PROG_TYPE_XDP, 1, 0));
}
// Without the flag it is to be offloaded.
TEST_F(DeviceBound, OffloadIsEinval) {
    EXPECT_ANSWER(-EINVAL, answer(BPF_PROG_TYPE_XDP, veth0, 0));
    EXPECT_ANSWER(-EINVAL, answer(BPF_PROG_TYPE_SCHED_CLS, veth0, 0));
}
TEST_F(DeviceBound, InfoNamesNoInterface) {
    const Fd bound = load(veth0);
    const bpf_prog_info info = prog_info(bound.get());
    EXPECT_EQ(0U, info.ifindex);
    EXPECT_EQ(0U, info.netns_ino);
}

// --- where it goes ----------------------------------------------------------------------------------------------

TEST_F(DeviceBound, AttachesToItsInterface) {
    const Fd bound = load(veth0);
    ASSERT_ANSWER(0, bound.error()) << log.c_str();
    EXPECT_ANSWER(0, Fd(link(bound, veth0)).error());
    EXPECT_ANSWER(0, Fd(link(bound, veth0, 0)).error());
    EXPECT_ANSWER(0, bpf_xdp_attach(veth0, bound.get(), 0, nullptr));
    EXPECT_ANSWER(0, bpf_xdp_detach(veth0, 0, nullptr));
}
TEST_F(DeviceBound, ToAnotherInterfaceIsEinval) {
    const Fd bound = load(veth0);
    EXPECT_ANSWER(-EINVAL, link(bound, veth1));
    EXPECT_ANSWER(-EINVAL, link(bound, veth1, XDP_FLAGS_SKB_MODE));
    EXPECT_ANSWER(-EINVAL, bpf_xdp_attach(veth1, bound.get(), 0, nullptr));
}
TEST_F(DeviceBound, InGenericOrHardwareModeIsEinval) {
    const Fd bound = load(veth0);
    EXPECT_ANSWER(-EINVAL, link(bound, veth0, XDP_FLAGS_SKB_MODE));
    EXPECT_ANSWER(-EINVAL, link(bound, veth0, XDP_FLAGS_HW_MODE));
    EXPECT_ANSWER(-EINVAL, bpf_xdp_attach(veth0, bound.get(), XDP_FLAGS_SKB_MODE, nullptr));
}
TEST_F(DeviceBound, ALinkIsUpdatedToOneOfItsInterface) {
    const Fd bound = load(veth0), other = load(veth1), plain = load(0);
    const Fd native(link(plain, veth0));
    EXPECT_ANSWER(-EINVAL, update(native, other));
    EXPECT_ANSWER(0, update(native, bound));
    EXPECT_ANSWER(0, update(native, plain));
}
TEST_F(DeviceBound, AGenericLinkIsNot) {
    const Fd bound = load(veth0), plain = load(0);
    const Fd generic(link(plain, veth0, XDP_FLAGS_SKB_MODE));
    EXPECT_ANSWER(-EINVAL, update(generic, bound));
}
TEST_F(DeviceBound, ATestRunIsEinval) {
    const Fd bound = load(veth0);
    EXPECT_ANSWER(-EINVAL, run(bound.get()).answer);
}
TEST_F(DeviceBound, GoesIntoNoMap) {
    const Fd bound = load(veth0), plain = load(0);
    const Fd array(map_create(BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 2)), devices(map_create(BPF_MAP_TYPE_DEVMAP, 4, 8, 2));
    uint32_t key = 0, value = bound.u();
    EXPECT_ANSWER(-EINVAL, map_update(array, &key, &value));
    value = plain.u();
    EXPECT_ANSWER(0, map_update(array, &key, &value));
    const uint32_t entry[] = {static_cast<uint32_t>(veth1), bound.u()};
    EXPECT_ANSWER(-EINVAL, map_update(devices, &key, entry));
}
TEST_F(DeviceBound, MakesTailCalls) {
    const Fd array(map_create(BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 2));
    const Program jumps{map_fd(r2, array.get()), mov(r3, 0), call(BPF_FUNC_tail_call), mov(r0, 2), exit()};
    const Fd bound(attr_of(BPF_PROG_TYPE_XDP, jumps, veth0).call(BPF_PROG_LOAD)), plain = load(0);
    ASSERT_ANSWER(0, bound.error()) << log.c_str();
    const uint32_t key = 0, value = plain.u();
    EXPECT_ANSWER(0, map_update(array, &key, &value));
    EXPECT_ANSWER(0, Fd(link(bound, veth0)).error());
}

// --- extensions and tracing programs of it ------------------------------------------------------------------------

TEST_F(DeviceBound, AnExtensionIsBoundWithItsTarget) {
    const Fd bound = load(veth0), again = load(veth0), other = load(veth1), plain = load(0);
    const Fd extension = load_for(BPF_PROG_TYPE_EXT, 0, bound);
    ASSERT_ANSWER(0, extension.error()) << log.c_str();
    EXPECT_ANSWER(-EINVAL, attach(extension.get(), other.get(), function));
    EXPECT_ANSWER(-EINVAL, attach(extension.get(), plain.get(), function));
    const Fd first(attach(extension.get(), again.get(), function));
    EXPECT_ANSWER(0, first.error());
    EXPECT_ANSWER(0, Fd(attach(extension.get(), bound.get(), function)).error());
}
TEST_F(DeviceBound, AnExtensionThatIsNotGoesToOneThatIs) {
    const Fd bound = load(veth0), plain = load(0);
    const Fd extension = load_for(BPF_PROG_TYPE_EXT, 0, plain);
    ASSERT_ANSWER(0, extension.error()) << log.c_str();
    EXPECT_ANSWER(0, Fd(attach(extension.get(), bound.get(), function)).error());
}
TEST_F(DeviceBound, AnExtensionNamesNoInterface) {
    const Fd bound = load(veth0);
    EXPECT_ANSWER(-EINVAL, load_for(BPF_PROG_TYPE_EXT, 0, bound, function, veth0).error());
}
TEST_F(DeviceBound, IsTraced) {
    const Fd bound = load(veth0);
    for (const uint32_t id : {function, main}) {
        const Fd tracing = load_for(BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, bound, id);
        ASSERT_ANSWER(0, tracing.error()) << log.c_str();
        EXPECT_ANSWER(0, Fd(attach(tracing.get(), 0, 0, BPF_TRACE_FENTRY)).error());
    }
}
TEST_F(DeviceBound, OfAnInterfaceThatWentIsBoundToNone) {
    const Fd bound = load(veth0), again = load(veth0);
    const Fd extension = load_for(BPF_PROG_TYPE_EXT, 0, bound);
    const Fd on_it(link(bound, veth0));
    ASSERT_ANSWER(0, on_it.error());
    ASSERT_EQ(0, std::system("ip link del veth0"));
    EXPECT_ANSWER(-EINVAL, attach(extension.get(), again.get(), function));
    EXPECT_ANSWER(-EINVAL, load_for(BPF_PROG_TYPE_EXT, 0, again).error());
    EXPECT_ANSWER(0, load_for(BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, again).error());
    EXPECT_ANSWER(-EINVAL, run(bound.get()).answer);
    ASSERT_EQ(0, std::system("ip link add veth0 type veth peer name veth1"));
    EXPECT_ANSWER(-EINVAL, link(again, static_cast<int>(if_nametoindex("veth0"))));
}

// --- metadata of packets ---------------------------------------------------------------------------------------

class DeviceMetadata : public DeviceBound {
protected:
    // Asks a function of the kernel with two places on the stack.
    void SetUp() override {
        DeviceBound::SetUp();
        const std::unique_ptr<struct btf, FreeBtf> kernel(btf__load_from_kernel_by_id(1));
        ASSERT_TRUE(kernel);
        for (const char* name : {"bpf_xdp_metadata_rx_timestamp", "bpf_xdp_metadata_rx_hash", "bpf_xdp_metadata_rx_vlan_tag"}) {
            const int id = btf__find_by_name_kind(kernel.get(), name, BTF_KIND_FUNC);
            ASSERT_LT(0, id) << name;
            programs.push_back({store(BPF_DW, r10, -8, 0), store(BPF_DW, r10, -16, 0), mov(r2, r10), add(r2, -8), mov(r3, r10),
                                add(r3, -16), raw(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_KFUNC_CALL, 0, id), mov(r0, XDP_PASS), exit()});
        }
    }
    std::string said(Attr attr) {
        const Fd program(attr.call(BPF_PROG_LOAD));
        return name_of(program.error()) + " " + log.substr(0, log.find('\n'));
    }
    std::vector<Program> programs;
};
constexpr const char* refused = "-EINVAL metadata kfuncs require device-bound program";

TEST_F(DeviceMetadata, IsForProgramsThatAreBound) {
    for (const Program& asks : programs) {
        EXPECT_ANSWER(0, Fd(attr_of(BPF_PROG_TYPE_XDP, asks, veth0).call(BPF_PROG_LOAD)).error()) << log.c_str();
        EXPECT_EQ(refused, said(attr_of(BPF_PROG_TYPE_XDP, asks, 0)));
        EXPECT_EQ(refused, said(attr_of(BPF_PROG_TYPE_XDP, asks, 0, 0)));
        EXPECT_EQ(refused, said(attr_of(BPF_PROG_TYPE_SCHED_CLS, asks, 0, 0)));
    }
}
TEST_F(DeviceMetadata, IsForTheirExtensions) {
    const Fd bound = load(veth0), plain = load(0);
    for (const Program& asks : programs) {
        Attr attr = attr_of(BPF_PROG_TYPE_EXT, asks, 0, 0);
        attr->attach_btf_id = function;
        attr->attach_prog_fd = plain.u();
        EXPECT_EQ(refused, said(attr));
        attr->attach_prog_fd = bound.u();
        const Fd extension(attr.call(BPF_PROG_LOAD));
        ASSERT_ANSWER(0, extension.error()) << log.c_str();
        EXPECT_ANSWER(0, Fd(attach(extension.get())).error());
    }
}
TEST_F(DeviceMetadata, NowhereToWriteIsEacces) {
    Program asks = programs.at(0);
    asks.erase(asks.begin() + 3);  // r2 += -8
    asks[2] = bpf_insn{BPF_ALU64 | BPF_MOV | BPF_K, r2, 0, 0, 0};
    EXPECT_ANSWER(-EACCES, attr_of(BPF_PROG_TYPE_XDP, asks, veth0).call(BPF_PROG_LOAD));
}

}  // namespace
}  // namespace test
