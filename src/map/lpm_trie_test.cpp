#include "map/lpm_trie.h"

#include <array>
#include <random>
#include <set>
#include <thread>

#include "map/map_test_support.h"

namespace graft {
namespace {

constexpr uint32_t trie = BPF_MAP_TYPE_LPM_TRIE, flags = BPF_F_NO_PREALLOC;

struct Prefix {
    uint32_t length;
    std::array<uint8_t, 4> address;
    friend auto operator<=>(const Prefix&, const Prefix&) = default;
};

bool contains(const Prefix& prefix, const Prefix& key) {
    if (prefix.length > key.length) return false;
    for (uint32_t bit = 0; bit < prefix.length; ++bit) {
        if (((prefix.address[bit / 8] ^ key.address[bit / 8]) >> (7 - bit % 8) & 1) != 0) return false;
    }
    return true;
}

class LpmTrie : public MapTest {};

TEST_F(LpmTrie, RefusesWhatLinuxRefuses) {
    EXPECT_EQ(code(trie, 8, 4, 1, flags), 0);
    EXPECT_EQ(code(trie, 8, 4, 1), EINVAL);
    EXPECT_EQ(code(trie, 4, 4, 1, flags), EINVAL);
    EXPECT_EQ(code(trie, 5, 4, 1, flags), 0);
    EXPECT_EQ(code(trie, 260, 4, 1, flags), 0);
    EXPECT_EQ(code(trie, 261, 4, 1, flags), EINVAL);
    EXPECT_EQ(code(trie, 8, 0, 1, flags), EINVAL);
    EXPECT_EQ(code(trie, 8, 4, 0, flags), EINVAL);
    EXPECT_EQ(code(trie, 8, 4, 1, flags | BPF_F_ZERO_SEED), EINVAL);
}

TEST_F(LpmTrie, TheLongestPrefixWins) {
    const Ref<Map> m = map(spec(trie, 8, 4, 4, flags));
    uint32_t value = 0;
    EXPECT_EQ(lookup(*m, Prefix{32, {10, 1, 2, 3}}, value), ENOENT);
    EXPECT_EQ(update(*m, Prefix{33, {}}, 1U), EINVAL);
    EXPECT_EQ(update(*m, Prefix{8, {10, 0, 0, 0}}, 8U, 3), EINVAL);
    EXPECT_EQ(update(*m, Prefix{8, {10, 0, 0, 0}}, 8U, BPF_EXIST), ENOENT);
    EXPECT_EQ(update(*m, Prefix{8, {10, 0, 0, 0}}, 8U), 0);
    EXPECT_EQ(update(*m, Prefix{8, {10, 0, 0, 0}}, 8U, BPF_NOEXIST), EEXIST);
    EXPECT_EQ(update(*m, Prefix{24, {10, 1, 2, 0}}, 24U), 0);
    EXPECT_EQ(update(*m, Prefix{16, {10, 2, 0, 0}}, 16U), 0);
    EXPECT_EQ(update(*m, Prefix{0, {}}, 99U), 0);
    EXPECT_EQ(update(*m, Prefix{1, {}}, 1U), ENOSPC);
    const auto found = [&](std::array<uint8_t, 4> address) {
        uint32_t got = 0;
        EXPECT_EQ(lookup(*m, Prefix{32, address}, got), 0);
        return got;
    };
    EXPECT_EQ(found({10, 1, 2, 3}), 24U);
    EXPECT_EQ(found({10, 1, 3, 3}), 8U);
    EXPECT_EQ(found({10, 2, 3, 3}), 16U);
    EXPECT_EQ(found({11, 2, 3, 3}), 99U);
    EXPECT_EQ(erase(*m, Prefix{8, {10, 0, 0, 0}}), 0);
    EXPECT_EQ(erase(*m, Prefix{8, {10, 0, 0, 0}}), ENOENT);
    EXPECT_EQ(erase(*m, Prefix{33, {}}), EINVAL);
    EXPECT_EQ(found({10, 1, 3, 3}), 99U);
    EXPECT_EQ(found({10, 1, 2, 3}), 24U);
}

// Against a list of prefixes that is searched from end to end.
TEST_F(LpmTrie, AnswersAsASearchThroughAllPrefixes) {
    std::mt19937 random(7);
    const Ref<Map> m = map(spec(trie, 8, 4, 500, flags));
    std::set<Prefix> model;
    const auto any = [&] {
        Prefix prefix{static_cast<uint32_t>(random() % 33), {}};
        for (uint8_t& byte : prefix.address) byte = static_cast<uint8_t>(random() % 3 * 0x55);
        for (uint32_t bit = prefix.length; bit < 32; ++bit) prefix.address[bit / 8] &= static_cast<uint8_t>(~(0x80 >> bit % 8));
        return prefix;
    };
    for (int step = 0; step < 20000; ++step) {
        const Prefix prefix = any();
        if (random() % 3 == 0) {
            EXPECT_EQ(erase(*m, prefix), model.erase(prefix) == 1 ? 0 : ENOENT);
        } else if (model.size() < 500) {
            EXPECT_EQ(update(*m, prefix, prefix.length), 0);
            model.insert(prefix);
        }
        const Prefix key = any();
        int64_t longest = -1;
        for (const Prefix& known : model) {
            if (contains(known, key)) longest = std::max<int64_t>(longest, known.length);
        }
        uint32_t value = 0;
        ASSERT_EQ(lookup(*m, key, value), longest < 0 ? ENOENT : 0);
        if (longest >= 0) {
            ASSERT_EQ(value, longest);
        }
    }
    // Every key once, a prefix after all that it contains.
    std::vector<Prefix> keys;
    for (std::optional<Prefix> last;;) {
        Prefix following;
        if (next(*m, last, following) != 0) break;
        for (const Prefix& earlier : keys) EXPECT_FALSE(contains(earlier, following));
        keys.push_back(following);
        last = following;
        ASSERT_LE(keys.size(), model.size());
    }
    EXPECT_EQ(std::set<Prefix>(keys.begin(), keys.end()), model);
}

TEST_F(LpmTrie, ReadersSeeWholeTries) {
    const Ref<Map> m = map(spec(trie, 8, 4, 64, flags));
    ASSERT_EQ(update(*m, Prefix{0, {}}, 0U), 0);
    std::atomic<bool> stop{false};
    std::thread reader([&] {
        while (!stop) {
            const rcu::ReadGuard reading;
            const Prefix key{32, {1, 2, 3, 4}};
            const auto* value = static_cast<const uint32_t*>(m->lookup_element(&key, 0));
            ASSERT_NE(value, nullptr);
            ASSERT_LE(*value, 32U);
        }
    });
    std::mt19937 random(3);
    for (int step = 0; step < 3000; ++step) {
        const Prefix prefix{1 + static_cast<uint32_t>(random() % 32), {1, 2, 3, 4}};
        if (random() % 2 == 0) {
            EXPECT_EQ(update(*m, prefix, prefix.length), 0);
        } else {
            (void)erase(*m, prefix);
        }
    }
    stop = true;
    reader.join();
}

}  // namespace
}  // namespace graft
