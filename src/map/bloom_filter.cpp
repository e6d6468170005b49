#include "map/bloom_filter.h"

#include <sys/random.h>

#include <algorithm>
#include <bit>

#include "map/hash_function.h"
#include "map/map_flags.h"

namespace graft {
namespace {

constexpr uint32_t default_hashes = 5, most_hashes = 15;

}  // namespace

Result<void> BloomFilterMap::check(const MapSpec& spec, const MapEnvironment&) {
    if (spec.key_size != 0 || spec.value_size == 0 || spec.max_entries == 0) return fail(EINVAL, "a bloom filter has values and no keys");
    if ((spec.flags & ~(BPF_F_NUMA_NODE | BPF_F_ZERO_SEED | map_access_flags)) != 0) {
        return fail(EINVAL, "map_flags has a flag that this type does not know");
    }
    TRY(check_program_access(spec.flags));
    if (spec.extra > most_hashes) return fail(EINVAL, "map_extra asks for more than 15 hashes");
    if (spec.value_size > max_allocation) return fail(E2BIG, "the value is larger than 4 MiB");
    return {};
}

Result<Ref<Map>> BloomFilterMap::create(MapSpec spec, MapEnvironment& environment) {
    const auto hashes = spec.extra == 0 ? default_hashes : static_cast<uint32_t>(spec.extra);
    // Of n values and k hashes, n * k / ln 2 bits give the fewest false answers.
    const uint64_t wanted = uint64_t{spec.max_entries} * hashes * 10 / 7;
    const uint64_t bits = std::bit_ceil(std::clamp<uint64_t>(wanted, 64, uint64_t{1} << 31));
    Memory memory = TRY(Memory::anonymous(bits / 8));
    return Ref<Map>(Ref<BloomFilterMap>::adopt(
        new BloomFilterMap(std::move(spec), environment, std::move(memory), hashes, static_cast<uint32_t>(bits))));
}

BloomFilterMap::BloomFilterMap(MapSpec spec, MapEnvironment& environment, Memory memory, uint32_t hashes, uint32_t bits)
    : Map(std::move(spec), environment.ids), memory_(std::move(memory)), hashes_(hashes), bit_mask_(bits - 1), seed_(0) {
    // Without entropy the filter works as well.
    if ((this->spec().flags & BPF_F_ZERO_SEED) == 0) (void)!getrandom(&seed_, sizeof seed_, GRND_NONBLOCK);
}

template <class Visit>
bool BloomFilterMap::for_each_bit(const void* value, Visit&& visit) const {
    auto* const words = reinterpret_cast<std::atomic<uint64_t>*>(memory_.get());
    const uint64_t first = hash_bytes(value, spec().value_size, seed_);
    const uint64_t step = fold_multiply(first, hash_factor) | 1;
    for (uint32_t i = 0; i < hashes_; ++i) {
        const uint64_t bit = (first + i * step) & bit_mask_;
        if (!visit(words[bit / 64], uint64_t{1} << (bit % 64))) return false;
    }
    return true;
}

long BloomFilterMap::push_element(const void* value, uint64_t flags) {
    if (flags != BPF_ANY) return -EINVAL;
    for_each_bit(value, [](std::atomic<uint64_t>& word, uint64_t bit) {
        word.fetch_or(bit, std::memory_order_relaxed);
        return true;
    });
    return 0;
}

long BloomFilterMap::peek_element(void* value) {
    const auto is_set = [](const std::atomic<uint64_t>& word, uint64_t bit) { return (word.load(std::memory_order_relaxed) & bit) != 0; };
    return for_each_bit(value, is_set) ? 0 : -ENOENT;
}

// --- the syscall face --------------------------------------------------------------------------------------------------------------------

Result<void> BloomFilterMap::lookup(Bytes, MutableBytes value, uint64_t) { return as_result(peek_element(value.data())); }
Result<void> BloomFilterMap::update(Caller&, Bytes, Bytes value, uint64_t flags) { return as_result(push_element(value.data(), flags)); }
Result<void> BloomFilterMap::erase(Bytes) { return fail(EOPNOTSUPP, "a bloom filter forgets nothing"); }
Result<void> BloomFilterMap::next_key(std::optional<Bytes>, MutableBytes) { return fail(EOPNOTSUPP, "a bloom filter has no keys"); }

}  // namespace graft
