#include "map/struct_ops.h"

#include "btf/vmlinux.h"
#include "map/map_test_support.h"

namespace graft {
namespace {

class StructOps : public MapTest {
protected:
    StructOps() { environment_.vmlinux = vmlinux_.get(); }
    MapSpec dummy() {
        const auto type = vmlinux_->find("bpf_struct_ops_bpf_dummy_ops", BTF_KIND_STRUCT);
        MapSpec wanted = spec(BPF_MAP_TYPE_STRUCT_OPS, 4, type->size(), 1);
        wanted.vmlinux_value_type_id = type->id();
        return wanted;
    }
    int code_with(void (*spoil)(MapSpec&)) {
        MapSpec wanted = dummy();
        spoil(wanted);
        return make(wanted).code();
    }
    Ref<Btf> vmlinux_ = make_vmlinux_btf().value();
};

TEST_F(StructOps, RefusesWhatLinuxRefuses) {
    EXPECT_EQ(code_with([](MapSpec&) {}), 0);
    EXPECT_EQ(code_with([](MapSpec& s) { s.key_size = 8; }), EINVAL);
    EXPECT_EQ(code_with([](MapSpec& s) { s.max_entries = 2; }), EINVAL);
    EXPECT_EQ(code_with([](MapSpec& s) { s.flags = BPF_F_NO_PREALLOC; }), EINVAL);
    EXPECT_EQ(code_with([](MapSpec& s) { s.vmlinux_value_type_id = 0; }), EINVAL);
    EXPECT_EQ(code_with([](MapSpec& s) { s.vmlinux_value_type_id = 1; }), abi::enotsupp);
    EXPECT_EQ(code_with([](MapSpec& s) { s.vmlinux_value_type_id = 1 << 19; }), abi::enotsupp);
    EXPECT_EQ(code_with([](MapSpec& s) { s.value_size = 8; }), EINVAL);
}

TEST_F(StructOps, NothingIsRegistered) {
    const Ref<Map> m = map(dummy());
    std::vector<std::byte> value(m->spec().value_size, std::byte{1});
    const uint32_t zero = 0, one = 1;
    EXPECT_EQ(m->lookup(bytes_of(zero), value, 0).code(), 0);
    EXPECT_EQ(value.front(), std::byte{0});
    EXPECT_EQ(m->lookup(bytes_of(one), value, 0).code(), ENOENT);
    EXPECT_EQ(m->update(caller_, bytes_of(zero), value, 0).code(), EOPNOTSUPP);
    EXPECT_EQ(m->update(caller_, bytes_of(one), value, 0).code(), E2BIG);
    EXPECT_EQ(m->erase(bytes_of(zero)).code(), ENOENT);
    uint32_t next = 7;
    EXPECT_EQ(m->next_key(std::nullopt, writable_bytes_of(next)).code(), 0);
    EXPECT_EQ(next, 0U);
    EXPECT_EQ(m->next_key(bytes_of(zero), writable_bytes_of(next)).code(), ENOENT);
}

}  // namespace
}  // namespace graft
