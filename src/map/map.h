// Map: a key-value store that programs and bpf(2) share.
//
// One class per file implements a family of map types; map_types.cpp is the table of types.  Thread safety: every element operation may be
// called from any thread at any time; lookups take no lock.  An element's address, once given to a program, stays valid until the RCU
// grace period of the reader that got it has passed.
// Two faces: the program face (raw pointers that the verifier has proved; returns -errno) and the syscall face (spans already copied from
// the client; Result).  Values of per-CPU maps are, on the syscall face, value_stride() bytes for each possible CPU, as Linux lays them
// out.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "abi/bpf.h"
#include "base/bytes.h"
#include "base/rcu.h"
#include "base/result.h"
#include "btf/special_fields.h"
#include "map/tail_callee.h"
#include "object/caller.h"
#include "object/id_table.h"
#include "object/object.h"

namespace graft {

class ElementTimers;
class Timers;

// What BPF_MAP_CREATE asked for, decoded and checked in form.
struct MapSpec {
    uint32_t type = BPF_MAP_TYPE_UNSPEC;
    uint32_t key_size = 0;    // bytes
    uint32_t value_size = 0;  // bytes
    uint32_t max_entries = 0;
    uint32_t flags = 0;  // BPF_F_*
    uint64_t extra = 0;  // map_extra
    std::string name;    // at most 15 bytes
    Ref<Object> btf;     // a Btf, or null
    uint32_t btf_key_type_id = 0;
    uint32_t btf_value_type_id = 0;
    uint32_t vmlinux_value_type_id = 0;  // of the kernel's BTF; 0: none
    SpecialFields fields;                // of the value, found in its BTF
    int32_t numa_node = -1;              // with BPF_F_NUMA_NODE
    uint32_t ifindex = 0;
    Ref<Object> inner;  // a map in maps: the template (MapTemplate) that its inner maps follow
};

// Where a map keeps its values when element i of CPU c simply lies at base + c * cpu_stride + i * stride: engines may then look it up
// without a call.
struct ElementArray {
    std::byte* base = nullptr;
    uint32_t stride = 0;
    uint32_t count = 0;       // an index >= count: no element
    uint64_t cpu_stride = 0;  // 0: one value for all CPUs
};

class Map : public Object {
public:
    ~Map() override;

    // Gives it an id, by which others find it: once, when it is complete.
    void register_by_id();

    [[nodiscard]] const MapSpec& spec() const { return spec_; }
    [[nodiscard]] uint32_t id() const { return id_; }
    [[nodiscard]] uint32_t value_stride() const { return (spec_.value_size + 7) & ~7U; }

    // --- program face: called inside an rcu::ReadGuard, with `key` (and `value`) of the map's sizes ---------------------------------
    // `cpu`: the slot that the calling thread holds (RunContext::cpu); which value of a per-CPU map is meant.
    virtual void* lookup_element(const void* key, uint32_t cpu) = 0;  // null: no such element
    virtual long update_element(const void* key, const void* value, uint64_t flags, uint32_t cpu) = 0;
    virtual long delete_element(const void* key) = 0;
    // The program at an index of a program array, for bpf_tail_call; null: none there, or a map of another type.
    [[nodiscard]] virtual const TailCallee* tail_callee(uint32_t) const { return nullptr; }
    // The value of another CPU, for bpf_map_lookup_percpu_elem; null: no such element or CPU, or not a per-CPU map.
    virtual void* lookup_percpu_element(const void*, uint32_t) { return nullptr; }
    [[nodiscard]] virtual std::optional<ElementArray> element_array() const { return std::nullopt; }
    // Of a queue, a stack, a bloom filter.  `value`: of value_size.
    virtual long push_element(const void*, uint64_t) { return -abi::enotsupp; }
    virtual long pop_element(void*) { return -abi::enotsupp; }
    virtual long peek_element(void*) { return -abi::enotsupp; }

    // Calls `visit` with the address of each key and its value until it returns false; answers how often it did.  -ENOTSUPP: not of this
    // type.
    using ElementVisit = std::function<bool(const void* key, void* value)>;
    virtual long for_each_element(const ElementVisit&, uint32_t) { return -abi::enotsupp; }

    // --- syscall face: sizes are spec().key_size and user_value_size(); ENOENT, EEXIST, E2BIG, EINVAL, ENOTSUPP as Linux ------------
    [[nodiscard]] virtual uint32_t user_value_size() const { return spec_.value_size; }
    virtual Result<void> lookup(Bytes key, MutableBytes value, uint64_t flags) = 0;
    // `caller` resolves descriptors in values of fd maps (prog_array, devmap, map in map).
    virtual Result<void> update(Caller& caller, Bytes key, Bytes value, uint64_t flags) = 0;
    virtual Result<void> erase(Bytes key) = 0;
    // `key` empty: the first.  ENOENT after the last.
    virtual Result<void> next_key(std::optional<Bytes> key, MutableBytes next) = 0;
    // lookup() is asked with what the client has in `value`.
    [[nodiscard]] virtual bool lookup_reads_value() const { return false; }
    virtual Result<void> lookup_and_delete(Bytes key, MutableBytes value, uint64_t flags);  // default: ENOTSUPP

