#include "btf/special_fields.h"

#include <gtest/gtest.h>

#include <functional>

#include "btf/btf_builder.h"

namespace graft {
namespace {

// The special types, each with the size that makes it one.
struct Objects {
    BtfBuilder builder;
    uint32_t int_ = builder.integer("int", 4, BTF_INT_SIGNED);
    uint32_t lock = builder.structure("bpf_spin_lock", 4, {});
    uint32_t timer = builder.structure("bpf_timer", 16, {});
    uint32_t list_head = builder.structure("bpf_list_head", 16, {});
    uint32_t list_node = builder.structure("bpf_list_node", 24, {});
    uint32_t rb_root = builder.structure("bpf_rb_root", 16, {});
    uint32_t rb_node = builder.structure("bpf_rb_node", 32, {});
    uint32_t refcount = builder.structure("bpf_refcount", 4, {});
    uint32_t local = builder.structure("local", 8, {{"a", int_, 0}});

    uint32_t kptr(const char* tag, uint32_t type) { return builder.pointer(builder.reference(BTF_KIND_TYPE_TAG, type, tag)); }
    uint32_t node() { return builder.structure("node", 32, {{"n", list_node, 0}}); }
    // A lock at 0 and a list at 8.
    uint32_t owner(const char* tag) {
        const uint32_t id = builder.structure("owner", 24, {{"l", lock, 0}, {"h", list_head, 64}});
        if (tag != nullptr) builder.decl_tag(tag, id, 1);
        return id;
    }
    Result<Ref<Btf>> parse() {
        Log log;
        return Btf::parse(builder.build(), log);
    }
};

TEST(SpecialFields, AreFoundByName) {
    Objects o;
    const uint32_t pointer = o.kptr("kptr_untrusted", o.local);
    const uint32_t value =
        o.builder.structure("value", 40, {{"l", o.lock, 0}, {"t", o.timer, 64}, {"p", pointer, 192}, {"x", o.int_, 256}});
    const Ref<Btf> btf = o.parse().value();
    const SpecialFields found = find_special_fields(*btf, value, object_kinds | FieldKind::timer, 40).value();
    ASSERT_EQ(found.fields.size(), 3U);
    EXPECT_EQ(found.kinds, FieldKind::spin_lock | FieldKind::timer | FieldKind::kptr_unref);
    EXPECT_EQ(found.find(FieldKind::timer)->offset, 8U);
    EXPECT_EQ(found.find(FieldKind::kptr_unref)->type, o.local);
    EXPECT_EQ(found.find(FieldKind::refcount), nullptr);
    const FieldKinds timers = static_cast<FieldKinds>(FieldKind::timer);
    EXPECT_EQ(find_special_fields(*btf, value, timers, 40).value().fields.size(), 1U);
    EXPECT_EQ(find_special_fields(*btf, value, timers, 20).code(), EFAULT);
    EXPECT_EQ(find_special_fields(*btf, o.int_, timers, 4).code(), EINVAL);
    EXPECT_TRUE(find_special_fields(*btf, o.local, timers, 8).value().fields.empty());
}

TEST(SpecialFields, InNestedStructsAndArrays) {
    Objects o;
    const uint32_t pointer = o.kptr("kptr", o.local);
    const uint32_t inner = o.builder.structure("inner", 16, {{"x", o.int_, 0}, {"p", pointer, 64}});
    const uint32_t value = o.builder.structure("value", 64, {{"l", o.lock, 0}, {"a", o.builder.array(inner, o.int_, 3), 128}});
    const Ref<Btf> btf = o.parse().value();
    const SpecialFields found = find_special_fields(*btf, value, object_kinds, 64).value();
    ASSERT_EQ(found.fields.size(), 4U);
    EXPECT_EQ(found.fields[1].offset, 24U);
    EXPECT_EQ(found.fields[3].offset, 56U);
}

TEST(SpecialFields, OfADataSection) {
    Objects o;
    const uint32_t lock = o.builder.variable("lock", o.lock);
    const uint32_t other = o.builder.variable("other", o.int_);
    const uint32_t section = o.builder.section(".bss", 8, {{other, 0, 4}, {lock, 4, 4}});
    const Ref<Btf> btf = o.parse().value();
    const SpecialFields found = find_special_fields(*btf, section, object_kinds, 8).value();
    ASSERT_EQ(found.fields.size(), 1U);
    EXPECT_EQ(found.fields[0].offset, 4U);
}

TEST(SpecialFields, AListKnowsItsNodes) {
    Objects o;
    const uint32_t node = o.node();
    const uint32_t owner = o.owner("contains:node:n");
    const Ref<Btf> btf = o.parse().value();
    const SpecialFields found = find_special_fields(*btf, owner, object_kinds, 24).value();
    EXPECT_EQ(found.find(FieldKind::list_head)->type, node);
    EXPECT_EQ(found.find(FieldKind::list_head)->node_offset, 0U);
}

// What BPF_BTF_LOAD refuses.
TEST(SpecialFields, RulesOfObjects) {
    struct Row {
        const char* what;
        std::function<void(Objects&)> make;
        int code;
    };
    const Row rows[] = {
        {"list", [](Objects& o) { o.node(), o.owner("contains:node:n"); }, 0},
        {"no tag", [](Objects& o) { o.owner(nullptr); }, EINVAL},
        {"no node in the tag", [](Objects& o) { o.node(), o.owner("contains:node"); }, EINVAL},
        {"empty node in the tag", [](Objects& o) { o.node(), o.owner("contains:node:"); }, EINVAL},
        {"no such type", [](Objects& o) { o.owner("contains:node:n"); }, ENOENT},
        {"no such member", [](Objects& o) { o.node(), o.owner("contains:node:m"); }, ENOENT},
        {"member is no node", [](Objects& o) { o.owner("contains:local:a"); }, EINVAL},
        {"lock alone", [](Objects& o) { o.builder.structure("value", 4, {{"l", o.lock, 0}}); }, 0},
        {"two tags",
         [](Objects& o) {
             o.node();
             o.builder.decl_tag("contains:node:n", o.owner("contains:node:n"), 1);
         },
         EINVAL},
        {"no lock",
         [](Objects& o) {
             o.node();
             o.builder.decl_tag("contains:node:n", o.builder.structure("owner", 16, {{"h", o.list_head, 0}}), 0);
         },
         EINVAL},
        {"two locks", [](Objects& o) { o.builder.structure("value", 8, {{"l", o.lock, 0}, {"m", o.lock, 32}}); }, E2BIG},
        {"a second lock within",
         [](Objects& o) {
             const uint32_t inner = o.builder.structure("inner", 4, {{"m", o.lock, 0}});
             o.builder.structure("value", 8, {{"l", o.lock, 0}, {"i", inner, 32}});
         },
         E2BIG},
        {"an array of locks and a lock",
         [](Objects& o) { o.builder.structure("value", 12, {{"l", o.builder.array(o.lock, o.int_, 2), 0}, {"m", o.lock, 64}}); }, EINVAL},
        {"only a misaligned lock", [](Objects& o) { o.builder.structure("value", 8, {{"l", o.lock, 16}}); }, EFAULT},
        {"in a list and in a tree", [](Objects& o) { o.builder.structure("value", 56, {{"n", o.list_node, 0}, {"m", o.rb_node, 192}}); },
         EINVAL},
        {"in a list and in a tree, counted",
         [](Objects& o) { o.builder.structure("value", 64, {{"n", o.list_node, 0}, {"m", o.rb_node, 192}, {"r", o.refcount, 448}}); }, 0},
        {"two fields at one place",
         [](Objects& o) { o.builder.structure("value", 40, {{"n", o.list_node, 0}, {"m", o.rb_node, 64}, {"r", o.refcount, 288}}); },
         EEXIST},
        {"kernel pointer to an int",
         [](Objects& o) { o.builder.structure("v", 12, {{"l", o.lock, 0}, {"p", o.kptr("kptr", o.int_), 64}}); }, EINVAL},
        {"unknown tag", [](Objects& o) { o.builder.structure("v", 16, {{"l", o.lock, 0}, {"p", o.kptr("mine", o.local), 64}}); }, EINVAL},
        {"too many",
         [](Objects& o) {
             const uint32_t pointers = o.builder.array(o.kptr("kptr", o.local), o.int_, 11);
             o.builder.structure("v", 96, {{"l", o.lock, 0}, {"p", pointers, 64}});
         },
         E2BIG},
        {"owns what owns itself",
         [](Objects& o) {
             const uint32_t ring = o.builder.structure("ring", 48, {{"l", o.lock, 0}, {"h", o.list_head, 64}, {"n", o.list_node, 192}});
             o.builder.decl_tag("contains:ring:n", ring, 1);
         },
         ELOOP},
    };
    for (const Row& row : rows) {
        Objects o;
        row.make(o);
        const Result<Ref<Btf>> parsed = o.parse();
        EXPECT_EQ(parsed.code(), row.code) << row.what << ": " << (parsed.ok() ? "" : parsed.error().reason);
    }
}

// 2^31 ways lead to the innermost struct.
TEST(SpecialFields, DeepStructsAreSearchedOnce) {
    Objects o;
    uint32_t inner = o.builder.structure("inner", 0, {});
    for (int i = 0; i < 29; ++i) inner = o.builder.structure("deeper", 0, {{"a", inner, 0}, {"b", inner, 0}});
    const uint32_t value = o.builder.structure("value", 4, {{"l", o.lock, 0}, {"d", inner, 0}});
    const auto btf = o.parse();
    ASSERT_TRUE(btf.ok());
    EXPECT_EQ(find_special_fields(**btf, value, object_kinds, 4).value().fields.size(), 1U);
}

TEST(SpecialFields, TooDeepStructs) {
    for (const int depth : {30, 31, 32}) {
        Objects o;
        uint32_t inner = o.builder.structure("inner", 0, {});
        for (int i = 1; i < depth; ++i) inner = o.builder.structure("deeper", 0, {{"a", inner, 0}, {"b", inner, 0}});
        o.builder.structure("value", 4, {{"l", o.lock, 0}, {"d", inner, 0}});
        EXPECT_EQ(o.parse().code(), depth < 32 ? 0 : E2BIG) << depth;
    }
}

}  // namespace
}  // namespace graft
