// bpf_throw: from where, to where, and what the program returns then.  A program on a packet whose first byte is 0 throws nothing.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "GPL";

extern void bpf_throw(__u64 cookie) __ksym;
#define CAUGHT_BY(name) __attribute__((btf_decl_tag("exception_callback:" #name)))
// The last instruction is never reached.  It is there for old versions of libbpf, which leave out a function that nothing refers to.
#define throw_to(name, cookie)          \
    do {                                \
        bpf_throw(cookie);              \
        bpf_loop(0, (void*)name, 0, 0); \
    } while (0)

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 2);
    __type(key, __u32);
    __type(value, __u64);
} counts SEC(".maps");

static __always_inline void count(__u32 index) {
    __u64* value = bpf_map_lookup_elem(&counts, &index);
    if (value) *value += 1;
}

static __always_inline __u8 first_byte(struct xdp_md* ctx) {
    __u8* data = (void*)(long)ctx->data;
    return data + 1 > (__u8*)(long)ctx->data_end ? 0 : *data;
}

// --- where from --------------------------------------------------------------------------------------------------

SEC("xdp")
int in_main(struct xdp_md* ctx) {
    if (first_byte(ctx)) bpf_throw(40);
    return 1;
}

static __noinline int throws(struct xdp_md* ctx) {
    int result = 5;
    asm volatile("" : "+r"(result));  // so that the compiler does not know it
    if (first_byte(ctx)) bpf_throw(41);
    return result;
}
SEC("xdp")
int in_static(struct xdp_md* ctx) {
    const int got = throws(ctx);
    count(0);
    return got + 1;
}

__noinline int throws_too(struct xdp_md* ctx) {
    const int got = throws(ctx);
    count(1);
    return got + 1;
}
SEC("xdp")
int in_a_function_of_a_global_one(struct xdp_md* ctx) {
    const int got = throws_too(ctx);
    count(0);
    return got + 1;
}

// --- callbacks ---------------------------------------------------------------------------------------------------

__noinline int plus_100(__u64 cookie) {
    count(0);
    return (int)cookie + 100;
}
SEC("xdp")
CAUGHT_BY(plus_100)
int caught(struct xdp_md* ctx) {
    if (first_byte(ctx)) throw_to(plus_100, 42);
    return 1;
}
SEC("xdp")
CAUGHT_BY(plus_100)
int caught_from_below(struct xdp_md* ctx) {
    if (first_byte(ctx) == 2) throw_to(plus_100, 43);
    const int got = throws_too(ctx);
    count(0);
    return got + 1;
}
__noinline int throws_again(__u64 cookie) {
    bpf_throw(cookie);
    return 0;
}
SEC("xdp")
CAUGHT_BY(throws_again)
int callback_throws(struct xdp_md* ctx) {
    throw_to(throws_again, 1);
    return 1;
}

static __noinline int static_callback(__u64 cookie) {
    count(0);
    return 2;
}
SEC("xdp")
CAUGHT_BY(static_callback)
int callback_is_static(struct xdp_md* ctx) {
    bpf_throw(1);
    return static_callback(1);
}
SEC("xdp")
CAUGHT_BY(nowhere)
int callback_is_missing(struct xdp_md* ctx) {
    bpf_throw(1);
    return 1;
}
__noinline int two_arguments(__u64 cookie, __u64 more) { return (int)(cookie + more); }
SEC("xdp")
CAUGHT_BY(two_arguments)
int callback_of_two(struct xdp_md* ctx) {
    throw_to(two_arguments, 1);
    return 1;
}
__noinline int of_pointer(const int* cookie) { return cookie != 0; }
SEC("xdp")
CAUGHT_BY(of_pointer)
int callback_of_pointer(struct xdp_md* ctx) {
    throw_to(of_pointer, 1);
    return 1;
}
__noinline __u64 of_long(__u64 cookie) { return cookie + 7; }
SEC("xdp")
CAUGHT_BY(of_long)
int callback_of_long(struct xdp_md* ctx) {
    throw_to(of_long, 1);
    return 1;
}
__noinline void of_nothing(__u64 cookie) { count(0); }
SEC("xdp")
CAUGHT_BY(of_nothing)
int callback_of_nothing(struct xdp_md* ctx) {
    throw_to(of_nothing, 1);
    return 1;
}
SEC("xdp")
CAUGHT_BY(plus_100)
CAUGHT_BY(of_long)
int two_callbacks(struct xdp_md* ctx) {
    bpf_throw(1);
    return 1;
}
SEC("xdp")
CAUGHT_BY(plus_100)
int calls_its_callback(struct xdp_md* ctx) {
    bpf_throw(1);
    return plus_100(1);
}

