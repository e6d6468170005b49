// BPF_MAP_TYPE_DEVMAP and DEVMAP_HASH: interfaces to redirect to, each with a program that may run on the way out.
//
// An entry names its interface by index in the network namespace of the client that put it in; the hook finds the interface.  An entry goes
// with its interface (interface_gone).  Thread safety: entries are immutable and published under RCU; changes take a lock.
#pragma once

#include <mutex>

#include "map/map_types.h"
#include "map/pointer_array.h"
#include "map/prog_array.h"

namespace graft {

struct DevmapEntry {
    bpf_devmap_val value{};  // what programs and clients read: ifindex and program id
    uint32_t key = 0;
    uint64_t netns_cookie = 0;
    Ref<TailCallee> program;                  // null: none
    std::atomic<DevmapEntry*> next{nullptr};  // in a hash bucket
};

class DevmapMap : public Map {
public:
    static Result<void> check(const MapSpec& spec, const MapEnvironment& environment);
    static Result<Ref<Map>> create(MapSpec spec, MapEnvironment& environment);

    // Inside an rcu::ReadGuard.  Null: no such entry.
    [[nodiscard]] virtual const DevmapEntry* entry(uint32_t key) const = 0;
    // In the order of the keys' slots, for BPF_F_BROADCAST; `cursor` starts at 0.  Null: no more.
    [[nodiscard]] virtual const DevmapEntry* next_entry(uint64_t& cursor) const = 0;

    void* lookup_element(const void* key, uint32_t cpu) final;
    long update_element(const void* key, const void* value, uint64_t flags, uint32_t cpu) final;  // programs may not
    long delete_element(const void* key) final;
    void interface_gone(uint64_t netns_cookie, uint32_t ifindex) override = 0;

    Result<void> lookup(Bytes key, MutableBytes value, uint64_t flags) final;

protected:
    using Map::Map;
    [[nodiscard]] static uint32_t key_of(const void* key) {
        uint32_t index;
        std::memcpy(&index, key, sizeof index);
        return index;
    }
    // A client's value.  EINVAL: unknown interface; a program that is not an XDP program for devmaps, or of another kind than the others.
    Result<std::unique_ptr<DevmapEntry>> make_entry(Caller& caller, uint32_t key, const bpf_devmap_val& value);
    [[nodiscard]] bpf_devmap_val value_from(Bytes value) const;
    static void retire(DevmapEntry* entry);
    // As Linux: here the attach type does not count.
    Result<void> agree(TailCallee::Kind kind) {
        kind.expected_attach_type = 0;
        return kind_.agree(kind);
    }

    mutable std::mutex change_lock_;

private:
    SharedKind kind_;
};

}  // namespace graft
