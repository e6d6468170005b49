#include "helper/run_context.h"

namespace graft {

RunContext*& current_run() {
    static thread_local RunContext* current = nullptr;
    return current;
}

}  // namespace graft
