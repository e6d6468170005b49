// Timers in values of maps.  What a run does is told in `input` (an operation and its arguments); its answer goes to `output`.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "GPL";

struct element {
    __u64 fired;  // how often
    struct bpf_timer timer;
    __u64 key;     // that the callback was given
    __u64 answer;  // of what the callback asked for
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 2);
    __type(key, __u32);
    __type(value, struct element);
} array SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 8);
    __type(key, __u64);
    __type(value, struct element);
} hash SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 8);
    __type(key, __u64);
    __type(value, struct element);
} lru SEC(".maps");

struct numbers {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 4);
    __type(key, __u32);
    __type(value, __u64);
};
struct numbers input SEC(".maps");
struct numbers output SEC(".maps");

static __always_inline __u64 get(__u32 index) {
    __u64* value = bpf_map_lookup_elem(&input, &index);
    return value ? *value : 0;
}
static __always_inline void put(__u32 index, __u64 value) { bpf_map_update_elem(&output, &index, &value, BPF_ANY); }

static int count(void* map, void* key, struct element* element) {
    element->key = *(__u32*)key;
    __sync_fetch_and_add(&element->fired, 1);
    return 0;
}
static int repeat(void* map, void* key, struct element* element) {
    if (__sync_fetch_and_add(&element->fired, 1) < 4) element->answer = bpf_timer_start(&element->timer, 1000000, 0);
    return 0;
}
static int cancel_self(void* map, void* key, struct element* element) {
    element->answer = bpf_timer_cancel(&element->timer);
    __sync_fetch_and_add(&element->fired, 1);
    return 0;
}
static long spin(__u32 index, void* context) {
    *(__u64*)context += bpf_ktime_get_ns();
    return 0;
}
static int slow(void* map, void* key, struct element* element) {
    __u64 work = 0;
    element->answer = 1;
    bpf_loop(2000000, spin, &work, 0);
    __sync_fetch_and_add(&element->fired, 1);
    return 0;
}

// input: operation, key, two arguments; output: the answer
#define OPERATIONS(map, key_type)                                             \
    SEC("xdp")                                                                \
    int on_##map(struct xdp_md* ctx) {                                        \
        const key_type key = get(1);                                          \
        struct element* element = bpf_map_lookup_elem(&map, &key);            \
        const __u64 a = get(2), b = get(3);                                   \
        if (!element) return 0;                                               \
        switch (get(0)) {                                                     \
            case 1:                                                           \
                put(0, bpf_timer_init(&element->timer, &map, a));             \
                break;                                                        \
            case 2:                                                           \
                put(0, bpf_timer_set_callback(&element->timer, count));       \
                break;                                                        \
            case 3:                                                           \
                put(0, bpf_timer_start(&element->timer, a, b));               \
                break;                                                        \
            case 4:                                                           \
                put(0, bpf_timer_cancel(&element->timer));                    \
                break;                                                        \
            case 5:                                                           \
                put(0, bpf_timer_set_callback(&element->timer, repeat));      \
                break;                                                        \
            case 6:                                                           \
                put(0, bpf_timer_set_callback(&element->timer, cancel_self)); \
                break;                                                        \
            case 7:                                                           \
                put(0, bpf_timer_set_callback(&element->timer, slow));        \
                break;                                                        \
            case 8:                                                           \
                put(0, bpf_map_delete_elem(&map, &key));                      \
                put(1, bpf_timer_start(&element->timer, a, b));               \
                break;                                                        \
        }                                                                     \
        return 1;                                                             \
    }
OPERATIONS(array, __u32)
OPERATIONS(hash, __u64)
OPERATIONS(lru, __u64)
