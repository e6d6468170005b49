// The four *_BATCH commands.  batch.count says how many elements there is room for, and is answered with how many were done, also on an
// error.
//
// Two ways to read a map (Map::BatchKind): array-like maps by key, where the client's token is the last key; hash maps by cursor, where it
// is a 32-bit number.  "Unlike Linux": a count smaller than a hash bucket is no ENOSPC, since the cursor points into buckets.

#include <algorithm>

#include "syscall/map_access.h"

namespace graft::command {
namespace {

constexpr size_t count_offset = offsetof(bpf_attr, batch.count);

Result<void> put_count(Caller& caller, const Attr& attr, uint32_t count) { return attr.put(caller, count_offset, count); }

Result<void> check_flags(const Map& map, const Attr& attr) {
    TRY(require_only_lock_flag(attr->batch.elem_flags));
    return require_lock_for(map, attr->batch.elem_flags);
}

// --- reading by key
// -------------------------------------------------------------------------------------------------------------------------

struct Read {
    uint32_t count = 0;
    Result<void> end;  // why it stopped before `limit`
};

// Reads from after `key` on, and leaves in it the last key read.  EFAULT is an error of the whole call.
Result<Read> read_by_key(Map& map, Caller& caller, const Attr& attr, bool has_key, MutableBytes key) {
    Buffer next_buffer, value_buffer;
    const MutableBytes next = TRY(next_buffer.resize(key.size()));
    const MutableBytes value = TRY(value_buffer.resize(map.user_value_size()));
    Read read;
    while (read.count < attr->batch.count) {
        read.end = map.next_key(has_key ? std::optional<Bytes>(key) : std::nullopt, next);
        if (!read.end.ok()) return read;
        has_key = true;
        std::copy(next.begin(), next.end(), key.begin());
        const Result<void> found = map.lookup(key, value, attr->batch.elem_flags);
        if (found.code() == ENOENT) continue;  // deleted meanwhile
        TRY(found);
        TRY(caller.write(attr->batch.keys + uint64_t{read.count} * key.size(), key));
        TRY(caller.write(attr->batch.values + uint64_t{read.count} * value.size(), value));
        ++read.count;
    }
    return read;
}

Result<Reply> lookup_by_key(Map& map, Caller& caller, const Attr& attr) {
    TRY(check_flags(map, attr));
    if (attr->batch.count == 0) return Reply(0);
    TRY(put_count(caller, attr, 0));
    Buffer buffer;
    const MutableBytes key = TRY(buffer.resize(map.spec().key_size));
    if (attr->batch.in_batch != 0) TRY(caller.read(attr->batch.in_batch, key));
    const Read read = TRY(read_by_key(map, caller, attr, attr->batch.in_batch != 0, key));
    TRY(put_count(caller, attr, read.count));
    if (read.count > 0) TRY(caller.write(attr->batch.out_batch, key));
    TRY(read.end);
    return Reply(0);
}

// --- reading by cursor
// ----------------------------------------------------------------------------------------------------------------------

constexpr size_t step_bytes = 64 * 1024;  // of keys and values between two looks at the client

Result<Reply> walk(Map& map, Caller& caller, const Attr& attr, Map::WalkMode mode) {
    TRY(check_flags(map, attr));
    if (attr->batch.flags != 0) return fail(EINVAL, "batch.flags is not 0");
    if (attr->batch.count == 0) return Reply(0);
    TRY(put_count(caller, attr, 0));
    Map::Walked at;
    if (attr->batch.in_batch != 0) at.cursor = TRY(caller.read_value<uint32_t>(attr->batch.in_batch));

    const size_t key_size = map.spec().key_size, value_size = map.user_value_size();
    const uint32_t wanted = attr->batch.count;
    const uint32_t step = std::min(wanted, static_cast<uint32_t>(std::max<size_t>(1, step_bytes / (key_size + value_size))));
    Buffer key_buffer, value_buffer;
    const MutableBytes keys = TRY(key_buffer.resize(step * key_size));
    const MutableBytes values = TRY(value_buffer.resize(step * value_size));
    uint32_t done = 0;
    while (done < wanted && !at.ended && !caller.gone()) {
        const Result<Map::Walked> walked = map.walk(at.cursor, std::min(step, wanted - done), keys, values, mode, attr->batch.elem_flags);
        if (walked.code() == ENOSPC && done > 0) break;
        at = TRY(walked);
        TRY(caller.write(attr->batch.keys + done * key_size, keys.first(at.copied * key_size)));
        TRY(caller.write(attr->batch.values + done * value_size, values.first(at.copied * value_size)));
        done += at.copied;
    }
    TRY(caller.write_value(attr->batch.out_batch, at.cursor));
    TRY(put_count(caller, attr, done));
    if (at.ended) return fail(ENOENT, "that was the last element");
    return Reply(0);
}

// --- writing
// --------------------------------------------------------------------------------------------------------------------------------

// Calls `change(i)` for each element until one fails, and answers how many were changed.
template <class F>
Result<Reply> change_each(Caller& caller, const Attr& attr, F&& change) {
    if (attr->batch.count == 0) return Reply(0);
    uint32_t done = 0;
    Result<void> changed;
    while (done < attr->batch.count && !caller.gone()) {
        changed = change(uint64_t{done});
        if (!changed.ok()) break;
        ++done;
    }
    TRY(put_count(caller, attr, done));
    TRY(changed);
    return Reply(0);
}

Error no_batch() { return fail(abi::enotsupp, "this map type has no such batch command"); }

}  // namespace

Result<Reply> map_lookup_batch(Kernel&, Caller& caller, const Attr& attr) {
    const MapAccess access = TRY(find_map(caller, attr->batch.map_fd));
    TRY(require_readable(access));
    switch (access.map->batch_kind()) {
        case Map::BatchKind::by_key:
            return lookup_by_key(*access.map, caller, attr);
        case Map::BatchKind::by_cursor:
            return walk(*access.map, caller, attr, Map::WalkMode::keep);
        case Map::BatchKind::none:
            break;
    }
    return no_batch();
}

Result<Reply> map_lookup_and_delete_batch(Kernel&, Caller& caller, const Attr& attr) {
    const MapAccess access = TRY(find_map(caller, attr->batch.map_fd));
    const Map::WriteUnderWay writing(*access.map);
    TRY(require_readable(access));
    TRY(require_writable(access));
    if (access.map->batch_kind() != Map::BatchKind::by_cursor) return no_batch();
    return walk(*access.map, caller, attr, Map::WalkMode::remove);
}

Result<Reply> map_update_batch(Kernel&, Caller& caller, const Attr& attr) {
    const MapAccess access = TRY(find_map(caller, attr->batch.map_fd));
    Map& map = *access.map;
    const Map::WriteUnderWay writing(map);
    TRY(require_writable(access));
    if (map.batch_kind() == Map::BatchKind::none) return no_batch();
    TRY(check_flags(map, attr));
    Buffer key_buffer, value_buffer;
    const MutableBytes key = TRY(key_buffer.resize(map.spec().key_size));
    const MutableBytes value = TRY(value_buffer.resize(map.user_value_size()));
    return change_each(caller, attr, [&](uint64_t i) -> Result<void> {
        TRY(caller.read(attr->batch.keys + i * key.size(), key));
        TRY(caller.read(attr->batch.values + i * value.size(), value));
        return map.update(caller, key, value, attr->batch.elem_flags);
    });
}

Result<Reply> map_delete_batch(Kernel&, Caller& caller, const Attr& attr) {
    const MapAccess access = TRY(find_map(caller, attr->batch.map_fd));
    Map& map = *access.map;
    const Map::WriteUnderWay writing(map);
    TRY(require_writable(access));
    if (map.batch_kind() != Map::BatchKind::by_cursor) return no_batch();
    TRY(check_flags(map, attr));
    Buffer buffer;
    const MutableBytes key = TRY(buffer.resize(map.spec().key_size));
    return change_each(caller, attr, [&](uint64_t i) -> Result<void> {
        TRY(caller.read(attr->batch.keys + i * key.size(), key));
        return map.erase(key);
    });
}

}  // namespace graft::command
