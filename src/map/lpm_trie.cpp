#include "map/lpm_trie.h"

#include <bit>
#include <cstring>
#include <new>

#include "base/rcu.h"
#include "map/map_flags.h"
#include "map/value_copy.h"

namespace graft {

struct LpmTrieMap::Node {
    std::atomic<Node*> children[2] = {nullptr, nullptr};
    rcu::Deferral deferral;
    uint32_t length = 0;     // bits
    bool has_value = false;  // else it only joins its two children
    // the prefix's bytes, then (aligned to 8) the value

    ~Node() = default;
    static void operator delete(void* memory) { ::operator delete(memory); }
};

namespace {

constexpr uint32_t most_data = 256;  // bytes of a prefix

uint32_t length_of(const void* key) {
    uint32_t length;
    std::memcpy(&length, key, sizeof length);
    return length;
}

const std::byte* data_of_key(const void* key) { return static_cast<const std::byte*>(key) + sizeof(uint32_t); }

size_t bit_at(const std::byte* data, uint32_t index) { return std::to_integer<size_t>(data[index / 8] >> (7 - index % 8)) & 1; }

}  // namespace

std::byte* LpmTrieMap::data_of(Node& node) const { return reinterpret_cast<std::byte*>(&node + 1); }
std::byte* LpmTrieMap::value_of(Node& node) const { return data_of(node) + ((data_size() + 7) & ~7U); }

Result<void> LpmTrieMap::check(const MapSpec& spec, const MapEnvironment&) {
    constexpr uint32_t header = sizeof(uint32_t);
    if (spec.max_entries == 0) return fail(EINVAL, "max_entries is 0");
    if ((spec.flags & BPF_F_NO_PREALLOC) == 0) return fail(EINVAL, "an LPM trie is made with BPF_F_NO_PREALLOC");
    if ((spec.flags & ~(BPF_F_NO_PREALLOC | BPF_F_NUMA_NODE | map_access_flags)) != 0) {
        return fail(EINVAL, "map_flags has a flag that this type does not know");
    }
    TRY(check_program_access(spec.flags));
    if (spec.key_size <= header || spec.key_size > header + most_data) return fail(EINVAL, "a prefix has 1 to 256 bytes after its length");
    if (spec.value_size == 0 || spec.value_size > max_allocation - most_data - sizeof(Node))
        return fail(EINVAL, "value_size is 0 or too large");
    return {};
}

Result<Ref<Map>> LpmTrieMap::create(MapSpec spec, MapEnvironment& environment) {
    return Ref<Map>(Ref<LpmTrieMap>::adopt(new LpmTrieMap(std::move(spec), environment)));
}

LpmTrieMap::~LpmTrieMap() {
    std::vector<Node*> all;
    if (Node* root = root_.load(std::memory_order_relaxed)) all.push_back(root);
    while (!all.empty()) {
        Node* const node = all.back();
        all.pop_back();
        for (const auto& child : node->children) {
            if (Node* below = child.load(std::memory_order_relaxed)) all.push_back(below);
        }
        delete node;
    }
}

LpmTrieMap::Node* LpmTrieMap::make_node(uint32_t length, const std::byte* data, const void* value) const {
    const size_t size = sizeof(Node) + ((data_size() + 7) & ~7U) + value_stride();
    void* const memory = ::operator new(size, std::nothrow);
    if (memory == nullptr) return nullptr;
    Node* const node = new (memory) Node;
    node->length = length;
    node->has_value = value != nullptr;
    std::memcpy(data_of(*node), data, data_size());
    if (value != nullptr) std::memcpy(value_of(*node), value, spec().value_size);
    return node;
}

void LpmTrieMap::retire(Node* node) { rcu::delete_later(node->deferral, node); }

uint32_t LpmTrieMap::common_bits(Node& node, uint32_t length, const std::byte* data) const {
    const uint32_t limit = std::min(node.length, length);
    const std::byte* const own = data_of(node);
    for (uint32_t bits = 0; bits < limit; bits += 8) {
        const auto difference = std::to_integer<uint8_t>(own[bits / 8] ^ data[bits / 8]);
        if (difference != 0) return std::min(limit, bits + static_cast<uint32_t>(std::countl_zero(difference)));
    }
    return limit;
}

void* LpmTrieMap::lookup_element(const void* key, uint32_t) {
    const uint32_t length = length_of(key);
    const std::byte* const data = data_of_key(key);
    if (length > longest()) return nullptr;
    Node* best = nullptr;
    for (Node* node = rcu::load(root_); node != nullptr; node = rcu::load(node->children[bit_at(data, node->length)])) {
        if (common_bits(*node, length, data) < node->length) break;
        if (node->has_value) best = node;
        if (node->length == longest() || node->length >= length) break;
    }
    return best == nullptr ? nullptr : value_of(*best);
}

std::atomic<LpmTrieMap::Node*>* LpmTrieMap::find_place(uint32_t length, const std::byte* data, std::vector<Node*>* path) const {
    std::atomic<Node*>* place = &root_;
    for (Node* node = rcu::load(*place); node != nullptr; node = rcu::load(*place)) {
        if (node->length >= length || common_bits(*node, length, data) < node->length) break;
        if (path != nullptr) path->push_back(node);
        place = &node->children[bit_at(data, node->length)];
    }
    return place;
}

long LpmTrieMap::update_element(const void* key, const void* value, uint64_t flags, uint32_t) {
    const uint32_t length = length_of(key);
    const std::byte* const data = data_of_key(key);
    if (flags > BPF_EXIST || length > longest()) return -EINVAL;
    const std::lock_guard guard(change_lock_);
    std::atomic<Node*>* const place = find_place(length, data, nullptr);
    Node* const old = place->load(std::memory_order_relaxed);
    const uint32_t common = old == nullptr ? 0 : common_bits(*old, length, data);
    const bool same = old != nullptr && old->length == length && common == length;
    const bool exists = same && old->has_value;
    if (exists && flags == BPF_NOEXIST) return -EEXIST;
    if (!exists && flags == BPF_EXIST) return -ENOENT;
    if (!exists && count_.load(std::memory_order_relaxed) >= spec().max_entries) return -ENOSPC;

    Node* const fresh = make_node(length, data, value);
    if (fresh == nullptr) return -ENOMEM;
    Node* put = fresh;
    if (same) {
        for (size_t side = 0; side < 2; ++side) {
            fresh->children[side].store(old->children[side].load(std::memory_order_relaxed), std::memory_order_relaxed);
        }
    } else if (old != nullptr && common == length) {  // it contains what is there
        fresh->children[bit_at(data_of(*old), length)].store(old, std::memory_order_relaxed);
    } else if (old != nullptr) {  // they part after `common` bits
        put = make_node(common, data, nullptr);
        if (put == nullptr) {
            delete fresh;
            return -ENOMEM;
        }
        put->children[bit_at(data, common)].store(fresh, std::memory_order_relaxed);
        put->children[bit_at(data_of(*old), common)].store(old, std::memory_order_relaxed);
    }
    if (!exists) count_.fetch_add(1, std::memory_order_relaxed);
    rcu::store(*place, put);
    if (same) retire(old);
    return 0;
}

long LpmTrieMap::delete_element(const void* key) {
    const uint32_t length = length_of(key);
    const std::byte* const data = data_of_key(key);
    if (length > longest()) return -EINVAL;
    const std::lock_guard guard(change_lock_);
    std::vector<Node*> path;
    std::atomic<Node*>* const place = find_place(length, data, &path);
    Node* const old = place->load(std::memory_order_relaxed);
    if (old == nullptr || old->length != length || common_bits(*old, length, data) != length || !old->has_value) return -ENOENT;

    Node* const left = old->children[0].load(std::memory_order_relaxed);
    Node* const right = old->children[1].load(std::memory_order_relaxed);
    if (left != nullptr && right != nullptr) {  // still needed where they part: in its place one without a value
        Node* const joint = make_node(length, data, nullptr);
        if (joint == nullptr) return -ENOMEM;
        joint->children[0].store(left, std::memory_order_relaxed);
        joint->children[1].store(right, std::memory_order_relaxed);
        rcu::store(*place, joint);
    } else if (left != nullptr || right != nullptr || path.empty() || path.back()->has_value) {
        rcu::store(*place, left != nullptr ? left : right);
    } else {  // a joint above it has one child left, which takes its place
        Node* const joint = path.back();
        std::atomic<Node*>* const above =
            path.size() == 1 ? &root_ : &path[path.size() - 2]->children[bit_at(data, path[path.size() - 2]->length)];
        const size_t other = &joint->children[0] == place ? 1 : 0;
        rcu::store(*above, joint->children[other].load(std::memory_order_relaxed));
        retire(joint);
    }
    count_.fetch_sub(1, std::memory_order_relaxed);
    retire(old);
    return 0;
}

// --- the syscall face --------------------------------------------------------------------------------------------------------------------

Result<void> LpmTrieMap::lookup(Bytes key, MutableBytes value, uint64_t) {
    const rcu::ReadGuard reading;
    const void* const found = lookup_element(key.data(), 0);
    if (found == nullptr) return fail(ENOENT, "no prefix contains the key");
    load_value(value.data(), found, spec().value_size, spec().fields);
    return {};
}

Result<void> LpmTrieMap::update(Caller&, Bytes key, Bytes value, uint64_t flags) {
    return as_result(update_element(key.data(), value.data(), flags, 0));
}

Result<void> LpmTrieMap::erase(Bytes key) { return as_result(delete_element(key.data())); }

Result<void> LpmTrieMap::next_key(std::optional<Bytes> key, MutableBytes next) {
    const std::lock_guard guard(change_lock_);
    const auto child = [](Node& node, size_t side) { return node.children[side].load(std::memory_order_relaxed); };
    // The first of a subtree in this order: as far down as it goes, left before right.
    const auto first_below = [&](Node* node) {
        for (;;) {
            Node* const below = child(*node, 0) != nullptr ? child(*node, 0) : child(*node, 1);
            if (below == nullptr) return node;
            node = below;
        }
    };
    Node* const root = root_.load(std::memory_order_relaxed);
    if (root == nullptr) return fail(ENOENT, "the trie is empty");
    Node* found = nullptr;
    std::vector<Node*> path;
    if (key && length_of(key->data()) <= longest()) {
        const uint32_t length = length_of(key->data());
        Node* const at = find_place(length, data_of_key(key->data()), &path)->load(std::memory_order_relaxed);
        const bool exact =
            at != nullptr && at->has_value && at->length == length && common_bits(*at, length, data_of_key(key->data())) == length;
        for (Node* node = exact ? at : nullptr; node != nullptr;) {
            if (path.empty()) return fail(ENOENT, "that was the last prefix");
            Node* const parent = path.back();
            path.pop_back();
            if (child(*parent, 0) == node && child(*parent, 1) != nullptr) {
                found = first_below(child(*parent, 1));
                break;
            }
            if (parent->has_value) {
                found = parent;
                break;
            }
            node = parent;
        }
    }
    if (found == nullptr) found = first_below(root);
    std::memcpy(next.data(), &found->length, sizeof found->length);
    std::memcpy(next.data() + sizeof found->length, data_of(*found), data_size());
    return {};
}

uint64_t LpmTrieMap::memory() const {
    return uint64_t{count_.load(std::memory_order_relaxed)} * (sizeof(Node) + ((data_size() + 7) & ~7U) + value_stride());
}

}  // namespace graft
