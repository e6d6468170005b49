#include "map/devmap.h"

#include <bit>

#include "base/rcu.h"
#include "map/map_flags.h"

namespace graft {
namespace {

// --- by index
// -------------------------------------------------------------------------------------------------------------------------------

class IndexedDevmap final : public DevmapMap {
public:
    IndexedDevmap(MapSpec spec, MapEnvironment& environment, PointerArray<DevmapEntry> slots)
        : DevmapMap(std::move(spec), environment.ids), slots_(std::move(slots)) {}
    ~IndexedDevmap() override {
        slots_.for_each([this](uint64_t index) { delete slots_.load(index); });
    }

    [[nodiscard]] const DevmapEntry* entry(uint32_t key) const override { return key < spec().max_entries ? slots_.load(key) : nullptr; }
    [[nodiscard]] const DevmapEntry* next_entry(uint64_t& cursor) const override {
        while ((cursor = slots_.next(cursor)) < slots_.size()) {
            if (const DevmapEntry* found = slots_.load(cursor++)) return found;
        }
        return nullptr;
    }

    Result<void> update(Caller& caller, Bytes key, Bytes value, uint64_t flags) override {
        const uint32_t index = key_of(key.data());
        if (flags > BPF_EXIST) return fail(EINVAL, "unknown update flags");
        if (index >= spec().max_entries) return fail(E2BIG, "the index is not below max_entries");
        if (flags == BPF_NOEXIST) return fail(EEXIST, "BPF_NOEXIST was given, and the slots of a devmap exist");
        const bpf_devmap_val wanted = value_from(value);
        std::unique_ptr<DevmapEntry> fresh;
        if (wanted.ifindex != 0) {
            fresh = TRY(make_entry(caller, index, wanted));
        } else if (wanted.bpf_prog.fd > 0) {
            return fail(EINVAL, "a program without an interface");
        }
        retire(slots_.exchange(index, fresh.release()));
        return {};
    }
    Result<void> erase(Bytes key) override {
        const uint32_t index = key_of(key.data());
        if (index >= spec().max_entries) return fail(EINVAL, "the index is not below max_entries");
        retire(slots_.exchange(index, nullptr));
        return {};
    }
    Result<void> next_key(std::optional<Bytes> key, MutableBytes next) override {
        const uint32_t current = key ? key_of(key->data()) : UINT32_MAX, last = spec().max_entries - 1;
        if (current == last) return fail(ENOENT, "that was the last index");
        const uint32_t following = current > last ? 0 : current + 1;
        std::memcpy(next.data(), &following, sizeof following);
        return {};
    }
    // As Linux: not of a devmap_hash.
    Result<void> admit_user(const TailCallee::Kind& kind) override { return agree(kind); }
    void interface_gone(uint64_t netns_cookie, uint32_t ifindex) override {
        slots_.for_each([&](uint64_t index) {
            const rcu::ReadGuard reading;
            DevmapEntry* found = slots_.load(index);
            if (found == nullptr || found->value.ifindex != ifindex || found->netns_cookie != netns_cookie) return;
            if (slots_[index].compare_exchange_strong(found, nullptr, std::memory_order_acq_rel)) retire(found);
        });
    }
    [[nodiscard]] uint64_t memory() const override { return slots_.memory(); }

private:
    PointerArray<DevmapEntry> slots_;
};

// --- by any key
// -----------------------------------------------------------------------------------------------------------------------------

class HashedDevmap final : public DevmapMap {
public:
    HashedDevmap(MapSpec spec, MapEnvironment& environment, PointerArray<DevmapEntry> buckets)
        : DevmapMap(std::move(spec), environment.ids), buckets_(std::move(buckets)) {}
    ~HashedDevmap() override {
        buckets_.for_each([this](uint64_t bucket) {
            for (DevmapEntry* at = buckets_.load(bucket); at != nullptr;) {
                delete std::exchange(at, at->next.load(std::memory_order_relaxed));
            }
        });
    }

