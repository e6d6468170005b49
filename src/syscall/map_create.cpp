// BPF_MAP_CREATE: checks in Linux's order, then lets the map's type make it.

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <string>

#include "btf/btf.h"
#include "map/map_in_map.h"
#include "map/map_types.h"
#include "syscall/command.h"
#include "syscall/object_name.h"

namespace graft::command {
namespace {

// Flags and fields after 6.1.
constexpr uint32_t f_token_fd = 1U << 16;
constexpr size_t map_token_fd = 76;

Result<void> refuse_token(Caller& caller, const Attr& attr) {
    if ((attr->map_flags & f_token_fd) == 0) return {};
    TRY(caller.descriptor(attr.at<int32_t>(map_token_fd)));
    return fail(EINVAL, "map_token_fd is no token");
}

Result<void> check_common_fields(const Attr& attr) {
    if (attr->btf_vmlinux_value_type_id != 0) {
        if (attr->map_type != BPF_MAP_TYPE_STRUCT_OPS || attr->btf_key_type_id != 0 || attr->btf_value_type_id != 0) {
            return fail(EINVAL, "btf_vmlinux_value_type_id is for struct_ops maps");
        }
    } else if (attr->btf_key_type_id != 0 && attr->btf_value_type_id == 0) {
        return fail(EINVAL, "btf_key_type_id without btf_value_type_id");
    }
    const bool has_extra = attr->map_type == BPF_MAP_TYPE_BLOOM_FILTER || attr->map_type == abi::map_type_arena;
    if (attr->map_extra != 0 && !has_extra) return fail(EINVAL, "map_extra is not for this map type");
    constexpr uint32_t both = BPF_F_RDONLY | BPF_F_WRONLY;
    if ((attr->map_flags & both) == both) return fail(EINVAL, "map_flags says read-only and write-only");
    return {};
}

// NUMA_NO_NODE, or the node asked for.  Where memory lies is left to the host.
Result<int32_t> numa_node(const Attr& attr) {
    const auto node = static_cast<int32_t>(attr->numa_node);
    if ((attr->map_flags & BPF_F_NUMA_NODE) == 0 || node == -1) return -1;
    const std::string path = "/sys/devices/system/node/node" + std::to_string(node);
    if (node != 0 && access(path.c_str(), F_OK) != 0) return fail(EINVAL, "there is no such NUMA node");
    return node;
}

Result<void> refuse_offload(Caller& caller, const Attr& attr) {
    if (attr->map_ifindex == 0) return {};
    const bool offloadable = attr->map_type == BPF_MAP_TYPE_ARRAY || attr->map_type == BPF_MAP_TYPE_HASH;
    if (!offloadable || !TRY(caller.has_interface(attr->map_ifindex))) return fail(EINVAL, "map_ifindex is not for this map");
    return fail(EOPNOTSUPP, "no device here holds maps");
}

// --- BTF of key and value
// -------------------------------------------------------------------------------------------------------------------

Result<void> check_type_size(const Btf& btf, uint32_t type_id, uint32_t size) {
    if (type_id >= btf.count()) return fail(EINVAL, "a BTF type id is out of range");
    const std::optional<SizedType> sized = btf.sized(type_id);
    if (!sized || sized->size != size) return fail(EINVAL, "a BTF type does not have the size of the key or value");
    return {};
}

// Which map types keep a field of the kind.
bool may_hold(uint32_t map_type, FieldKind kind) {
    const bool shared = map_type == BPF_MAP_TYPE_HASH || map_type == BPF_MAP_TYPE_ARRAY;
    const bool lru = map_type == BPF_MAP_TYPE_LRU_HASH;
    const bool storage = map_type == BPF_MAP_TYPE_SK_STORAGE || map_type == BPF_MAP_TYPE_INODE_STORAGE ||
                         map_type == BPF_MAP_TYPE_TASK_STORAGE || map_type == abi::map_type_cgrp_storage;
    const bool percpu =
        map_type == BPF_MAP_TYPE_PERCPU_HASH || map_type == BPF_MAP_TYPE_PERCPU_ARRAY || map_type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
    switch (kind) {
        case FieldKind::spin_lock:
            return shared || storage || map_type == BPF_MAP_TYPE_CGROUP_STORAGE;
        case FieldKind::kptr_unref:
        case FieldKind::kptr_ref:
        case FieldKind::kptr_percpu:
        case FieldKind::refcount:
            return shared || lru || percpu || storage;
        default:
            return shared || lru;
    }
}

Result<SpecialFields> fields_of_value(const MapSpec& spec, const Btf& btf, uint32_t type_id) {
    // A value with fields that Linux does not understand is one without any.
    const Result<SpecialFields> found = find_special_fields(btf, type_id, value_kinds, spec.value_size);
    if (!found.ok() || found.value().empty()) return SpecialFields();
    if ((spec.flags & (BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG)) != 0)
        return fail(EACCES, "a value with special fields must be open to programs");
    for (const SpecialField& field : found.value().fields) {
        if (!may_hold(spec.type, field.kind)) return fail(EOPNOTSUPP, "this map type does not keep a special field of the value");
    }
    return found.value();
}

// A data section as the only value of an array needs no key; any other array wants a 32-bit integer.
Result<void> check_index_key(const MapSpec& spec, const BtfType& value) {
    if (spec.btf_key_type_id == 0) {
        const bool data = spec.type == BPF_MAP_TYPE_ARRAY && spec.max_entries == 1 && value.is(BTF_KIND_DATASEC);
        return data ? Result<void>() : fail(EINVAL, "only the array of a data section needs no key type");
    }
    const Btf& btf = value.btf();
    const BtfType key = btf.type(btf.sized(spec.btf_key_type_id)->id);
    if (!key.is(BTF_KIND_INT) || key.int_bits() != 32 || key.int_offset() != 0) {
        return fail(EINVAL, "the key of an array is a 32-bit integer");
    }
    return {};
}

bool is_number(const BtfType& type, uint32_t bits) { return type.is(BTF_KIND_INT) && type.int_bits() == bits && type.int_offset() == 0; }

// The key of a local storage: a descriptor; that of a trie: a struct; that of a cgroup storage: a struct or an id.
Result<void> check_kind_of_key(const BtfType& key, MapBtf wanted, uint32_t size) {
    const bool id = wanted == MapBtf::cgroup_key && size == sizeof(uint64_t);
    const bool good = wanted == MapBtf::storage_key ? is_number(key, 32) : id ? is_number(key, 64) : key.is(BTF_KIND_STRUCT);
    return good ? Result<void>() : fail(EINVAL, "the key's BTF type is not of the kind that this map type has");
}

// What the inner maps are to look like.
Result<void> add_inner(const MapType& type, Caller& caller, const Attr& attr, MapSpec& spec, IdTable<Map>& ids) {
    if (type.inner == MapInner::no) return {};
    const DescriptorRef found = TRY(caller.descriptor(static_cast<int>(attr->inner_map_fd)));
    if (found.object->object_kind() != ObjectKind::map) return fail(EINVAL, "inner_map_fd is no map");
    spec.inner = TRY(make_inner_template(static_cast<const Map&>(*found.object), ids));
    return {};
}

Result<void> add_btf(const MapType& type, Caller& caller, const Attr& attr, MapSpec& spec) {
    if (attr->btf_key_type_id == 0 && attr->btf_value_type_id == 0) return {};
    const DescriptorRef found = TRY(caller.descriptor(static_cast<int>(attr->btf_fd)));
    if (found.object->object_kind() != ObjectKind::btf) return fail(EINVAL, "btf_fd is no BTF");
    const Btf& btf = static_cast<const Btf&>(*found.object);
    if (btf.kernel_btf()) return fail(EACCES, "btf_fd is the kernel's BTF");
    spec.btf = found.object;

    if (spec.btf_key_type_id != 0) {
        TRY(check_type_size(btf, spec.btf_key_type_id, spec.key_size));
    } else if (type.btf != MapBtf::index_key && type.btf != MapBtf::no_key && type.btf != MapBtf::none) {
        return fail(EINVAL, "btf_value_type_id without btf_key_type_id");
    }
    TRY(check_type_size(btf, spec.btf_value_type_id, spec.value_size));
    const BtfType value = btf.type(btf.sized(spec.btf_value_type_id)->id);
    spec.fields = TRY(fields_of_value(spec, btf, value.id()));
    switch (type.btf) {
        case MapBtf::any:
            return {};
        case MapBtf::index_key:
            return check_index_key(spec, value);
        case MapBtf::storage_key:
        case MapBtf::struct_key:
        case MapBtf::cgroup_key:
            return check_kind_of_key(btf.type(btf.sized(spec.btf_key_type_id)->id), type.btf, spec.key_size);
        case MapBtf::no_key:
            if (spec.btf_key_type_id != 0) return fail(EINVAL, "this map type has no keys");
            return {};
        case MapBtf::none:
            break;
    }
    return fail(abi::enotsupp, "this map type takes no BTF");
}

MapSpec decode(const Attr& attr) {
    MapSpec spec;
    spec.type = attr->map_type;
    spec.key_size = attr->key_size;
    spec.value_size = attr->value_size;
    spec.max_entries = attr->max_entries;
    spec.flags = attr->map_flags & ~f_token_fd;
    spec.extra = attr->map_extra;
    spec.btf_key_type_id = attr->btf_key_type_id;
    spec.btf_value_type_id = attr->btf_value_type_id;
    spec.vmlinux_value_type_id = attr->btf_vmlinux_value_type_id;
    return spec;
}

}  // namespace

Result<Reply> map_create(Kernel& kernel, Caller& caller, const Attr& attr) {
    TRY(refuse_token(caller, attr));
    TRY(check_common_fields(attr));
    MapSpec spec = decode(attr);
    spec.numa_node = TRY(numa_node(attr));
    const MapType* const type = find_map_type(spec.type);
    if (type == nullptr) return fail(EINVAL, "graft has no such map type");
    MapEnvironment environment{.ids = kernel.maps, .possible_cpus = kernel.runtime.cpus.possible(), .vmlinux = kernel.vmlinux_btf.get()};
    TRY(type->check(spec, environment));
    TRY(refuse_offload(caller, attr));
    spec.flags |= type->implied_flags;
    TRY(add_inner(*type, caller, attr, spec, kernel.maps));
    spec.name = TRY(object_name(attr->map_name));
    TRY(add_btf(*type, caller, attr, spec));

    Reply reply;
    reply.readable = (spec.flags & BPF_F_WRONLY) == 0;
    reply.writable = (spec.flags & BPF_F_RDONLY) == 0;
    spec.flags &= ~uint32_t{BPF_F_RDONLY | BPF_F_WRONLY};  // the descriptor's matter
    Ref<Map> map = TRY(type->create(std::move(spec), environment));
    if (map->spec().fields.has(FieldKind::timer)) {
        TRY(kernel.timers.start_thread());
        map->keep_timers(kernel.timers);
    }
    map->register_by_id();
    reply.object = std::move(map);
    return reply;
}

}  // namespace graft::command
