// attach_target: may this program attach to that function?
//
// Pure: facts of the program and of the target in, the target function or an errno out; the log is optional (level 0).  PROG_LOAD asks it
// with a log, LINK_CREATE without.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "btf/btf.h"
#include "btf/func_proto.h"
#include "object/bound_device.h"

namespace graft {

// A function of a target program.
struct TargetFunctionFacts {
    std::string name;
    uint32_t btf_func_id = 0;  // 0: none
    bool is_global = false;
    bool unreliable = false;
    bool catches = false;  // exceptions
    bool changes_packet = false;
    bool might_sleep = false;
};

// The program that is to be extended or traced.
struct TargetFacts {
    uint32_t prog_id = 0;
    uint32_t type = 0;
    uint32_t expected_attach_type = 0;
    uint32_t extended_type = 0;  // EXT: the type recorded from its own target
    uint32_t flags = 0;
    bool jited = true;
    bool attached_to_tracing = false;            // a tracing program that itself traces a tracing program
    const BoundDevice* bound_device = nullptr;   // null: none
    const Btf* btf = nullptr;                    // null: loaded without BTF
    std::vector<TargetFunctionFacts> functions;  // [0]: main
};

// The program that wants to attach.
struct AttacherFacts {
    uint32_t type = 0;  // BPF_PROG_TYPE_EXT, TRACING ...
    uint32_t expected_attach_type = 0;
    uint32_t flags = 0;
    std::string name;
    const Btf* btf = nullptr;
    uint32_t main_btf_func_id = 0;  // its own FUNC; 0: none
    bool changes_packet = false;
    bool might_sleep = false;
    bool jit_requested = true;
    const BoundDevice* bound_device = nullptr;  // an extension's is that of its target; null: none
    // At LINK_CREATE: of which type the target at load was; another target must be of the same.  Both 0: none was.
    uint32_t recorded_target_type = 0;
    uint32_t recorded_target_expected_attach_type = 0;
};

// Where it attaches.
struct AttachTargetInfo {
    uint32_t subprogram = 0;  // number in the target
    uint32_t btf_func_id = 0;
    std::string name;
    FunctionModel model;  // how it is called
    uint32_t target_type = 0;
    uint32_t target_expected_attach_type = 0;
    uint32_t context_type = 0;  // program type whose context the function is called with: an extension's is that of what it extends
};

// EINVAL (and ENOTSUPP, EOPNOTSUPP) as Linux; the order of checks is Linux's.  target null: a kernel function by vmlinux BTF.
Result<AttachTargetInfo> check_attach_target(const AttacherFacts& attacher, const TargetFacts* target, uint32_t btf_id, const Btf* vmlinux,
                                             Log& log);

}  // namespace graft
