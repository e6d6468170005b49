#include "daemon/control.h"

namespace graft::daemon {

Request make_request(Verb verb, std::string_view command) {
    Request request;
    request.verb = verb;
    set_text(request.version, GRAFT_VERSION);
    set_text(request.command, command);
    return request;
}

}  // namespace graft::daemon
