// Program: a loaded BPF program.
//
// Facts and code never change after load.  What changes: the primed target (EXT and tracing programs), the image, statistics.
// When the last reference goes, it is not found by id any more and lets go of target, maps and BTF; the rest is deleted a grace period
// later, for the packets that are still in it.
// Thread safety: facts are read freely; the image under an rcu::ReadGuard; target_lock guards the primed target.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "map/tail_callee.h"
#include "program/image.h"
#include "verify/verified.h"

namespace graft {

// What a kernel tells all of its programs.
struct RunState {
    std::atomic<uint32_t> statistics_users{0};  // how many have BPF_ENABLE_STATS on
    std::atomic<uint64_t> generation{0};        // of the images that packets enter from now on
};

struct ProgramFacts {
    uint32_t type = 0;  // BPF_PROG_TYPE_*
    uint32_t expected_attach_type = 0;
    uint32_t flags = 0;  // prog_flags of the load
    std::string name;    // at most 15 bytes
    bool gpl_compatible = false;
    std::array<uint8_t, 8> tag{};  // of the program as loaded, as Linux computes it
    uint64_t load_time = 0;        // ns, CLOCK_BOOTTIME
    uint32_t created_by_uid = 0;
    Ref<BoundDevice> bound_device;  // null: none
    Ref<Btf> btf;                   // may be null
    // EXT and tracing:
    uint32_t attach_btf_id = 0;
    uint32_t target_type = 0;  // program type of the target at load: what LINK_CREATE's target must have
    uint32_t target_expected_attach_type = 0;
    uint64_t traced_prototype = 0;  // tracing: the FUNC_PROTO of its target as no other has it; 0: it relies on none
    bool traces_tracing = false;    // a tracing program whose target is one: nothing may trace it in turn
};

// One replaceable place: a function of a program.
struct TargetFunction {
    Ref<Program> program;
    uint32_t subprogram = 0;
    uint32_t btf_id = 0;  // FUNC in the target's BTF
};

class Program final : public TailCallee {
public:
    // primed: for EXT and fentry/fexit on a program, the target it was verified against.
    // engine_code: what the engine compiled of `code`.
    [[nodiscard]] static Ref<Program> make(ProgramFacts facts, VerifiedProgram code, std::unique_ptr<EngineCode> engine_code,
                                           TargetFunction primed, const RunState& run_state);
    ~Program() override;

    // Gives it an id, by which others find it: once, after its first image was published.
    void register_in(IdTable<Program>& ids);

    [[nodiscard]] const ProgramFacts& facts() const { return facts_; }
    [[nodiscard]] const VerifiedProgram& code() const { return code_; }
    [[nodiscard]] const EngineCode& engine_code() const { return *engine_code_; }
    [[nodiscard]] uint32_t id() const { return id_; }
    [[nodiscard]] uint32_t program_id() const override { return id_; }
    // The type whose rules it follows: that of the target for EXT.
    [[nodiscard]] uint32_t effective_type() const { return facts_.type == BPF_PROG_TYPE_EXT ? facts_.target_type : facts_.type; }
    // The function whose FUNC in the program's BTF is `btf_id`; -1: none.
    [[nodiscard]] int find_function(uint32_t btf_id) const;

    // A number that stands for the address of a function's code for as long as the program lives: jited_ksyms, bpf_get_func_ip.
    [[nodiscard]] uint64_t function_address(uint32_t subprogram) const;

    // The maps it uses, in the order of first use, and those of BPF_PROG_BIND_MAP behind them.
    [[nodiscard]] std::vector<Ref<Map>> maps() const;
    // A map that it has already is not added again.
    void bind_map(Ref<Map> map);

    // --- the primed target -----------------------------------------------------------------------------------------------------------
    std::mutex target_lock;
    TargetFunction primed;  // program null: consumed

    // --- the image -------------------------------------------------------------------------------------------------------------------
    // Null only before the first relink, which PROG_LOAD does before it gives out a descriptor.
    std::atomic<Image*> image{nullptr};
    // Read before `image`, inside the same rcu::ReadGuard.
    [[nodiscard]] uint64_t generation() const { return run_state_.generation.load(std::memory_order_acquire); }

    // --- program arrays and extensions exclude each other ----------------------------------------------------------------------------
    [[nodiscard]] Kind tail_call_kind() const override;
    [[nodiscard]] bool may_be_in_map() const override;
    Result<void> enter_program_array() override;
    void leave_program_array() override;
    // Around each attach of an extension.  EBUSY while in a program array.
    Result<void> begin_extending();
    void end_extending(bool attached);
    // An extension has gone.  As on Linux the first that goes ends the exclusion, whatever else is attached: tail calls are bounded anyway.
    void leave_extended();

    // --- statistics, counted while BPF_ENABLE_STATS is on ----------------------------------------------------------------------------
    // Atomic and mutable: they are about runs, which leave a program as it is.
    [[nodiscard]] bool counts_runs() const { return statistics_users().load(std::memory_order_relaxed) != 0; }
    [[nodiscard]] const std::atomic<uint32_t>& statistics_users() const { return run_state_.statistics_users; }
    mutable std::atomic<uint64_t> run_count{0};
    mutable std::atomic<uint64_t> run_time_ns{0};
    mutable std::atomic<uint64_t> recursion_misses{0};

private:
    void last_reference_gone() const override;
    Program(ProgramFacts facts, VerifiedProgram code, std::unique_ptr<EngineCode> engine_code, TargetFunction target,
            const RunState& run_state);
    ProgramFacts facts_;
    VerifiedProgram code_;
    std::unique_ptr<EngineCode> engine_code_;
    const RunState& run_state_;  // the kernel's
    IdTable<Program>* ids_ = nullptr;
    uint32_t id_ = 0;
    mutable rcu::Deferral deferral_;
    mutable std::mutex bound_maps_lock_;
    std::vector<Ref<Map>> bound_maps_;
    std::mutex exclusion_lock_;
    uint32_t in_arrays_ = 0;
    uint32_t extending_ = 0;  // attaches under way
    bool extended_ = false;
};

}  // namespace graft
