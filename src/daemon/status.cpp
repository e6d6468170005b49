// What `graft status --json` prints.  Its shape is interface: fields are added, never changed.
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "daemon/daemon.h"

namespace graft::daemon {

std::string Daemon::status() const {
    nlohmann::json status;
    status["version"] = GRAFT_VERSION;
    status["running"] = true;
    status["pid"] = getpid();
    status["private"] = !state_;
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
    // A client's name may be any bytes.
    return status.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace graft::daemon
