#include "btf/btf.h"

#include <gtest/gtest.h>

#include "btf/btf_builder.h"

namespace graft {
namespace {

TEST(Btf, ParsesAndAnswers) {
    BtfBuilder builder;
    const uint32_t integer = builder.integer("int", 4, BTF_INT_SIGNED);
    const uint32_t alias = builder.type_definition("my_int", builder.reference(BTF_KIND_CONST, integer));
    const uint32_t array = builder.array(alias, integer, 10);
    const uint32_t structure = builder.structure("pair", 48, {{"a", alias, 0}, {"b", array, 64}});
    const uint32_t proto = builder.func_proto(integer, {{"p", builder.pointer(structure)}});
    const uint32_t func = builder.func("get", proto);
    Log log(Log::level1, 1 << 16);
    const Result<Ref<Btf>> parsed = Btf::parse(builder.build(), log);
    ASSERT_TRUE(parsed.ok()) << log.text();
    const Btf& btf = **parsed;
    EXPECT_EQ(btf.count(), func + 1);
    EXPECT_EQ(btf.resolve_size(structure).value(), 48U);
    EXPECT_EQ(btf.resolve_size(array).value(), 40U);
    EXPECT_EQ(btf.resolve_size(alias).value(), 4U);
    EXPECT_EQ(btf.skip_modifiers(alias).id(), integer);
    EXPECT_EQ(btf.find("pair", BTF_KIND_STRUCT).value().id(), structure);
    EXPECT_EQ(btf.find("pair", BTF_KIND_UNION).code(), ENOENT);
    EXPECT_EQ(btf.type(structure).member(1).name, "b");
    EXPECT_EQ(btf.type(structure).member(1).bit_offset, 64U);
    EXPECT_EQ(btf.func_proto(func).value().params().size(), 1U);
    EXPECT_EQ(btf.func_proto(structure).code(), EINVAL);
    EXPECT_FALSE(btf.find_type(func + 1).has_value());
}

TEST(Btf, IdGoesWithTheObject) {
    BtfBuilder builder;
    builder.integer("int", 4);
    IdTable<Btf> table;
    Log log;
    Ref<Btf> btf = Btf::parse(builder.build(), log).value();
    const uint32_t id = btf->register_in(table);
    EXPECT_EQ(table.find(id).get(), btf.get());
    btf = nullptr;
    EXPECT_EQ(table.size(), 0U);
}

}  // namespace
}  // namespace graft