    [[nodiscard]] const DevmapEntry* entry(uint32_t key) const override {
        for (const DevmapEntry* at = buckets_.load(bucket(key)); at != nullptr; at = rcu::load(at->next)) {
            if (at->key == key) return at;
        }
        return nullptr;
    }
    // The cursor: bucket, and how many of its entries were seen.
    [[nodiscard]] const DevmapEntry* next_entry(uint64_t& cursor) const override {
        for (;; cursor = ((cursor >> 32) + 1) << 32) {
            const uint64_t bucket = buckets_.next(cursor >> 32);
            if (bucket != cursor >> 32) cursor = bucket << 32;
            if (bucket == buckets_.size()) return nullptr;
            const DevmapEntry* at = buckets_.load(bucket);
            for (auto skip = static_cast<uint32_t>(cursor); at != nullptr && skip > 0; --skip) at = rcu::load(at->next);
            if (at == nullptr) continue;
            ++cursor;
            return at;
        }
    }

    Result<void> update(Caller& caller, Bytes key, Bytes value, uint64_t flags) override {
        const uint32_t wanted_key = key_of(key.data());
        const bpf_devmap_val wanted = value_from(value);
        if (flags > BPF_EXIST) return fail(EINVAL, "unknown update flags");
        if (wanted.ifindex == 0) return fail(EINVAL, "ifindex is 0");
        const std::lock_guard guard(change_lock_);
        std::atomic<DevmapEntry*>* const place = find(wanted_key);
        DevmapEntry* const old = place->load(std::memory_order_relaxed);
        if (old != nullptr && flags == BPF_NOEXIST) return fail(EEXIST, "BPF_NOEXIST was given and the key exists");
        std::unique_ptr<DevmapEntry> fresh = TRY(make_entry(caller, wanted_key, wanted));
        if (old == nullptr && count_ >= spec().max_entries) return fail(E2BIG, "the map is full");
        if (old != nullptr) {
            fresh->next.store(old->next.load(std::memory_order_relaxed), std::memory_order_relaxed);
        } else {
            ++count_;
        }
        rcu::store(*place, fresh.release());
        retire(old);
        return {};
    }
    Result<void> erase(Bytes key) override {
        const std::lock_guard guard(change_lock_);
        return remove(find(key_of(key.data()))) ? Result<void>() : fail(ENOENT, "there is no such key");
    }
    Result<void> next_key(std::optional<Bytes> key, MutableBytes next) override {
        const rcu::ReadGuard reading;
        uint64_t cursor = 0;
        if (key && entry(key_of(key->data())) != nullptr) {
            const uint32_t wanted = key_of(key->data());
            cursor = bucket(wanted) << 32;
            for (const DevmapEntry* at = next_entry(cursor); at != nullptr && at->key != wanted;) at = next_entry(cursor);
        }
        const DevmapEntry* const found = next_entry(cursor);
        if (found == nullptr) return fail(ENOENT, "that was the last key");
        std::memcpy(next.data(), &found->key, sizeof found->key);
        return {};
    }
    void interface_gone(uint64_t netns_cookie, uint32_t ifindex) override {
        const std::lock_guard guard(change_lock_);
        buckets_.for_each([&](uint64_t bucket) {
            for (std::atomic<DevmapEntry*>* place = &buckets_[bucket];;) {
                const DevmapEntry* const at = place->load(std::memory_order_relaxed);
                if (at == nullptr) break;
                if (at->value.ifindex == ifindex && at->netns_cookie == netns_cookie) {
                    (void)remove(place);
                } else {
                    place = const_cast<std::atomic<DevmapEntry*>*>(&at->next);
                }
            }
        });
    }
    [[nodiscard]] uint64_t memory() const override { return buckets_.memory(); }

private:
    [[nodiscard]] uint64_t bucket(uint32_t key) const { return key & (buckets_.size() - 1); }
    // The pointer that points to the entry of `key`, or the null one at the end of its bucket.  Requires change_lock_.
    [[nodiscard]] std::atomic<DevmapEntry*>* find(uint32_t key) {
        std::atomic<DevmapEntry*>* place = &buckets_.to_fill(bucket(key));
        for (DevmapEntry* at = nullptr; (at = place->load(std::memory_order_relaxed)) != nullptr && at->key != key;) place = &at->next;
        return place;
    }
    bool remove(std::atomic<DevmapEntry*>* place) {
        DevmapEntry* const old = place->load(std::memory_order_relaxed);
        if (old == nullptr) return false;
        rcu::store(*place, old->next.load(std::memory_order_relaxed));
        --count_;
        retire(old);
        return true;
    }

