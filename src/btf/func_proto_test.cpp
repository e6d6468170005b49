#include "btf/func_proto.h"

#include <gtest/gtest.h>

#include <functional>

#include "btf/btf_builder.h"

namespace graft {
namespace {

// Types that both programs of a row have, at the same ids.
struct Types {
    BtfBuilder builder;
    uint32_t int_ = builder.integer("int", 4, BTF_INT_SIGNED);
    uint32_t unsigned_ = builder.integer("unsigned int", 4);
    uint32_t char_ = builder.integer("char", 1, BTF_INT_SIGNED);
    uint32_t long_ = builder.integer("long", 8, BTF_INT_SIGNED);
    uint32_t enum_ = builder.enumeration("e", 4, {{"e_one", 1}, {"e_two", 2}});
    uint32_t short_enum = builder.enumeration("f", 4, {{"f_one", 1}});
    uint32_t int_alias = builder.type_definition("my_int", builder.reference(BTF_KIND_CONST, int_));
    uint32_t skb = builder.structure("__sk_buff", 4, {{"len", unsigned_, 0}});
    uint32_t md = builder.structure("xdp_md", 4, {{"data", unsigned_, 0}});
    uint32_t skb_pointer = builder.pointer(skb);
    uint32_t const_skb_pointer = builder.pointer(builder.reference(BTF_KIND_CONST, skb));
    uint32_t md_pointer = builder.pointer(md);
    uint32_t void_pointer = builder.pointer(0);
    uint32_t int_pointer = builder.pointer(int_);
    uint32_t array = builder.array(int_, int_, 2);
    uint32_t float_ = builder.raw(builder.string("float"), BtfBuilder::info(BTF_KIND_FLOAT), 4);
    uint32_t large = builder.structure("large", 24, {{"a", long_, 0}});
    uint32_t pair = builder.structure("pair", 16, {{"a", long_, 0}, {"b", long_, 64}});
    uint32_t empty = builder.structure("empty", 0, {});
    uint32_t fwd = builder.raw(builder.string("gone"), BtfBuilder::info(BTF_KIND_FWD), 0);

