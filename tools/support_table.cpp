// Prints docs/support.md from the tables of the code: what graft has, has partly and why, and does not have yet.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <string_view>

#include "abi/bpf.h"
#include "helper/helper.h"
#include "map/map_types.h"
#include "prog_type/prog_type.h"
#include "syscall/command.h"

namespace {

// What Linux 6.12 has, by number, as bpftool prints it.
constexpr std::array map_type_names{"unspec",
                                    "hash",
                                    "array",
                                    "prog_array",
                                    "perf_event_array",
                                    "percpu_hash",
                                    "percpu_array",
                                    "stack_trace",
                                    "cgroup_array",
                                    "lru_hash",
                                    "lru_percpu_hash",
                                    "lpm_trie",
                                    "array_of_maps",
                                    "hash_of_maps",
                                    "devmap",
                                    "sockmap",
                                    "cpumap",
                                    "xskmap",
                                    "sockhash",
                                    "cgroup_storage",
                                    "reuseport_sockarray",
                                    "percpu_cgroup_storage",
                                    "queue",
                                    "stack",
                                    "sk_storage",
                                    "devmap_hash",
                                    "struct_ops",
                                    "ringbuf",
                                    "inode_storage",
                                    "task_storage",
                                    "bloom_filter",
                                    "user_ringbuf",
                                    "cgrp_storage",
                                    "arena"};
static_assert(map_type_names.size() == graft::abi::map_type_end);

void row(std::string_view name, bool there, const char* partly) {
    fmt::print("| {} | {} | {} |\n", name, there ? (partly ? "partly" : "yes") : "not yet", partly ? partly : "");
}
void head(std::string_view title, std::string_view column) { fmt::print("\n## {}\n\n| {} | here | |\n|---|---|---|\n", title, column); }

void commands() {
    head("Commands", "command");
    for (const graft::Command& command : graft::commands()) row(command.name, command.run != nullptr, command.partly);
}

void map_types() {
    head("Map types", "map type");
    for (uint32_t type = 1; type < map_type_names.size(); type++) {
        const graft::MapType* found = graft::find_map_type(type);
        row(map_type_names[type], found != nullptr, found ? found->partly : nullptr);
    }
}

void program_types() {
    head("Program types", "program type");
    for (uint32_t type = 1; type < graft::abi::prog_type_end; type++) {
        const graft::ProgType* found = graft::find_prog_type(type);
        std::string name = found ? found->name : graft::prog_type_name(type);
        std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        row(name, found != nullptr, found ? found->partly : nullptr);
    }
}

void helpers() {
    head("Helpers", "helper");
    std::string others, line;
    size_t count = 0;
    auto add = [&](std::string_view name) {
        if (line.size() + name.size() > 130) {
            others += line + ",\n";
            line.clear();
        }
        line += line.empty() ? "" : ", ";
        line += name;
        count++;
    };
    for (uint32_t id = 1; graft::helper_name(id); id++) {
        if (const graft::Helper* found = graft::find_helper(id)) {
            row(found->name, true, found->partly);
            continue;
        }
        add(graft::helper_name(id));
    }
    if (count) fmt::print("\nNot yet, {} of them:\n\n{}{}.\n", count, others, line);
}

}  // namespace

int main() {
    fmt::print(
        "# What graft has\n\n"
        "Printed from the code's tables by `tools/update-support-md`; a test compares. \"partly\" says what is missing. What differs from "
        "Linux on\n"
        "purpose is in [deviations.md](deviations.md).\n");
    commands();
    program_types();
    map_types();
    helpers();
}
