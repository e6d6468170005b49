// Programs whose helpers call back: bpf_loop, bpf_for_each_map_elem.  What they are told is in `input`, what they found in `output`.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "GPL";

struct numbers {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 4);
    __type(key, __u32);
    __type(value, __u64);
};
struct numbers input SEC(".maps");
struct numbers output SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 16);
    __type(key, __u32);
    __type(value, __u64);
} hash SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 3);
    __type(key, __u32);
    __type(value, __u64);
} percpu SEC(".maps");

struct state {
    __u64 rounds, sum, stop;
};

static __u64 get(__u32 index) {
    __u64* value = bpf_map_lookup_elem(&input, &index);
    return value ? *value : 0;
}
static void put(__u32 index, __u64 value) { bpf_map_update_elem(&output, &index, &value, BPF_ANY); }

// --- bpf_loop: input: rounds, the index that stops it, flags; output: its answer, calls, sum of indexes ---------

static long round(__u32 index, struct state* state) {
    state->rounds++;
    state->sum += index;
    return index == state->stop;
}

SEC("xdp")
int loop(struct xdp_md* ctx) {
    struct state state = {.stop = get(1)};
    put(0, bpf_loop((__u32)get(0), round, &state, get(2)));
    put(1, state.rounds);
    put(2, state.sum);
    return XDP_PASS;
}

static long outer(__u32 index, struct state* state) {
    struct state inner = {.stop = state->stop};
    bpf_loop(index, round, &inner, 0);
    state->rounds += inner.rounds;
    state->sum += inner.sum;
    return 0;
}

SEC("xdp")
int nested(struct xdp_md* ctx) {
    struct state state = {.stop = get(1)};
    put(0, bpf_loop((__u32)get(0), outer, &state, 0));
    put(1, state.rounds);
    put(2, state.sum);
    return XDP_PASS;
}

struct bpf_map;

// --- bpf_for_each_map_elem: input: the key that stops it, flags; output: its answer, calls, sum of values -----------

static long element(struct bpf_map* map, __u32* key, __u64* value, struct state* state) {
    state->rounds++;
    state->sum += *value;
    *value += 1;
    return *key == state->stop;
}

#define EACH_OF(map)                                                  \
    SEC("xdp") int each_of_##map(struct xdp_md* ctx) {                \
        struct state state = {.stop = get(0)};                        \
        put(0, bpf_for_each_map_elem(&map, element, &state, get(1))); \
        put(1, state.rounds);                                         \
        put(2, state.sum);                                            \
        return XDP_PASS;                                              \
    }
EACH_OF(hash)
EACH_OF(percpu)
EACH_OF(input)

// An element may go while it is visited.
static long remove(struct bpf_map* map, __u32* key, __u64* value, struct state* state) {
    __u32 copy = *key;
    state->sum += *value;
    state->rounds += bpf_map_delete_elem(&hash, &copy) == 0;
    return 0;
}

SEC("xdp")
int remove_all(struct xdp_md* ctx) {
    struct state state = {};
    put(0, bpf_for_each_map_elem(&hash, remove, &state, 0));
    put(1, state.rounds);
    put(2, state.sum);
    return XDP_PASS;
}