// --- where it may not be thrown ----------------------------------------------------------------------------------

static long round(__u32 index, void* context) {
    bpf_throw(1);
    return 0;
}
SEC("xdp")
int in_a_loop(struct xdp_md* ctx) {
    bpf_loop(3, round, 0, 0);
    return 1;
}

struct element {
    struct bpf_spin_lock lock;
    int number;
};
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct element);
} locked SEC(".maps");
SEC("tc")
int under_a_lock(struct __sk_buff* ctx) {
    __u32 zero = 0;
    struct element* element = bpf_map_lookup_elem(&locked, &zero);
    if (!element) return 0;
    bpf_spin_lock(&element->lock);
    bpf_throw(1);
    bpf_spin_unlock(&element->lock);
    return 0;
}
static __noinline int throws_one(void) {
    bpf_throw(1);
    return 0;
}
SEC("tc")
int called_under_a_lock(struct __sk_buff* ctx) {
    __u32 zero = 0;
    struct element* element = bpf_map_lookup_elem(&locked, &zero);
    if (!element) return 0;
    bpf_spin_lock(&element->lock);
    throws_one();
    bpf_spin_unlock(&element->lock);
    return 0;
}

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 4096);
} ring SEC(".maps");
SEC("xdp")
int with_a_reference(struct xdp_md* ctx) {
    void* record = bpf_ringbuf_reserve(&ring, 8, 0);
    if (!record) return 0;
    bpf_throw(1);
    bpf_ringbuf_discard(record, 0);
    return 1;
}
SEC("xdp")
int called_with_a_reference(struct xdp_md* ctx) {
    void* record = bpf_ringbuf_reserve(&ring, 8, 0);
    if (!record) return 0;
    throws_one();
    bpf_ringbuf_discard(record, 0);
    return 1;
}
__noinline int global_none(void) {
    bpf_throw(1);
    return 0;
}
SEC("xdp")
int global_called_with_a_reference(struct xdp_md* ctx) {
    void* record = bpf_ringbuf_reserve(&ring, 8, 0);
    if (!record) return 0;
    global_none();
    bpf_ringbuf_discard(record, 0);
    return 1;
}

struct timed {
    struct bpf_timer timer;
};
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct timed);
} timers SEC(".maps");
static int fired(void* map, __u32* key, struct timed* element) {
    bpf_throw(0);
    return 0;
}
SEC("xdp")
int in_a_timer(struct xdp_md* ctx) {
    __u32 zero = 0;
    struct timed* element = bpf_map_lookup_elem(&timers, &zero);
    if (!element) return 0;
    bpf_timer_init(&element->timer, &timers, 1);
    bpf_timer_set_callback(&element->timer, fired);
    return 1;
}

// --- the cookie is what the program returns ----------------------------------------------------------------------

SEC("cgroup_skb/egress")
int out_of_range(struct __sk_buff* ctx) {
    bpf_throw(64);
    return 1;
}
SEC("cgroup_skb/egress")
int any_number(struct __sk_buff* ctx) {
    bpf_throw(ctx->len);
    return 1;
}
SEC("cgroup_skb/egress")
int in_range(struct __sk_buff* ctx) {
    bpf_throw(3);
    return 1;
}
__noinline int too_large(__u64 cookie) { return 64; }
SEC("cgroup_skb/egress")
CAUGHT_BY(too_large)
int callback_out_of_range(struct __sk_buff* ctx) {
    throw_to(too_large, 64);
    return 1;
}
__noinline int one(__u64 cookie) { return 1; }
SEC("cgroup_skb/egress")
CAUGHT_BY(one)
int callback_in_range(struct __sk_buff* ctx) {
    throw_to(one, 64);
    return 1;
}
SEC("xdp")
int with_a_pointer(struct xdp_md* ctx) {
    bpf_throw((__u64)(long)ctx);
    return 1;
}
