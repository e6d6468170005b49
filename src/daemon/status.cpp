// What `graft status --json` prints.  Its shape is interface: fields are added, never changed.
#include <fmt/core.h>
#include <linux/if_link.h>
#include <unistd.h>

#include <array>
#include <nlohmann/json.hpp>

#include "daemon/daemon.h"

namespace graft::daemon {
namespace {

using nlohmann::json;

const char* kind_of(const Attachment& attachment) {
    return attachment.is_extension() ? "freplace" : attachment.runs_before() ? "fentry" : "fexit";
}

// Of what replaces a function of an XDP program that the hook runs, the dispatcher's or another one's: the answers are XDP's actions there.
// Elsewhere they have no names.
enum class Verdicts : bool { numbers, of_xdp };
constexpr std::array<const char*, 5> xdp_actions = {"aborted", "drop", "pass", "tx", "redirect"};

json counters_of(const MemberCounters& counters, Verdicts verdicts) {
    json counted = json::object();
    for (size_t i = 0; i < counters.verdicts.size(); ++i) {
        const bool named = verdicts == Verdicts::of_xdp && i < xdp_actions.size(), is_last = i + 1 == counters.verdicts.size();
        const std::string name = named ? xdp_actions[i] : is_last ? "other" : std::to_string(i);
        counted[name] = counters.verdicts[i].load(std::memory_order_relaxed);
    }
    return {{"runs", counters.runs.load(std::memory_order_relaxed)},
            {"time_ns", counters.time_ns.load(std::memory_order_relaxed)},
            {"verdicts", counted}};
}

// Of all its runs, wherever it is attached.
json counters_of(const Program& program) {
    return {{"runs", program.run_count.load(std::memory_order_relaxed)}, {"time_ns", program.run_time_ns.load(std::memory_order_relaxed)}};
}

// What is attached to a program's functions, in the order of the functions: in libxdp's dispatcher that is the order of the chain.
json chain_of(const Kernel& kernel, const Program& program, Verdicts verdicts) {
    json members = json::array();
    for (const auto& [subprogram, attachment] : kernel.targets.members(program)) {
        members.push_back(
            {{"program_id", attachment.program->id()},
             {"name", attachment.program->facts().name},
             {"kind", kind_of(attachment)},
             {"function", program.code().subprograms[subprogram].name},
             {"counters", attachment.counters ? counters_of(*attachment.counters, verdicts) : counters_of(*attachment.program)},
             {"chain", chain_of(kernel, *attachment.program, Verdicts::numbers)}});
    }
    return members;
}

json xdp_status(const Kernel& kernel, const XdpState& xdp) {
    if (xdp.mode == XDP_ATTACHED_NONE) return nullptr;
    const uint32_t id = xdp.drv_id != 0 ? xdp.drv_id : xdp.skb_id;
    json attached = {{"mode", xdp.drv_id == 0 ? "generic" : "native"}, {"program_id", id}};
    if (const Ref<Program> program = kernel.programs.find(id)) {
        attached["name"] = program->facts().name;
        attached["counters"] = counters_of(*program);
        attached["chain"] = chain_of(kernel, *program, Verdicts::of_xdp);
    }
    return attached;
}

std::string mac_address(const std::array<uint8_t, 6>& mac) {
    return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

json end_status(const Kernel& kernel, const PortEndStatus& end) {
    json verdicts;
    for (size_t i = 0; i < xdp_actions.size(); ++i) verdicts[xdp_actions[i]] = end.verdicts[i];
    return {{"name", end.name},
            {"ifindex", end.key.ifindex},
            {"netns_cookie", end.key.netns_cookie},
            {"mac", mac_address(end.mac)},
            {"mtu", end.mtu},
            {"up", end.up},
            {"carrier", end.carrier},
            {"xdp", xdp_status(kernel, kernel.xdp.query(end.key))},
            {"frames", end.frames},
            {"bytes", end.bytes},
            {"verdicts", verdicts},
            {"delivered", end.delivered},
            {"not_delivered", end.not_delivered},
            {"redirect_errors", end.redirect_errors},
            {"redirect_drops", end.redirect_drops},
            {"loops", end.loops},
            {"overruns", end.overruns}};
}

}  // namespace

std::string Daemon::status() const {
    nlohmann::json status;
    status["version"] = GRAFT_VERSION;
    status["running"] = true;
    status["pid"] = getpid();
    status["private"] = !state_;
    status["counting"] = kernel_->targets.is_counting();
    status["missing"] = namespaces_.missing;
    status["pins"] = {{"directory", pins_}, {"count", gateway_->bpffs().size()}};
    status["objects"] = {{"programs", kernel_->programs.size()},
                         {"maps", kernel_->maps.size()},
                         {"links", kernel_->links.size()},
                         {"btfs", kernel_->btfs.size()},
                         {"held_by_clients", gateway_->descriptors().size()}};
    status["clients"] = nlohmann::json::array();
    for (const client::Supervisor::Client& client : supervisor_->list()) {
        status["clients"].push_back({{"id", client.id}, {"pid", client.pid}, {"command", client.command}});
    }
    status["ports"] = json::array();
    if (PortTable* ports = interfaces_->ports()) {
        for (const PortStatus& port : ports->status()) {
            json ends = json::array();
            for (const PortEndStatus& end : port.ends) ends.push_back(end_status(*kernel_, end));
            status["ports"].push_back({{"id", port.id}, {"kind", "veth"}, {"ends", ends}});
        }
    }
    status["xdp_without_packets"] = json::array();
    for (const client::Interfaces::Idle& idle : interfaces_->attached_without_packets()) {
        status["xdp_without_packets"].push_back({{"name", idle.name},
                                                 {"ifindex", idle.key.ifindex},
                                                 {"netns_cookie", idle.key.netns_cookie},
                                                 {"xdp", xdp_status(*kernel_, idle.xdp)}});
    }
    // A client's name may be any bytes.
    return status.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace graft::daemon