    PointerArray<DevmapEntry> buckets_;
    uint32_t count_ = 0;  // under change_lock_
};

}  // namespace

// --- both
// -----------------------------------------------------------------------------------------------------------------------------------

Result<void> DevmapMap::check(const MapSpec& spec, const MapEnvironment&) {
    if (spec.max_entries == 0) return fail(EINVAL, "max_entries is 0");
    if (spec.key_size != 4) return fail(EINVAL, "the key of a devmap has 4 bytes");
    const bool with_program = spec.value_size == offsetof(bpf_devmap_val, bpf_prog) + sizeof(bpf_devmap_val::bpf_prog);
    if (spec.value_size != sizeof(bpf_devmap_val::ifindex) && !with_program)
        return fail(EINVAL, "the value is an ifindex, or that and a program");
    if ((spec.flags & ~uint32_t{BPF_F_NUMA_NODE | BPF_F_RDONLY | BPF_F_WRONLY}) != 0) {
        return fail(EINVAL, "map_flags has a flag that this type does not know");
    }
    if (spec.type == BPF_MAP_TYPE_DEVMAP_HASH && spec.max_entries > 1U << 31) return fail(EINVAL, "max_entries is above 2^31");
    return {};
}

Result<Ref<Map>> DevmapMap::create(MapSpec spec, MapEnvironment& environment) {
    const bool hashed = spec.type == BPF_MAP_TYPE_DEVMAP_HASH;
    auto slots = TRY(PointerArray<DevmapEntry>::create(hashed ? std::bit_ceil(spec.max_entries) : spec.max_entries));
    if (hashed) return Ref<Map>(make_ref<HashedDevmap>(std::move(spec), environment, std::move(slots)));
    return Ref<Map>(make_ref<IndexedDevmap>(std::move(spec), environment, std::move(slots)));
}

void* DevmapMap::lookup_element(const void* key, uint32_t) {
    const DevmapEntry* const found = entry(key_of(key));
    return found == nullptr ? nullptr : const_cast<bpf_devmap_val*>(&found->value);  // read-only for programs: BPF_F_RDONLY_PROG
}

long DevmapMap::update_element(const void*, const void*, uint64_t, uint32_t) { return -EINVAL; }
long DevmapMap::delete_element(const void*) { return -EINVAL; }

Result<void> DevmapMap::lookup(Bytes key, MutableBytes value, uint64_t) {
    const rcu::ReadGuard reading;
    const DevmapEntry* const found = entry(key_of(key.data()));
    if (found == nullptr) return fail(ENOENT, "there is no such entry");
    std::memcpy(value.data(), &found->value, value.size());
    return {};
}

bpf_devmap_val DevmapMap::value_from(Bytes value) const {
    bpf_devmap_val wanted{};
    wanted.bpf_prog.fd = -1;
    std::memcpy(&wanted, value.data(), value.size());
    return wanted;
}

Result<std::unique_ptr<DevmapEntry>> DevmapMap::make_entry(Caller& caller, uint32_t key, const bpf_devmap_val& value) {
    if (!TRY(caller.has_interface(value.ifindex))) return fail(EINVAL, "there is no such interface");
    auto fresh = std::make_unique<DevmapEntry>();
    fresh->key = key;
    fresh->value.ifindex = value.ifindex;
    fresh->netns_cookie = TRY(caller.net_namespace()).cookie;
    if (value.bpf_prog.fd <= 0) return fresh;
    Result<DescriptorRef> found = caller.descriptor(value.bpf_prog.fd);
    if (!found.ok() || found->object->object_kind() != ObjectKind::program)
        return fail(EINVAL, "the value's descriptor is not of a program");
    fresh->program = static_ref_cast<TailCallee>(std::move(found->object));
    const TailCallee::Kind kind = fresh->program->tail_call_kind();
    if (!fresh->program->may_be_in_map() || kind.prog_type != BPF_PROG_TYPE_XDP || kind.expected_attach_type != BPF_XDP_DEVMAP) {
        return fail(EINVAL, "the value's program is not an XDP program for devmaps (BPF_XDP_DEVMAP)");
    }
    TRY(agree(kind));
    fresh->value.bpf_prog.id = fresh->program->program_id();
    return fresh;
}

void DevmapMap::retire(DevmapEntry* entry) {
    if (entry != nullptr) rcu::defer([entry] { delete entry; });
}

}  // namespace graft