    // The *_BATCH commands.  by_key: a client's token is the last key, and elements are read one by one; by_cursor: the token is a number
    // that walk() understands.
    enum class BatchKind : uint8_t { none, by_key, by_cursor };
    [[nodiscard]] virtual BatchKind batch_kind() const { return BatchKind::none; }
    enum class WalkMode : uint8_t { keep, remove };
    struct Walked {
        uint32_t copied = 0;
        uint32_t cursor = 0;  // where to go on
        bool ended = false;   // nothing is left behind the cursor
    };
    // Copies up to `limit` elements from `cursor` (0: the start) on, and removes them.  ENOSPC: `limit` is too small to make a step.
    virtual Result<Walked> walk(uint32_t cursor, uint32_t limit, MutableBytes keys, MutableBytes values, WalkMode mode, uint64_t flags);

    // Address of byte `offset` of an array's values, for BPF_PSEUDO_MAP_VALUE (.data, .rodata, .bss); ENOTSUPP for other types.
    virtual Result<void*> direct_value(uint32_t offset);
    // A program of that kind which uses the map is being loaded.  EINVAL: the map holds, or has held, programs that do not go with it.
    virtual Result<void> admit_user(const TailCallee::Kind&) { return {}; }
    // A map in maps: what each of its inner maps looks like to the verifier.  Null: its values are no maps.
    [[nodiscard]] const Map* inner_template() const { return static_cast<const Map*>(spec_.inner.get()); }
    // May it stand in a map in maps, and do programs that were verified with `other`'s spec go with it?
    [[nodiscard]] virtual bool may_be_inner() const { return true; }
    [[nodiscard]] virtual bool same_shape(const MapSpec& other) const;
    // The interface has gone: a map that refers to it forgets it.
    virtual void interface_gone(uint64_t, uint32_t) {}

    // Its values have timers: once, when it is complete.
    void keep_timers(Timers& timers);
    [[nodiscard]] ElementTimers* timers() const { return timers_.get(); }  // null: no timers

    // Bytes of memory it takes (fdinfo's memlock, status).
    [[nodiscard]] virtual uint64_t memory() const = 0;

    // --- what a program may do with it ----------------------------------------------------------------------------------------------
    [[nodiscard]] bool program_may_read() const { return (spec_.flags & BPF_F_WRONLY_PROG) == 0; }
    [[nodiscard]] bool program_may_write() const { return (spec_.flags & BPF_F_RDONLY_PROG) == 0; }
    // Frozen and read-only for programs: the verifier may fold what it reads into constants.
    [[nodiscard]] bool constant() const { return frozen() && !program_may_write(); }

    // BPF_MAP_FREEZE: no bpf(2) call may write any more.  EBUSY: frozen already, a writable client mapping, or a write under way; ENOTSUPP:
    // the value has special fields.
    Result<void> freeze(Caller& caller);
    [[nodiscard]] bool frozen() const { return frozen_.load(std::memory_order_acquire); }

    // A writing bpf(2) command holds one from before it looks at frozen() until it has written, so that freeze() can refuse.
    class WriteUnderWay {
    public:
        explicit WriteUnderWay(Map& map) : map_(map) { map.writes_under_way_.fetch_add(1, std::memory_order_seq_cst); }
        ~WriteUnderWay() { map_.writes_under_way_.fetch_sub(1, std::memory_order_seq_cst); }
        WriteUnderWay(const WriteUnderWay&) = delete;
        WriteUnderWay& operator=(const WriteUnderWay&) = delete;

    private:
        Map& map_;
    };

protected:
    Map(MapSpec spec, IdTable<Map>& ids);
    // The rest of a freeze, under its lock: makes client mappings read-only for good.  EBUSY: cannot.
    virtual Result<void> seal(Caller&) { return {}; }
    void users_gone() override;
    // What the kernel keeps in an element goes with it, or when its value is written anew.
    void give_up_fields(void* value) const {
        if (timers_) [[unlikely]]
            remove_timer(value);
    }

private:
    MapSpec spec_;
    void last_reference_gone() const override;
    void remove_timer(void* value) const;
    IdTable<Map>& ids_;
    uint32_t id_ = 0;
    mutable rcu::Deferral deferral_;
    std::unique_ptr<ElementTimers> timers_;
    std::mutex freeze_lock_;
    std::atomic<bool> frozen_{false};
    std::atomic<uint32_t> writes_under_way_{0};
};

}  // namespace graft
