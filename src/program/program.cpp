#include "program/program.h"

#include <algorithm>
#include <utility>

namespace graft {

Ref<Program> Program::make(ProgramFacts facts, VerifiedProgram code, std::unique_ptr<EngineCode> engine_code, TargetFunction primed,
                           const RunState& run_state) {
    return Ref<Program>::adopt(new Program(std::move(facts), std::move(code), std::move(engine_code), std::move(primed), run_state));
}

Program::Program(ProgramFacts facts, VerifiedProgram code, std::unique_ptr<EngineCode> engine_code, TargetFunction target,
                 const RunState& run_state)
    : TailCallee(ObjectKind::program),
      primed(std::move(target)),
      facts_(std::move(facts)),
      code_(std::move(code)),
      engine_code_(std::move(engine_code)),
      run_state_(run_state) {}

Program::~Program() {
    if (Image* last = image.exchange(nullptr); last != nullptr) last->drop_ref();
}

void Program::last_reference_gone() const {
    Program& dying = const_cast<Program&>(*this);  // nobody else has it
    if (ids_ != nullptr) ids_->remove(id_);
    dying.primed = {};
    dying.facts_.btf = nullptr;
    dying.code_.maps.clear();
    dying.bound_maps_.clear();
    rcu::delete_later(deferral_, this);
}

void Program::register_in(IdTable<Program>& ids) {
    ids_ = &ids;
    ids.add(this, id_);
}

// Below each other's, above anything that a client could map.
uint64_t Program::function_address(uint32_t subprogram) const {
    constexpr uint64_t base = 0xffff'a000'0000'0000;
    constexpr uint32_t each = 16;
    return base + uint64_t{id_} * abi::max_subprograms * each + uint64_t{subprogram} * each;
}

std::vector<Ref<Map>> Program::maps() const {
    const std::lock_guard guard(bound_maps_lock_);
    std::vector<Ref<Map>> all = code_.maps;
    all.insert(all.end(), bound_maps_.begin(), bound_maps_.end());
    return all;
}

void Program::bind_map(Ref<Map> map) {
    const std::lock_guard guard(bound_maps_lock_);
    const auto has = [&map](const std::vector<Ref<Map>>& maps) { return std::find(maps.begin(), maps.end(), map) != maps.end(); };
    if (!has(code_.maps) && !has(bound_maps_)) bound_maps_.push_back(std::move(map));
}

int Program::find_function(uint32_t btf_id) const {
    for (size_t i = 0; i < code_.subprograms.size(); ++i) {
        if (code_.subprograms[i].btf_func_id == btf_id && btf_id != 0) return static_cast<int>(i);
    }
    return -1;
}

// An extension is verified with its target's expected_attach_type, and has none itself.
TailCallee::Kind Program::tail_call_kind() const {
    return {.prog_type = effective_type(),
            .expected_attach_type = facts_.expected_attach_type,
            .xdp_has_frags = (facts_.flags & BPF_F_XDP_HAS_FRAGS) != 0,
            .sleepable = (facts_.flags & BPF_F_SLEEPABLE) != 0,
            .prototype = facts_.traced_prototype};
}

bool Program::may_be_in_map() const { return facts_.type != BPF_PROG_TYPE_EXT && !facts_.bound_device; }

Result<void> Program::enter_program_array() {
    const std::lock_guard guard(exclusion_lock_);
    if (extended_ || extending_ != 0)
        return fail(EBUSY, "the program has a function that an extension replaces; such a program cannot be in a program array");
    ++in_arrays_;
    return {};
}

void Program::leave_program_array() {
    const std::lock_guard guard(exclusion_lock_);
    --in_arrays_;
}

Result<void> Program::begin_extending() {
    const std::lock_guard guard(exclusion_lock_);
    if (in_arrays_ != 0) return fail(EBUSY, "the target is in a program array; such a program cannot be extended");
    ++extending_;
    return {};
}

void Program::end_extending(bool attached) {
    const std::lock_guard guard(exclusion_lock_);
    --extending_;
    extended_ = extended_ || attached;
}

void Program::leave_extended() {
    const std::lock_guard guard(exclusion_lock_);
    extended_ = false;
}

}  // namespace graft
