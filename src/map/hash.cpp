#include "map/hash.h"

#include <sys/random.h>

#include <algorithm>
#include <bit>

#include "base/rcu.h"
#include "map/map_flags.h"
#include "map/value_copy.h"

namespace graft {
namespace {

bool is_percpu(uint32_t type) { return type == BPF_MAP_TYPE_PERCPU_HASH || type == BPF_MAP_TYPE_LRU_PERCPU_HASH; }
bool is_lru(uint32_t type) { return type == BPF_MAP_TYPE_LRU_HASH || type == BPF_MAP_TYPE_LRU_PERCPU_HASH; }

uint32_t value_offset(uint32_t key_size) { return static_cast<uint32_t>(sizeof(Element)) + ((key_size + 7U) & ~7U); }

// Linux keeps an element in one allocation of at most 4 MiB, of which 48 bytes are its own.
constexpr uint64_t max_key_and_value = (uint64_t{4} << 20) - 48;
// Above it Linux's bucket table would not fit its limit.
constexpr uint32_t max_hash_entries = 1U << 27;

// A map whose keys have a size known here: the lookup is straight-line code.
template <size_t Words>
class WordKeyHashMap final : public HashMap {
public:
    using HashMap::HashMap;
    void* lookup_element(const void* key, uint32_t cpu) override { return looked_up(table().template find<Words>(key), cpu); }
    template <class... Args>
    static Ref<Map> make(Args&&... args) {
        return Ref<WordKeyHashMap>::adopt(new WordKeyHashMap(std::forward<Args>(args)...));
    }
};

}  // namespace

Result<void> HashMap::check(const MapSpec& spec, const MapEnvironment&) {
    const bool percpu = is_percpu(spec.type), lru = is_lru(spec.type);
    const bool own_lists = (spec.flags & BPF_F_NO_COMMON_LRU) != 0;
    constexpr uint32_t known = BPF_F_NO_PREALLOC | BPF_F_NO_COMMON_LRU | BPF_F_NUMA_NODE | BPF_F_ZERO_SEED | map_access_flags;
    if ((spec.flags & ~known) != 0) return fail(EINVAL, "map_flags has a flag that this type does not know");
    TRY(check_program_access(spec.flags));
    if (!lru && own_lists) return fail(EINVAL, "BPF_F_NO_COMMON_LRU is for LRU maps");
    if (lru && (spec.flags & BPF_F_NO_PREALLOC) != 0) return fail(abi::enotsupp, "an LRU map is always preallocated");
    if (spec.numa_node >= 0 && (percpu || own_lists)) return fail(EINVAL, "a per-CPU map has no NUMA node");
    if (spec.max_entries == 0) return fail(EINVAL, "max_entries is 0");
    if (spec.key_size == 0) return fail(EINVAL, "key_size is 0");
    if (spec.value_size == 0) return fail(EINVAL, "value_size is 0");
    if (uint64_t{spec.key_size} + spec.value_size >= max_key_and_value) return fail(E2BIG, "key and value together are 4 MiB or more");
    if (percpu) TRY(check_percpu_value(spec.value_size));
    if (spec.max_entries > max_hash_entries) return fail(E2BIG, "max_entries is above 2^27");
    return {};
}

Result<Ref<Map>> HashMap::create(MapSpec spec, MapEnvironment& environment) {
    const uint32_t stride = (spec.value_size + 7U) & ~7U, offset = value_offset(spec.key_size);
    if ((spec.flags & BPF_F_NO_COMMON_LRU) != 0) {
        // Linux gives each CPU its share.
        const uint32_t cpus = environment.possible_cpus, rounded = (spec.max_entries + cpus - 1) / cpus * cpus;
        spec.max_entries = rounded;
    }
    ElementPool::Shape shape;
    shape.element_size = offset + (is_percpu(spec.type) ? sizeof(std::byte*) : stride);
    shape.preallocate = (spec.flags & BPF_F_NO_PREALLOC) != 0 ? 0 : spec.max_entries;
    if (is_percpu(spec.type)) {
        shape.percpu_stride = stride;
        shape.percpu_offset = offset;
        shape.cpus = environment.possible_cpus;
    }
    uint64_t seed = 0;
    if ((spec.flags & BPF_F_ZERO_SEED) == 0 && getrandom(&seed, sizeof seed, 0) != sizeof seed) return fail(EAGAIN, "no random seed");
    auto table = TRY(HashTable::create(spec.max_entries, spec.key_size, seed));
    auto pool = TRY(ElementPool::create(shape));

    const uint32_t key_size = spec.key_size;
    const auto make = [&]<class M>() {
        if constexpr (std::is_same_v<M, HashMap>) {
            return Ref<Map>(Ref<HashMap>::adopt(new HashMap(std::move(spec), environment, std::move(table), std::move(pool))));
        } else {
            return M::make(std::move(spec), environment, std::move(table), std::move(pool));
        }
    };
    switch (key_size) {
        case 4:
            return make.operator()<WordKeyHashMap<1>>();
        case 8:
            return make.operator()<WordKeyHashMap<2>>();
        case 12:
            return make.operator()<WordKeyHashMap<3>>();
        case 16:
            return make.operator()<WordKeyHashMap<4>>();
        case 20:
            return make.operator()<WordKeyHashMap<5>>();
        case 24:
            return make.operator()<WordKeyHashMap<6>>();
        case 32:
            return make.operator()<WordKeyHashMap<8>>();
        case 36:
            return make.operator()<WordKeyHashMap<9>>();
        case 40:
            return make.operator()<WordKeyHashMap<10>>();
        default:
            return make.operator()<HashMap>();
    }
}

HashMap::HashMap(MapSpec given, MapEnvironment& environment, std::unique_ptr<HashTable> table, Ref<ElementPool> pool)
    : Map(std::move(given), environment.ids),
      percpu_(is_percpu(spec().type)),
      lru_(is_lru(spec().type)),
      cpus_(environment.possible_cpus),
      value_offset_(value_offset(spec().key_size)),
      cpu_stride_(pool->cpu_stride()),
      position_bits_(std::min(6U, 31 - static_cast<uint32_t>(std::bit_width(table->bucket_count() - 1)))),
      table_(std::move(table)),
      pool_(std::move(pool)) {}

// --- the program face
// -----------------------------------------------------------------------------------------------------------------------

void* HashMap::lookup_element(const void* key, uint32_t cpu) { return looked_up(table_->find(key), cpu); }

long HashMap::update_element(const void* key, const void* value, uint64_t flags, uint32_t cpu) {
    return put(key, {static_cast<const std::byte*>(value), cpu}, flags);
}

long HashMap::delete_element(const void* key) {
    const uint64_t hash = table_->hash(key);
    const uint32_t index = table_->bucket_of(hash);
    HashTable::Locked bucket(*table_, index);
    Element* const element = bucket.find(key, hash);
    if (element == nullptr) return -ENOENT;
    drop(bucket, element, index);
    return 0;
}

// --- changing
// -------------------------------------------------------------------------------------------------------------------------------

long HashMap::put(const void* key, const Source& source, uint64_t flags) {
    if ((flags & ~uint64_t{BPF_F_LOCK}) > BPF_EXIST) return -EINVAL;
    if ((flags & BPF_F_LOCK) != 0 && !spec().fields.has(FieldKind::spin_lock)) return -EINVAL;
    const uint64_t hash = table_->hash(key);
    HashTable::Locked bucket(*table_, table_->bucket_of(hash));
    return put_locked(bucket, key, hash, source, flags);
}

long HashMap::put_locked(HashTable::Locked& bucket, const void* key, uint64_t hash, const Source& source, uint64_t flags) {
    Element* const old = bucket.find(key, hash);
    const uint64_t condition = flags & ~uint64_t{BPF_F_LOCK};
    if (old == nullptr) return condition == BPF_EXIST ? -ENOENT : insert(bucket, key, hash, source);
    if (condition == BPF_NOEXIST) return -EEXIST;
    if ((flags & BPF_F_LOCK) == 0) return replace(bucket, old, hash, source);
    void* const value = value_of(old, 0);
    const ValueLock guard(value, *spec().fields.offset_of(FieldKind::spin_lock));
    store_value(value, source.bytes, spec().value_size, spec().fields);
    return 0;
}

long HashMap::insert(HashTable::Locked& bucket, const void* key, uint64_t hash, const Source& source) {
    const uint32_t index = table_->bucket_of(hash);
    while (count_.fetch_add(1, std::memory_order_relaxed) >= spec().max_entries) {
        count_.fetch_sub(1, std::memory_order_relaxed);
        if (!lru_) return -E2BIG;
        if (!evict(bucket, index)) return -ENOMEM;
    }
    Element* const element = pool_->allocate(index);
    if (element != nullptr) {
        std::memcpy(element->key(), key, spec().key_size);
        element->referenced.store(0, std::memory_order_relaxed);
        fill(element, source, true);
        if (bucket.insert(element, hash)) return 0;
        pool_->release(element, index);
    }
    count_.fetch_sub(1, std::memory_order_relaxed);
    return -ENOMEM;
}

long HashMap::replace(HashTable::Locked& bucket, Element* old, uint64_t hash, const Source& source) {
    if (lru_) old->referenced.store(1, std::memory_order_relaxed);
    if (stored_in_place()) {
        fill(old, source, false);
        return 0;
    }
    const uint32_t index = table_->bucket_of(hash);
    Element* const element = pool_->allocate(index);
    if (element == nullptr) return -ENOMEM;
    std::memcpy(element->key(), old->key(), spec().key_size);
    element->referenced.store(1, std::memory_order_relaxed);
    fill(element, source, true);
    bucket.replace(element);
    give_up_fields(value_of(old, 0));
    pool_->retire(old, index);
    return 0;
}

void HashMap::fill(Element* element, const Source& source, bool fresh) const {
    const uint32_t size = spec().value_size, stride = value_stride();
    if (percpu_) {
        for (uint32_t cpu = 0; cpu < cpus_; ++cpu) {
            void* const value = value_of(element, cpu);
            if (!source.cpu) {
                store_value(value, source.bytes + size_t{cpu} * stride, stride, spec().fields);
            } else if (cpu == *source.cpu) {
                store_value(value, source.bytes, size, spec().fields);
            } else if (fresh) {
                std::memset(value, 0, stride);
            }
        }
        return;
    }
    void* const value = value_of(element, 0);
    if (stored_in_place()) {
        uint64_t word = 0;
        std::memcpy(&word, source.bytes, size);
        store_words(value, &word, sizeof word);
        return;
    }
    if (fresh) {
        give_up_fields(value);  // of a program that went on with the element after it was deleted
        for (const SpecialField& field : spec().fields.fields) std::memset(static_cast<std::byte*>(value) + field.offset, 0, field.size);
    }
    store_value(value, source.bytes, size, spec().fields);
}

bool HashMap::evict(HashTable::Locked& own, uint32_t own_bucket) {
    const auto unused = [](Element& element) { return element.referenced.exchange(0, std::memory_order_relaxed) == 0; };
    // One turn clears the marks, the next finds an element; busy buckets may cost some more.
    for (uint64_t steps = 4 * uint64_t{table_->bucket_count()} + 64; steps > 0; --steps) {
        const uint32_t index = hand_.fetch_add(1, std::memory_order_relaxed) & (table_->bucket_count() - 1);
        if (index == own_bucket) {
            if (Element* victim = own.find_if(unused)) return drop(own, victim, index), true;
            continue;
        }
        HashTable::Locked other(*table_, index, std::try_to_lock);
        if (!other) continue;
        if (Element* victim = other.find_if(unused)) return drop(other, victim, index), true;
    }
    return false;
}

void HashMap::drop(HashTable::Locked& bucket, Element* element, uint32_t hint) {
    bucket.remove();
    count_.fetch_sub(1, std::memory_order_relaxed);
    give_up_fields(value_of(element, 0));
    pool_->retire(element, hint);
}

long HashMap::for_each_element(const ElementVisit& visit, uint32_t cpu) {
    long visited = 0;
    HashTable::Cursor cursor;
    for (Element* element = table_->next(cursor); element != nullptr; ++cursor.position, element = table_->next(cursor)) {
        ++visited;
        if (!visit(element->key(), value_of(element, cpu))) break;
    }
    return visited;
}

// --- the syscall face
// -----------------------------------------------------------------------------------------------------------------------

void HashMap::copy_out(Element* element, std::byte* to, uint64_t flags) const {
    if (percpu_) {
        for (uint32_t cpu = 0; cpu < cpus_; ++cpu) {
            load_value(to + size_t{cpu} * value_stride(), value_of(element, cpu), value_stride(), spec().fields);
        }
        return;
    }
    void* const value = value_of(element, 0);
    const std::optional<uint32_t> lock = spec().fields.offset_of(FieldKind::spin_lock);
    std::optional<ValueLock> guard;
    if ((flags & BPF_F_LOCK) != 0 && lock) guard.emplace(value, *lock);
    load_value(to, value, spec().value_size, spec().fields);
}

Result<void> HashMap::lookup(Bytes key, MutableBytes value, uint64_t flags) {
    const rcu::ReadGuard reading;
    Element* const element = table_->find(key.data());
    if (element == nullptr) return fail(ENOENT, "there is no such key");
    copy_out(element, value.data(), flags);
    return {};
}

Result<void> HashMap::update(Caller&, Bytes key, Bytes value, uint64_t flags) {
    return as_result(put(key.data(), {value.data(), std::nullopt}, flags));
}

Result<void> HashMap::erase(Bytes key) { return as_result(delete_element(key.data())); }

Result<void> HashMap::next_key(std::optional<Bytes> key, MutableBytes next) {
    const rcu::ReadGuard reading;
    HashTable::Cursor cursor;
    if (key) {
        if (table_->locate(key->data(), cursor)) {
            ++cursor.position;
        } else {
            cursor = {};
        }
    }
    const Element* const element = table_->next(cursor);
    if (element == nullptr) return fail(ENOENT, "that was the last key");
    std::memcpy(next.data(), element->key(), spec().key_size);
    return {};
}

Result<void> HashMap::lookup_and_delete(Bytes key, MutableBytes value, uint64_t flags) {
    const uint64_t hash = table_->hash(key.data());
    const uint32_t index = table_->bucket_of(hash);
    HashTable::Locked bucket(*table_, index);
    Element* const element = bucket.find(key.data(), hash);
    if (element == nullptr) return fail(ENOENT, "there is no such key");
    copy_out(element, value.data(), flags);
    drop(bucket, element, index);
    return {};
}

Result<Map::Walked> HashMap::walk(uint32_t token, uint32_t limit, MutableBytes keys, MutableBytes values, WalkMode mode, uint64_t flags) {
    const uint32_t last_position = (1U << position_bits_) - 1;
    const rcu::ReadGuard reading;
    HashTable::Cursor cursor{token >> position_bits_, token & last_position};
    uint32_t copied = 0, bucket = UINT32_MAX, copied_before_bucket = 0;
    Element* element = nullptr;
    while ((element = table_->next(cursor)) != nullptr && copied < limit) {
        if (cursor.bucket != bucket) {
            bucket = cursor.bucket;
            copied_before_bucket = copied;
        }
        std::byte* const key = keys.data() + size_t{copied} * spec().key_size;
        std::byte* const value = values.data() + size_t{copied} * user_value_size();
        std::memcpy(key, element->key(), spec().key_size);
        if (mode == WalkMode::keep) {
            copy_out(element, value, flags);
            ++copied;
        } else if (lookup_and_delete({key, spec().key_size}, {value, user_value_size()}, flags).ok()) {
            ++copied;
        }
        ++cursor.position;
    }
    if (element == nullptr) return Walked{copied, table_->bucket_count() << position_bits_, true};
    if (cursor.position > last_position) {
        // A bucket so crowded that a token cannot point into it is read in one call.
        if (copied_before_bucket == 0 && mode == WalkMode::keep) return fail(ENOSPC, "the batch is too small for one bucket");
        if (mode == WalkMode::keep) copied = copied_before_bucket;
        cursor.position = 0;
    }
    return Walked{copied, cursor.bucket << position_bits_ | cursor.position, false};
}

}  // namespace graft
