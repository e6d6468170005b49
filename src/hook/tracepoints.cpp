#include "hook/tracepoints.h"

#include <algorithm>
#include <cstring>

#include "base/rcu.h"
#include "engine/engine.h"

namespace graft {
namespace {

constexpr size_t most_programs = 64;     // at one tracepoint
constexpr uint32_t first_id = 1U << 20;  // far from those of the host
constexpr uint32_t xdp_link_attach_failed_id = first_id;

constexpr Tracepoint table[] = {
    {xdp_link_attach_failed_id, "xdp", "bpf_xdp_link_attach_failed",
     "\tfield:__data_loc char[] msg;\toffset:8;\tsize:4;\tsigned:0;\n\nprint fmt: \"errmsg=%s\", __get_str(msg)\n"},
};

}  // namespace

std::span<const Tracepoint> tracepoints() { return table; }

const Tracepoint* find_tracepoint(uint64_t id) {
    const auto found = std::ranges::find(table, id, [](const Tracepoint& row) { return uint64_t{row.id}; });
    return found == std::end(table) ? nullptr : &*found;
}

Result<void> Tracepoints::attach(const TraceEvent& event, Ref<Program> program) {
    const std::lock_guard guard(lock_);
    const auto of_this = [&](const Attached& each) { return each.event->tracepoint().id == event.tracepoint().id; };
    if (std::ranges::any_of(attached_, [&](const Attached& each) { return each.event == &event; })) {
        return fail(EEXIST, "a program is attached to this event");
    }
    if (static_cast<size_t>(std::ranges::count_if(attached_, of_this)) >= most_programs) {
        return fail(E2BIG, "64 programs are attached to the tracepoint");
    }
    attached_.push_back({&event, std::move(program)});
    return {};
}

void Tracepoints::detach(const TraceEvent& event) {
    const std::lock_guard guard(lock_);
    std::erase_if(attached_, [&](const Attached& each) { return each.event == &event; });
}

void Tracepoints::run(uint32_t tracepoint, std::span<std::byte> record) {
    std::vector<Ref<Program>> programs;
    {
        const std::lock_guard guard(lock_);
        for (const Attached& each : attached_) {
            if (each.event->tracepoint().id == tracepoint) programs.push_back(each.program);
        }
    }
    for (const Ref<Program>& program : programs) {
        Stay stay(runtime_);
        (void)graft::run(*program, record.data(), stay.context);
    }
}

void Tracepoints::xdp_link_attach_failed(std::string_view message) {
    // Eight bytes of the kernel's own; where the message is and how long with its NUL; the message.
    constexpr uint32_t place = 8, text = 12;
    // Programs may read anywhere in what Linux lets a record be.
    std::vector<std::byte> record(8192);
    const std::string_view shown = message.substr(0, record.size() - text - 1);
    const uint32_t location = static_cast<uint32_t>(shown.size() + 1) << 16 | text;
    std::memcpy(record.data() + place, &location, sizeof location);
    std::memcpy(record.data() + text, shown.data(), shown.size());
    run(xdp_link_attach_failed_id, record);
}

}  // namespace graft
