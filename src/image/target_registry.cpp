#include "image/target_registry.h"

#include <algorithm>
#include <chrono>
#include <new>
#include <thread>
#include <utility>

#include "image/builder.h"

namespace graft {

// The edges as a change leaves them.  Undone by the destructor unless kept; undoing and keeping allocate nothing.
class TargetRegistry::Change {
public:
    Change(TargetRegistry& registry, size_t steps) : registry_(registry) {
        attached_.reserve(steps);
        detached_.reserve(steps);
        targets_.reserve(steps);
    }
    ~Change() {
        for (const auto& [place, program] : attached_) {
            if (registry_.attachments_.remove(place, *program, false).is_extension()) place.target->end_extending(false);
        }
        for (const auto& [place, program] : detached_) registry_.attachments_.set_leaving(place, *program, false);
    }
    Change(const Change&) = delete;
    Change& operator=(const Change&) = delete;

    Result<void> attach(const Place& place, Attachment attachment) {
        TRY(registry_.may_be_attached(place, attachment));
        const Program* program = attachment.program.get();
        if (attachment.is_extension()) {
            attachment.counters = make_ref<MemberCounters>();
            TRY(place.target->begin_extending());
        }
        try {
            registry_.attachments_.add(place, std::move(attachment));
        } catch (const std::bad_alloc&) {
            if (program->facts().type == BPF_PROG_TYPE_EXT) place.target->end_extending(false);
            throw;
        }
        attached_.emplace_back(place, program);
        targets_.push_back(place.target);
        return {};
    }

    Result<void> detach(const Place& place, const Program& program) {
        if (!registry_.attachments_.has(place, program)) return fail(EINVAL, "what is to be detached is not attached there");
        registry_.attachments_.set_leaving(place, program, true);
        detached_.emplace_back(place, &program);
        targets_.push_back(place.target);
        return {};
    }

    [[nodiscard]] Result<Images> rebuild() const { return registry_.rebuild(targets_); }

    void keep() noexcept {
        for (const auto& [place, program] : detached_) {
            if (registry_.attachments_.remove(place, *program, true).is_extension()) place.target->leave_extended();
        }
        detached_.clear();
        for (const auto& [place, program] : attached_) {
            if (program->facts().type == BPF_PROG_TYPE_EXT) place.target->end_extending(true);
        }
        attached_.clear();
    }

private:
    TargetRegistry& registry_;
    std::vector<std::pair<Place, const Program*>> attached_, detached_;
    std::vector<Program*> targets_;
};

Result<TargetRegistry::Images> TargetRegistry::rebuild(std::vector<Program*> changed) const try {
    Images images;
    for (Program* program : attachments_.reached_from(std::move(changed))) {
        Ref<Image> image = build_image(*program, attachments_, counting_ != 0 ? Counting::yes : Counting::no);
        TRY(engine_.link(*image));
        images.emplace_back(program, std::move(image));
    }
    return images;
} catch (const std::bad_alloc&) {
    return fail(ENOMEM, "no memory for the next image");
}

Result<TargetRegistry::Images> TargetRegistry::rebuild_all() const try {
    return rebuild(attachments_.targets());
} catch (const std::bad_alloc&) {
    return fail(ENOMEM, "no memory for the next images");
}

void TargetRegistry::publish(Images images) noexcept {
    const uint64_t generation = run_state_.generation.load(std::memory_order_relaxed) + 1;
    for (auto& [program, image] : images) {
        image->previous = rcu::load(program->image);
        if (image->previous != nullptr) image->generation = generation;
        rcu::store(program->image, image.release());
    }
    run_state_.generation.store(generation, std::memory_order_release);
    // Only now: before, packets may have entered that need them.
    for (const auto& [program, image] : images) {
        if (const Image* last = rcu::load(program->image)->previous) last->drop_ref();
    }
}

Result<void> TargetRegistry::link(Program& program) {
    const std::lock_guard guard(lock_);
    publish(TRY(rebuild({&program})));
    return {};
}

Result<void> TargetRegistry::may_be_attached(const Place& place, const Attachment& attachment) const {
    const Occupants* occupants = attachments_.at(place);
    if (occupants == nullptr) return {};
    size_t traces = 0;
    for (const Attachment& each : *occupants) {
        if (each.leaving) continue;
        if (each.is_extension()) return fail(EBUSY, "an extension is attached to that function of the target");
        if (attachment.is_extension()) return fail(EBUSY, "a fentry or fexit program is attached to that function of the target");
        if (each.program == attachment.program) return fail(EBUSY, "the program is attached to that function already");
        ++traces;
    }
    if (traces >= max_traces) return fail(E2BIG, "38 fentry and fexit programs are attached to that function");
    return {};
}

Result<void> TargetRegistry::attach(const Place& place, Attachment attachment) {
    const PlaceChange change{.place = place, .attach = std::move(attachment)};
    return this->change({&change, 1});
}

Result<void> TargetRegistry::change(std::span<const PlaceChange> changes) try {
    const std::lock_guard guard(lock_);
    Change change(*this, changes.size() * 2);
    for (const PlaceChange& step : changes) {
        if (step.detach != nullptr) TRY(change.detach(step.place, *step.detach));
        if (step.attach.program) TRY(change.attach(step.place, step.attach));
    }
    publish(TRY(change.rebuild()));
    change.keep();
    return {};
} catch (const std::bad_alloc&) {
    return fail(ENOMEM, "no memory to record the attachment");
}

void TargetRegistry::detach(const Place& place, const Program& program) {
    const PlaceChange change{.place = place, .attach = {}, .detach = &program};
    while (this->change({&change, 1}).code() == ENOMEM) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

Result<void> TargetRegistry::start_counting() {
    const std::lock_guard guard(lock_);
    if (++counting_ > 1) return {};
    Result<Images> images = rebuild_all();
    if (!images.ok()) {
        --counting_;
        return images.error();
    }
    publish(std::move(images).value());
    return {};
}

// Without memory the old images stay, which count although nobody looks.
void TargetRegistry::stop_counting() {
    const std::lock_guard guard(lock_);
    if (--counting_ > 0) return;
    Result<Images> images = rebuild_all();
    if (images.ok()) publish(std::move(images).value());
}

bool TargetRegistry::is_counting() const {
    const std::lock_guard guard(lock_);
    return counting_ != 0;
}

std::vector<TargetRegistry::Member> TargetRegistry::members(const Program& target) const {
    std::vector<Member> members;
    const std::lock_guard guard(lock_);
    for (uint32_t i = 0; i < target.code().subprograms.size(); ++i) {
        const Occupants* occupants = attachments_.at({const_cast<Program*>(&target), i});
        if (occupants == nullptr) continue;
        for (auto each = occupants->rbegin(); each != occupants->rend(); ++each) members.push_back({i, *each});
    }
    return members;
}

Ref<Program> TargetRegistry::extension_at(const Place& place) const {
    const std::lock_guard guard(lock_);
    const Occupants* occupants = attachments_.at(place);
    return occupants != nullptr && occupants->front().is_extension() ? occupants->front().program : nullptr;
}

}  // namespace graft
