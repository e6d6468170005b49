// bpf(2) with any attr: the kernel answers a number or an errno and stays whole, whatever a client sends.
//
// Input: commands, each a byte of number (from above: graft's own), a byte of attr size and the attr.  An eight-byte word of the attr whose
// highest byte is 0xee is an address in the client's memory (its low 12 bits the offset), which is the rest of the input; so commands find
// keys, instructions and BTF. Oracle: no crash, no sanitizer report; when the client's descriptors are closed every object is gone.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "base/rcu.h"
#include "syscall/command.h"
#include "syscall/test_caller.h"

namespace {

constexpr size_t memory_size = 4096;
constexpr uint32_t most_commands = 32, inputs_between_looks = 64;

graft::Kernel& kernel() {
    static const auto created = graft::Kernel::create();
    return **created;
}

void require(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "attr: %s\n", what);
    std::abort();
}

// A client whose memory is the attr and the rest of the input, and nothing else of this process.
class Client final : public graft::TestCaller {
public:
    graft::Result<void> read(uint64_t address, graft::MutableBytes into) override {
        if (!mine(address, into.size())) return graft::fail(EFAULT);
        return TestCaller::read(address, into);
    }
    graft::Result<void> write(uint64_t address, graft::Bytes from) override {
        if (!mine(address, from.size())) return graft::fail(EFAULT);
        return TestCaller::write(address, from);
    }
    std::vector<uint8_t> memory = std::vector<uint8_t>(2 * memory_size);
    std::vector<uint8_t> attr;

private:
    static bool inside(const std::vector<uint8_t>& range, uint64_t address, size_t size) {
        const auto start = reinterpret_cast<uint64_t>(range.data());
        return address >= start && size <= range.size() && address - start <= range.size() - size;
    }
    [[nodiscard]] bool mine(uint64_t address, size_t size) const {
        return size == 0 || inside(memory, address, size) || inside(attr, address, size);
    }
};

// What would only take long or much memory is made small.
template <class T>
void limit(std::vector<uint8_t>& attr, size_t offset, T most) {
    T value;
    if (attr.size() < offset + sizeof value) return;
    std::memcpy(&value, attr.data() + offset, sizeof value);
    if (value <= most) return;
    value = static_cast<T>(value % (most + 1));
    std::memcpy(attr.data() + offset, &value, sizeof value);
}
void keep_small(int command, std::vector<uint8_t>& attr) {
    if (command == BPF_MAP_CREATE) {
        limit<uint32_t>(attr, offsetof(bpf_attr, value_size), 4096);
        limit<uint32_t>(attr, offsetof(bpf_attr, max_entries), 1024);
    }
    if (command == BPF_PROG_TEST_RUN) limit<uint32_t>(attr, offsetof(bpf_attr, test.repeat), 16);
}

// The highest numbers stand for graft's own commands.
int command_of(uint8_t number) {
    const auto own = graft::own_commands();
    return number >= 256 - own.size() ? static_cast<int>(own[255U - number].number) : number;
}

void point_into(std::vector<uint8_t>& attr, std::vector<uint8_t>& memory) {
    for (size_t at = 0; at + 8 <= attr.size(); at += 8) {
        uint64_t word;
        std::memcpy(&word, attr.data() + at, 8);
        if (word >> 56 != 0xee) continue;
        word = reinterpret_cast<uint64_t>(memory.data()) + (word & (memory_size - 1));
        std::memcpy(attr.data() + at, &word, 8);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    graft::Kernel& bpf = kernel();
    {
        Client client;
        std::memcpy(client.memory.data(), data, size < memory_size ? size : memory_size);
        size_t at = 0;
        for (uint32_t n = 0; n < most_commands && at + 2 <= size; ++n) {
            const int command = command_of(data[at]);
            const size_t length = data[at + 1] < size - at - 2 ? data[at + 1] : size - at - 2;
            client.attr.assign(data + at + 2, data + at + 2 + length);
            at += 2 + length;
            point_into(client.attr, client.memory);
            keep_small(command, client.attr);
            const auto address = reinterpret_cast<uint64_t>(client.attr.data());
            graft::Result<graft::Reply> reply = bpf.bpf(client, command, address, static_cast<uint32_t>(length));
            if (!reply.ok()) {
                require(reply.code() > 0 && reply.code() <= 4095, "an error is no errno");
            } else if (reply->object) {
                (void)client.install({reply->object, reply->readable, reply->writable});
            }
        }
    }
    // Grace periods last: what is left is looked for from time to time.
    static uint32_t inputs = 0;
    if (++inputs % inputs_between_looks != 0) return 0;
    graft::rcu::barrier();
    graft::rcu::barrier();  // what was retired may have retired more
    require(bpf.maps.size() == 0 && bpf.programs.size() == 0 && bpf.links.size() == 0 && bpf.btfs.size() == 1,
            "an object outlived its client");
    return 0;
}
