// BPF_MAP_TYPE_LPM_TRIE: the value of the longest prefix that a key begins with (routes, address ranges).
//
// A key is struct bpf_lpm_trie_key: the prefix's length in bits, then its bytes, most significant bit first.  The trie is path compressed:
// a node for each stored prefix, and one without a value where two of them part.  Thread safety: lookups follow atomic pointers under RCU;
// changes take a lock, build what is new aside and publish it with one store.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "map/map_types.h"

namespace graft {

class LpmTrieMap final : public Map {
public:
    static Result<void> check(const MapSpec& spec, const MapEnvironment& environment);
    static Result<Ref<Map>> create(MapSpec spec, MapEnvironment& environment);
    ~LpmTrieMap() override;

    void* lookup_element(const void* key, uint32_t cpu) override;
    long update_element(const void* key, const void* value, uint64_t flags, uint32_t cpu) override;
    long delete_element(const void* key) override;

    Result<void> lookup(Bytes key, MutableBytes value, uint64_t flags) override;
    Result<void> update(Caller& caller, Bytes key, Bytes value, uint64_t flags) override;
    Result<void> erase(Bytes key) override;
    // Longer prefixes come before the shorter ones that contain them.
    Result<void> next_key(std::optional<Bytes> key, MutableBytes next) override;
    [[nodiscard]] BatchKind batch_kind() const override { return BatchKind::by_key; }
    [[nodiscard]] uint64_t memory() const override;

private:
    struct Node;
    LpmTrieMap(MapSpec spec, MapEnvironment& environment) : Map(std::move(spec), environment.ids) {}

    [[nodiscard]] uint32_t data_size() const { return spec().key_size - static_cast<uint32_t>(sizeof(uint32_t)); }
    [[nodiscard]] uint32_t longest() const { return data_size() * 8; }
    [[nodiscard]] Node* make_node(uint32_t length, const std::byte* data, const void* value) const;
    [[nodiscard]] std::byte* data_of(Node& node) const;
    [[nodiscard]] std::byte* value_of(Node& node) const;
    // Bits in which key and node agree, at most the shorter of the two.
    [[nodiscard]] uint32_t common_bits(Node& node, uint32_t length, const std::byte* data) const;
    // The pointer to the node that a prefix has or would replace, and those on the way to it.
    [[nodiscard]] std::atomic<Node*>* find_place(uint32_t length, const std::byte* data, std::vector<Node*>* path) const;
    static void retire(Node* node);

    mutable std::atomic<Node*> root_{nullptr};
    std::mutex change_lock_;
    std::atomic<uint32_t> count_{0};
};

}  // namespace graft
