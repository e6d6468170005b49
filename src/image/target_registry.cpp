#include "image/target_registry.h"

#include <algorithm>
#include <chrono>
#include <new>
#include <thread>
#include <utility>

namespace graft {

Result<Ref<Image>> TargetRegistry::build(const Program& program) const {
    Ref<Image> image = build_image(program, extensions_);
    TRY(engine_.link(*image));
    return image;
}

// An extension is part of the images of its targets; they are reached from `changed` by going from extension to target.
Result<TargetRegistry::Images> TargetRegistry::rebuild(Program& changed) const try {
    std::vector<Program*> reached{&changed};
    for (size_t i = 0; i < reached.size(); ++i) {
        for (const auto& [place, extension] : extensions_) {
            Program* target = const_cast<Program*>(place.target);
            if (extension.get() == reached[i] && std::find(reached.begin(), reached.end(), target) == reached.end())
                reached.push_back(target);
        }
    }
    Images images;
    for (Program* program : reached) images.emplace_back(program, TRY(build(*program)));
    return images;
} catch (const std::bad_alloc&) {
    return fail(ENOMEM, "no memory for the next image");
}

void TargetRegistry::publish(Images images) noexcept {
    for (auto& [program, image] : images) {
        if (Image* last = rcu::exchange(program->image, image.release())) last->drop_ref();
    }
}

Result<void> TargetRegistry::link(Program& program) {
    const std::lock_guard guard(lock_);
    publish(TRY(rebuild(program)));
    return {};
}

Result<void> TargetRegistry::attach_extension(Program& target, uint32_t subprogram, Ref<Program> extension) try {
    const std::lock_guard guard(lock_);
    const auto [at, is_new] = extensions_.try_emplace({&target, subprogram}, std::move(extension));
    if (!is_new) return fail(EBUSY, "another program is attached to that function of the target");
    Result<void> entered = target.enter_extended();
    if (!entered.ok()) {
        extensions_.erase(at);
        return entered;
    }
    Result<Images> images = rebuild(target);
    if (!images.ok()) {
        target.leave_extended();
        extensions_.erase(at);
        return images.error();
    }
    publish(std::move(images).value());
    return {};
} catch (const std::bad_alloc&) {
    return fail(ENOMEM, "no memory to record the attachment");
}

void TargetRegistry::detach_extension(Program& target, uint32_t subprogram) {
    const std::lock_guard guard(lock_);
    const Extensions::node_type taken = extensions_.extract(Place{&target, subprogram});
    Result<Images> images = rebuild(target);
    while (images.code() == ENOMEM) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        images = rebuild(target);
    }
    if (images.ok()) publish(std::move(images).value());
    target.leave_extended();
}

Ref<Program> TargetRegistry::extension_at(const Program& target, uint32_t subprogram) const {
    const std::lock_guard guard(lock_);
    const auto at = extensions_.find({&target, subprogram});
    return at == extensions_.end() ? nullptr : at->second;
}

}  // namespace graft