    uint32_t proto(uint32_t result, std::initializer_list<uint32_t> args) {
        std::vector<BtfBuilder::Param> params;
        for (const uint32_t arg : args) params.push_back({arg == 0 ? "" : "x", arg});
        return builder.func_proto(result, params);
    }
    Ref<Btf> parse() {
        Log log(Log::level1, 1 << 16);
        auto parsed = Btf::parse(builder.build(), log);
        EXPECT_TRUE(parsed.ok()) << log.text();
        return parsed.ok() ? parsed.value() : nullptr;
    }
};

struct Outcome {
    int code;
    std::string log;
};

Outcome compare(const std::function<uint32_t(Types&)>& extension_proto, const std::function<uint32_t(Types&)>& target_proto,
                uint32_t extension_linkage = BTF_FUNC_GLOBAL, uint32_t target_linkage = BTF_FUNC_GLOBAL) {
    Types extension;
    Types target;
    const uint32_t ours = extension.builder.func("ext", extension_proto(extension), extension_linkage);
    const uint32_t theirs = target.builder.func("get_x", target_proto(target), target_linkage);
    Log log(Log::level1, 1 << 12);
    const int code = compare_prototypes(*extension.parse(), ours, *target.parse(), theirs, log).code();
    return {code, std::string(log.text())};
}

uint32_t int_of_int(Types& t) { return t.proto(t.int_, {t.int_}); }
uint32_t int_of_skb(Types& t) { return t.proto(t.int_, {t.skb_pointer}); }

TEST(Prototypes, TheRulesOfReplacement) {
    struct Row {
        const char* what;
        std::function<uint32_t(Types&)> extension, target;
        const char* log;  // null: accepted
    };
    const Row rows[] = {
        {"equal", int_of_int, int_of_int, nullptr},
        {"more args", [](Types& t) { return t.proto(t.int_, {t.int_, t.int_}); }, int_of_int,
         "ext() has 2 args while get_x() has 1 args\n"},
        {"fewer args", [](Types& t) { return t.proto(t.int_, {}); }, int_of_int, "ext() has 0 args while get_x() has 1 args\n"},
        {"long arg", [](Types& t) { return t.proto(t.int_, {t.long_}); }, int_of_int, "arg0 in ext() has size 8 while get_x() has 4\n"},
        {"char arg", [](Types& t) { return t.proto(t.int_, {t.char_}); }, int_of_int, "arg0 in ext() has size 1 while get_x() has 4\n"},
        {"unsigned arg", [](Types& t) { return t.proto(t.int_, {t.unsigned_}); }, int_of_int, nullptr},
        {"alias arg", [](Types& t) { return t.proto(t.int_alias, {t.int_alias}); }, int_of_int, nullptr},
        {"enum arg", [](Types& t) { return t.proto(t.int_, {t.enum_}); }, int_of_int, "arg0 in ext() is ENUM while get_x() has INT\n"},
        {"enum of as many values", [](Types& t) { return t.proto(t.int_, {t.enum_}); }, [](Types& t) { return t.proto(t.int_, {t.enum_}); },
         nullptr},
        {"enum of more values", [](Types& t) { return t.proto(t.int_, {t.enum_}); },
         [](Types& t) { return t.proto(t.int_, {t.short_enum}); }, "arg0 in ext() is ENUM while get_x() has ENUM\n"},
        {"pointer arg", int_of_skb, int_of_int, "arg0 in ext() is PTR while get_x() has INT\n"},
        {"long result", [](Types& t) { return t.proto(t.long_, {t.int_}); }, int_of_int, nullptr},
        {"char result", [](Types& t) { return t.proto(t.char_, {t.int_}); }, int_of_int, nullptr},
        {"void result", [](Types& t) { return t.proto(0, {t.int_}); }, int_of_int,
         "Return type UNKNOWN of ext() doesn't match type INT of get_x()\n"},
        {"pointer result", [](Types& t) { return t.proto(t.skb_pointer, {t.int_}); }, int_of_int,
         "Return type PTR of ext() doesn't match type INT of get_x()\n"},
        {"context", int_of_skb, int_of_skb, nullptr},
        {"const context", [](Types& t) { return t.proto(t.int_, {t.const_skb_pointer}); }, int_of_skb, nullptr},
        {"other context", [](Types& t) { return t.proto(t.int_, {t.md_pointer}); }, int_of_skb,
         "arg0 ext(struct xdp_md *) doesn't match get_x(struct __sk_buff *)\n"},
        {"void pointer", [](Types& t) { return t.proto(t.int_, {t.void_pointer}); }, int_of_skb,
         "arg0 in ext() is not a pointer to context\n"},
        {"int pointer", [](Types& t) { return t.proto(t.int_, {t.int_, t.int_pointer}); },
         [](Types& t) { return t.proto(t.int_, {t.int_, t.int_pointer}); }, "arg1 in ext() is not a pointer to context\n"},
        {"target's void pointer", int_of_skb, [](Types& t) { return t.proto(t.int_, {t.void_pointer}); },
         "arg0 in get_x() is not a pointer to context\n"},
        {"struct by value", [](Types& t) { return t.proto(t.int_, {t.pair}); }, [](Types& t) { return t.proto(t.int_, {t.pair}); },
         "arg0 in ext() has unrecognized type\n"},
        {"array", [](Types& t) { return t.proto(t.int_, {t.array}); }, [](Types& t) { return t.proto(t.int_, {t.array}); },
         "arg0 in ext() has unrecognized type\n"},
    };
    for (const Row& row : rows) {
        const Outcome outcome = compare(row.extension, row.target);
        EXPECT_EQ(outcome.code, row.log == nullptr ? 0 : EINVAL) << row.what;
        EXPECT_EQ(outcome.log, row.log == nullptr ? "" : row.log) << row.what;
    }
}

TEST(Prototypes, BothMustBeGlobal) {
    EXPECT_EQ(compare(int_of_int, int_of_int, BTF_FUNC_STATIC).log, "ext() is not a global function\n");
    EXPECT_EQ(compare(int_of_int, int_of_int, BTF_FUNC_GLOBAL, BTF_FUNC_STATIC).log, "get_x() is not a global function\n");
}

TEST(Prototypes, IdsMustBeFunctions) {
    Types types;
    const uint32_t func = types.builder.func("f", int_of_int(types));
    const Ref<Btf> btf = types.parse();
    Log log;
    EXPECT_EQ(compare_prototypes(*btf, types.int_, *btf, func, log).code(), EFAULT);
    EXPECT_EQ(compare_prototypes(*btf, func, *btf, 1'000'000, log).code(), EFAULT);
}

TEST(FunctionModel, SizesAndKinds) {
    Types types;
    const uint32_t proto = types.proto(types.int_alias, {types.skb_pointer, types.char_, types.enum_, types.pair});
    const uint32_t nothing = types.proto(0, {});
    const Ref<Btf> btf = types.parse();
    Log log;
    const FunctionModel model = model_function(*btf, proto, "f", log).value();
    using Kind = FunctionModel::Kind;
    EXPECT_EQ(model.result.kind, Kind::scalar);
    EXPECT_TRUE(model.result.is_signed);
    ASSERT_EQ(model.args.size(), 4U);
    EXPECT_EQ(model.args[0].kind, Kind::pointer);
    EXPECT_EQ(model.args[0].size, 8U);
    EXPECT_EQ(model.args[1].size, 1U);
    EXPECT_FALSE(model.args[2].is_signed);
    EXPECT_EQ(model.args[3].kind, Kind::structure);
    EXPECT_EQ(model.args[3].size, 16U);
    EXPECT_EQ(model_function(*btf, nothing, "f", log).value().result.kind, Kind::none);
    EXPECT_EQ(unknown_function_model().args.size(), 5U);
}

TEST(FunctionModel, WhatIsNotSupported) {
    Types types;
    const uint32_t i = types.int_;
    const std::pair<uint32_t, const char*> rows[] = {
        {types.proto(i, {i, i, i, i, i, i, i, i, i, i, i, i, i}), "The function f has 13 arguments. Too many.\n"},
        {types.proto(types.pair, {}), "The function f return type STRUCT is unsupported.\n"},
        {types.proto(types.float_, {}), "The function f return type FLOAT is unsupported.\n"},
        {types.proto(i, {i, 0}), "The function f with variable args is unsupported.\n"},
        {types.proto(i, {types.float_}), "The function f arg0 type FLOAT is unsupported.\n"},
        {types.proto(i, {i, types.large}), "The function f arg1 type STRUCT is unsupported.\n"},
        {types.proto(i, {types.empty}), "The function f has malformed void argument.\n"},
    };
    const Ref<Btf> btf = types.parse();
    for (const auto& [proto, expected] : rows) {
        Log log(Log::level1, 1 << 12);
        EXPECT_EQ(model_function(*btf, proto, "f", log).code(), EINVAL) << expected;
        EXPECT_EQ(log.text(), expected);
    }
}

}  // namespace
}  // namespace graft
