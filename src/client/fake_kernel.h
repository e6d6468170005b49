// FakeKernel: for tests of client/ alone: objects without meaning, made, pinned, found by id, and bytes copied to and from the client.
#pragma once

#include <linux/bpf.h>

#include <atomic>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "client/gateway.h"
#include "object/id_table.h"

namespace graft::client {

class FakeObject final : public Object {
public:
    FakeObject(IdTable<FakeObject>& table, ObjectKind kind) : Object(kind), table_(table), id(table.add(this)) {}
    ~FakeObject() override { table_.remove(id); }

private:
    IdTable<FakeObject>& table_;

public:
    const uint32_t id;
};

class FakeKernel {
public:
    IdTable<FakeObject> objects;
    std::atomic<int> calls = 0;
    // Runs inside PROG_LOAD: a slow verification.
    std::function<void(Caller&)> on_prog_load = [](Caller&) {};

    BpfCall call() {
        return [this](Caller& caller, int command, uint64_t attr, uint32_t size) { return bpf(caller, command, attr, size); };
    }

    // Only the fields below are read: each where bpf(2) has it.
    Result<Reply> bpf(Caller& caller, int command, uint64_t address, uint32_t size) {
        ++calls;
        bpf_attr attr = zeroed<bpf_attr>();
        if (size > sizeof(attr)) return fail(E2BIG);
        TRY(caller.read(address, writable_bytes_of(attr).first(size)));
        switch (command) {
            case BPF_MAP_CREATE: {
                Reply reply(Ref<Object>(make_ref<FakeObject>(objects, ObjectKind::map)));
                reply.writable = (attr.map_flags & BPF_F_RDONLY) == 0;
                reply.readable = (attr.map_flags & BPF_F_WRONLY) == 0;
                return reply;
            }
            case BPF_PROG_LOAD:
                on_prog_load(caller);
                return Reply(Ref<Object>(make_ref<FakeObject>(objects, ObjectKind::program)));
            case BPF_OBJ_PIN: {
                const DescriptorRef found = TRY(caller.descriptor(static_cast<int>(attr.bpf_fd)));
                TRY(caller.pin(TRY(caller.read_string(attr.pathname, 4096)), -1, found.object));
                return Reply(0);
            }
            case BPF_OBJ_GET:
                return Reply(TRY(caller.pinned(TRY(caller.read_string(attr.pathname, 4096)), -1)));
            case BPF_MAP_GET_NEXT_ID: {
                attr.next_id = objects.next(attr.start_id);
                if (attr.next_id == 0) return fail(ENOENT);
                TRY(caller.write(address, bytes_of(attr).first(size)));
                return Reply(0);
            }
            case BPF_MAP_GET_FD_BY_ID: {
                Ref<FakeObject> object = objects.find(attr.map_id);
                if (!object) return fail(ENOENT);
                return Reply(Ref<Object>(std::move(object)));
            }
            // "Looks up" by copying 8 bytes from key to value.
            case BPF_MAP_LOOKUP_ELEM: {
                const DescriptorRef found = TRY(caller.descriptor(static_cast<int>(attr.map_fd)));
                if (!found.readable) return fail(EPERM);
                const auto key = TRY(caller.read_value<uint64_t>(attr.key));
                TRY(caller.write_value(attr.value, key));
                return Reply(0);
            }
            case BPF_MAP_UPDATE_ELEM: {
                const DescriptorRef found = TRY(caller.descriptor(static_cast<int>(attr.map_fd)));
                if (!found.writable) return fail(EPERM);
                return Reply(0);
            }
            default:
                return fail(EINVAL);
        }
    }
};

}  // namespace graft::client
