// How fast maps answer a program, as a multiple of a plain std::unordered_map's time for the same keys in the same run.
//
// Single thread, hot caches; the median of interleaved repetitions.  Below 1: faster than std::unordered_map.
#include <benchmark/benchmark.h>
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <functional>
#include <unordered_map>
#include <vector>

#include "base/rcu.h"
#include "map/map_types.h"

namespace graft {
namespace {

constexpr int repetitions = 15;
constexpr uint32_t lookups = 1 << 18;

using Key = std::array<uint32_t, 4>;  // the size of a flow's
struct KeyHash {
    size_t operator()(const Key& key) const {
        size_t state = 0;
        for (const uint32_t word : key) state = (state ^ word) * 0x9e3779b97f4a7c15;
        return state ^ state >> 32;
    }
};

std::vector<Key> keys_of(uint32_t count) {
    std::vector<Key> keys(count);
    for (uint32_t i = 0; i < count; ++i) keys[i] = {0x0a000000 + i * 7919, 0xc0a80001, i << 16 | 443, 6};
    return keys;
}

double seconds_of(const std::function<void()>& work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// The median of a's time over the median of b's.
double ratio(const std::function<void()>& a, const std::function<void()>& b) {
    std::vector<double> of_a, of_b;
    for (int i = 0; i < repetitions; ++i) {
        of_a.push_back(seconds_of(a));
        of_b.push_back(seconds_of(b));
    }
    const auto median = [](std::vector<double>& times) {
        std::ranges::nth_element(times, times.begin() + repetitions / 2);
        return times[repetitions / 2];
    };
    return median(of_a) / median(of_b);
}

Ref<Map> make(uint32_t type, MapEnvironment& environment, uint32_t key_size) {
    MapSpec spec;
    spec.type = type;
    spec.key_size = key_size;
    spec.value_size = 8;
    spec.max_entries = 65536;
    auto made = find_map_type(type)->create(std::move(spec), environment);
    return made.ok() ? *made : nullptr;
}

bool compare(uint32_t type, const char* name, uint32_t count, MapEnvironment& environment) {
    const Ref<Map> map = make(type, environment, sizeof(Key));
    if (!map) return false;
    std::unordered_map<Key, uint64_t, KeyHash> plain;
    const std::vector<Key> keys = keys_of(count);
    const uint64_t one = 1;
    for (const Key& key : keys) {
        plain[key] = 1;
        if (map->update_element(key.data(), &one, BPF_ANY, 0) != 0) return false;
    }
    const auto of_map = [&] {
        const rcu::ReadGuard reading;
        for (uint32_t i = 0; i < lookups; ++i) benchmark::DoNotOptimize(map->lookup_element(keys[i & (count - 1)].data(), 0));
    };
    const auto of_plain = [&] {
        for (uint32_t i = 0; i < lookups; ++i) benchmark::DoNotOptimize(plain.find(keys[i & (count - 1)]));
    };
    fmt::print("lookup in {}, {} key{}: {:.2f} x std::unordered_map\n", name, count, count == 1 ? "" : "s", ratio(of_map, of_plain));

    const auto update_map = [&] {
        const rcu::ReadGuard reading;
        for (uint32_t i = 0; i < lookups; ++i)
            benchmark::DoNotOptimize(map->update_element(keys[i & (count - 1)].data(), &one, BPF_ANY, 0));
    };
    const auto update_plain = [&] {
        for (uint32_t i = 0; i < lookups; ++i) benchmark::DoNotOptimize(plain[keys[i & (count - 1)]] = i);
    };
    fmt::print("update in {}, {} key{}: {:.2f} x std::unordered_map\n", name, count, count == 1 ? "" : "s",
               ratio(update_map, update_plain));
    return true;
}

int run() {
    IdTable<Map> ids;
    MapEnvironment environment{.ids = ids, .possible_cpus = 1};
    for (const uint32_t count : {1U, 4096U}) {
        if (!compare(BPF_MAP_TYPE_HASH, "hash", count, environment)) return 1;
        if (!compare(BPF_MAP_TYPE_PERCPU_HASH, "percpu_hash", count, environment)) return 1;
        if (!compare(BPF_MAP_TYPE_LRU_HASH, "lru_hash", count, environment)) return 1;
    }
    rcu::barrier();
    return 0;
}

}  // namespace
}  // namespace graft

int main() { return graft::run(); }
