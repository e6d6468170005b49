// How long a link takes until it is effective, and what it holds: in process, with libxdp's dispatcher and members of 1,000 instructions.
//
// The shortest of several repetitions for a chain; sums for many targets, where attaching is what grows.
#include <malloc.h>
#include <unistd.h>

#include "base/rcu.h"
#include "bpf_systems.h"
#include "engine/x86_64/code.h"

// Last: it has functions of the names of types.
#include <bpf/btf.h>

namespace {

using namespace bench;

constexpr Nanoseconds microsecond = 1000;

// LINK_CREATE of an extension at function `at` of a dispatcher.
int attach(const Object& extension, const Object& dispatcher, const char* at) {
    const int function = btf__find_by_name_kind(bpf_object__btf(dispatcher.get()), at, BTF_KIND_FUNC);
    LIBBPF_OPTS(bpf_link_create_opts, options, .target_btf_id = static_cast<__u32>(function));
    const int link =
        bpf_link_create(fd(extension, "long_member"), fd(dispatcher, "xdp_dispatcher"), static_cast<bpf_attach_type>(0), &options);
    if (link < 0) give_up("LINK_CREATE");
    return link;
}

Object dispatcher_of_ten() {
    Object dispatcher = load_dispatcher(10);
    if (!dispatcher) give_up("the dispatcher");
    return dispatcher;
}

struct Chain {
    Nanoseconds first = 1e12, last = 1e12;
};

// Builds a chain of ten and takes it down again.
void build_chain(Chain& chain) {
    const Object dispatcher = dispatcher_of_ten();
    std::vector<Object> members;
    std::vector<int> links;
    for (int i = 0; i < 10; ++i) {
        const std::string slot = "prog" + std::to_string(i);
        members.push_back(load_against("long_member", "long_member", fd(dispatcher, "xdp_dispatcher"), slot.c_str()));
        const Nanoseconds time = time_of([&] { links.push_back(attach(members.back(), dispatcher, slot.c_str())); });
        if (i == 0) chain.first = std::min(chain.first, time);
        if (i == 9) chain.last = std::min(chain.last, time);
    }
    for (const int link : links) close(link);
}

void measure_chain(const System& system) {
    system.enter();
    Chain chain;
    for (int i = 0; i < 40; ++i) build_chain(chain);
    fmt::print("{:<12} LINK_CREATE of the first member of ten: {:.0f} us, of the tenth: {:.0f} us ({:.1f} x)\n", system.name(),
               chain.first / microsecond, chain.last / microsecond, chain.last / chain.first);
}

double memory_in_use() {
    for (int i = 0; i < 3; ++i) graft::rcu::barrier();  // what is deferred may defer again
    return static_cast<double>(mallinfo2().uordblks + graft::x86_64::executable_memory_in_use());
}

struct Spread {
    Nanoseconds extension = 0, fentry = 0;  // a target
    double memory = 0;
};

// One extension at a function of `count` programs, then a fentry program at the extension.
Spread spread(int count) {
    std::vector<Object> targets;
    for (int i = 0; i < count; ++i) targets.push_back(dispatcher_of_ten());
    const Object extension = load_against("long_member", "long_member", fd(targets.front(), "xdp_dispatcher"), "prog0");
    const double before = memory_in_use();
    std::vector<int> links;
    links.reserve(targets.size());
    Spread result;
    result.extension = time_of([&] {
                           for (const Object& target : targets) links.push_back(attach(extension, target, "prog0"));
                       }) /
                       count;
    result.memory = (memory_in_use() - before) / count;
    const Object trace = load_against("before", "before", fd(extension, "long_member"), "long_member");
    bpf_link* link = nullptr;
    result.fentry = time_of([&] { link = bpf_program__attach_trace(program(trace, "before")); }) / count;
    if (link == nullptr) give_up("the fentry program");
    bpf_link__destroy(link);
    for (const int each : links) close(each);
    return result;
}

void measure_spread(const System& system) {
    system.enter();
    const Spread one = spread(1);
    for (const int count : {1, 10, 100, 1000}) {
        const Spread many = spread(count);
        fmt::print(
            "{:<12} one extension in {:4} targets, for each: {:6.1f} us ({:.1f} x), {:.1f} KB; a fentry there: {:6.1f} us ({:.1f} x)\n",
            system.name(), count, many.extension / microsecond, many.extension / one.extension, many.memory / 1024,
            many.fentry / microsecond, many.fentry / one.fentry);
    }
}

}  // namespace

int main() {
    libbpf_set_print(nullptr);
    for (const char* engine : {"x86_64", "interpreter"}) {
        const System system(engine);
        measure_chain(system);
        measure_spread(system);
        graft::client::route_bpf_to(nullptr);
    }
}
