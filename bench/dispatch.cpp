// What a member costs in libxdp's dispatcher: BPF_PROG_TEST_RUN with members that return XDP_PASS, on graft's engines; the same dispatcher
// with its stubs on the host's kernel; and one program that a person merged by hand.
//
// The shortest of many short runs, in turns, one thread, hot caches: what others do on the machine only makes runs longer.  A repeated
// BPF_PROG_TEST_RUN of Linux takes milliseconds before it starts, so there it is the time that Linux says, in whole nanoseconds.
#include "bpf_systems.h"

namespace {

using namespace bench;

constexpr int turns = 60, repeat = 20'000, repeat_slow = 2'000, repeat_host = 200'000;
constexpr uint32_t counts[] = {1, 2, 5, 10};

struct Subject {
    const System* system;
    std::string kind;
    uint32_t members;
    int fd;
    Nanoseconds shortest = 1e9;
};

class Dispatch {
public:
    void add(const System& system) {
        system.enter();
        for (const uint32_t count : counts) {
            add_dispatcher(system, "stubs", count);
            if (system.is_graft()) {
                add_members(add_dispatcher(system, "members", count), count, Traced::no);
                add_members(add_dispatcher(system, "traced members", count), count, Traced::yes);
            }
            add_merged(system, count);
        }
    }

    void measure() {
        for (int turn = 0; turn < turns; ++turn) {
            for (Subject& subject : subjects_) subject.shortest = std::min(subject.shortest, once(subject));
        }
    }

    [[nodiscard]] Nanoseconds time(const System& system, const std::string& kind, uint32_t members) const {
        const auto found = std::ranges::find_if(
            subjects_, [&](const Subject& s) { return s.system == &system && s.kind == kind && s.members == members; });
        return found == subjects_.end() ? 0 : found->shortest;
    }

    void clear(const System& system) {
        system.enter();
        for (const auto& [of, link] : links_) {
            if (of == &system) bpf_link__destroy(link);
        }
        for (auto& [of, object] : objects_) {
            if (of == &system) object.reset();
        }
    }

private:
    static Nanoseconds once(const Subject& subject) {
        subject.system->enter();
        if (!subject.system->is_graft()) return time_of_run(subject.fd, repeat_host).inside;
        return time_of_run(subject.fd, subject.system->name() == "interpreter" ? repeat_slow : repeat).wall;
    }
    int add_dispatcher(const System& system, const char* kind, uint32_t count) {
        Object dispatcher = load_dispatcher(count);
        if (!dispatcher) give_up("the dispatcher on " + system.name());
        return keep(system, kind, count, std::move(dispatcher), "xdp_dispatcher");
    }
    enum class Traced { no, yes };
    // Traced: with a fentry program at each.
    void add_members(int dispatcher, uint32_t count, Traced traced) {
        for (uint32_t i = 0; i < count; ++i) {
            const std::string slot = "prog" + std::to_string(i);
            Object member = load_against("member", "member", dispatcher, slot.c_str());
            attach(bpf_program__attach_freplace(program(member, "member"), 0, nullptr));
            if (traced == Traced::yes) {
                Object before = load_against("before", "before", fd(member, "member"), "member");
                attach(bpf_program__attach_trace(program(before, "before")));
                objects_.emplace_back(subjects_.back().system, std::move(before));
            }
            objects_.emplace_back(subjects_.back().system, std::move(member));
        }
    }
    void attach(bpf_link* link) {
        if (link == nullptr) give_up("a link");
        links_.emplace_back(subjects_.back().system, link);
    }
    void add_merged(const System& system, uint32_t count) {
        Object merged = own("merged");
        const struct {
            uint32_t members, actions;
        } config{count, 1U << 2};
        bpf_map* const rodata = bpf_object__find_map_by_name(merged.get(), ".rodata");
        if (bpf_map__set_initial_value(rodata, &config, sizeof config) != 0 || bpf_object__load(merged.get()) != 0) give_up("merged");
        keep(system, "merged", count, std::move(merged), "merged");
    }
    int keep(const System& system, const char* kind, uint32_t count, Object object, const char* name) {
        const int of = fd(object, name);
        subjects_.push_back({&system, kind, count, of});
        objects_.emplace_back(&system, std::move(object));
        return of;
    }

    std::vector<Subject> subjects_;
    std::vector<std::pair<const System*, Object>> objects_;
    std::vector<std::pair<const System*, bpf_link*>> links_;
};

}  // namespace

int main() {
    libbpf_set_print(nullptr);
    const System jit("x86_64"), interpreter("interpreter"), host(nullptr);
    Dispatch dispatch;
    dispatch.add(jit);
    dispatch.add(interpreter);
    host.enter();
    const bool has_host = load_dispatcher(1) != nullptr;
    if (has_host) dispatch.add(host);
    dispatch.measure();

    fmt::print("ns a run                      {:>8} {:>8} {:>8} {:>8}   ns a member\n", 1, 2, 5, 10);
    const auto row = [&](const System& system, const char* kind) {
        fmt::print("{:<12} {:<16}", system.name(), kind);
        for (const uint32_t count : counts) fmt::print(" {:8.2f}", dispatch.time(system, kind, count));
        const Nanoseconds each = (dispatch.time(system, kind, 10) - dispatch.time(system, kind, 1)) / 9;
        fmt::print("   {:8.2f}\n", each);
        return each;
    };
    const Nanoseconds member = row(jit, "members");
    const Nanoseconds traced = row(jit, "traced members");
    row(jit, "stubs");
    const Nanoseconds merged = row(jit, "merged");
    const Nanoseconds interpreted = row(interpreter, "members");
    const Nanoseconds traced_interpreted = row(interpreter, "traced members");
    row(interpreter, "merged");
    fmt::print("a member on x86_64: {:.2f} x merged by hand; the interpreter's: {:.1f} x that\n", member / merged, interpreted / member);
    fmt::print("a fentry program at each adds {:.2f} ns on x86_64, {:.1f} on the interpreter\n", traced - member,
               traced_interpreted - interpreted);
    if (has_host) {
        const Nanoseconds slot = row(host, "stubs");
        row(host, "merged");
        fmt::print("a member on x86_64: {:.2f} x a stub's slot on the host's kernel\n", member / slot);
    } else {
        fmt::print("the host's kernel loads no XDP program here: no comparison with it\n");
    }
    for (const System* system : {&jit, &interpreter, &host}) dispatch.clear(*system);
    graft::client::route_bpf_to(nullptr);
}
