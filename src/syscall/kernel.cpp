// Kernel: the entry of bpf(2), with the rules that all commands share: the size of the attr, and nothing behind a command's last field.

#include "syscall/kernel.h"

#include <algorithm>
#include <array>
#include <new>

#include "base/rcu.h"
#include "btf/vmlinux.h"
#include "engine/engines.h"
#include "syscall/command.h"

namespace graft {
namespace {

constexpr uint32_t largest_attr = 4096;  // a page, as everywhere where a structure may grow

Result<Attr> read_attr(Caller& caller, uint64_t address, uint32_t size, uint32_t known_size) {
    if (size > largest_attr) return fail(E2BIG, "the attr is larger than a page");
    Attr attr;
    attr.address = address;
    attr.size = size;
    if (size > known_size) {
        std::array<std::byte, largest_attr> tail;
        const std::span unknown(tail.data(), size - known_size);
        TRY(caller.read(address + known_size, unknown));
        if (std::any_of(unknown.begin(), unknown.end(), [](std::byte b) { return b != std::byte{0}; })) {
            return fail(E2BIG, "the attr uses a field that this kernel does not know");
        }
    }
    const uint32_t known = std::min(size, known_size);
    if (known > 0) TRY(caller.read(address, std::as_writable_bytes(std::span(attr.value.raw, known))));
    return attr;
}

bool is_zero_behind(const Attr& attr, uint32_t end) {
    return std::all_of(attr.value.raw + end, attr.value.raw + abi::attr_size, [](unsigned char b) { return b == 0; });
}

}  // namespace

Result<std::unique_ptr<Kernel>> Kernel::create() { return create(*TRY(chosen_engine())); }

Result<std::unique_ptr<Kernel>> Kernel::create(const Engine& engine) {
    std::unique_ptr<Kernel> kernel(new Kernel(engine));
    kernel->vmlinux_btf = TRY(make_vmlinux_btf());
    kernel->vmlinux_btf->register_in(kernel->btfs);  // as on Linux, id 1
    return kernel;
}

// What is deferred may defer again when it runs (a program array drops its programs, a program its image).
Kernel::~Kernel() {
    timers.stop_thread();  // what it lets go of is waited for, too
    xdp.all_gone();
    constexpr int deepest = 3;
    for (int i = 0; i < deepest; ++i) rcu::barrier();
}

Result<Reply> Kernel::bpf(Caller& caller, int number, uint64_t attr_address, uint32_t size) {
    const Command* command = find_command(number);
    const bool is_own = command != nullptr && command->is_own;
    const Attr attr = TRY(read_attr(caller, attr_address, size, is_own ? abi::own_attr_size : abi::attr_size));
    if (command == nullptr) return fail(EINVAL, "Linux 6.12 has no bpf command of that number");
    if (command->run == nullptr) return fail(EINVAL, "graft does not have this bpf command yet");
    if (!is_zero_behind(attr, command->attr_end)) return fail(EINVAL, "the attr is not zero behind the command's last field");
    if (is_own && attr.own().reserved != 0) return fail(EINVAL, "graft_attr.reserved is not zero");
    try {
        return command->run(*this, caller, attr);
    } catch (const std::bad_alloc&) {
        return fail(ENOMEM, "graft is out of memory");
    }
}

}  // namespace graft
