#include "link/link.h"

#include <utility>

namespace graft {

Link::Link(uint32_t type, Ref<Program> program) : Object(ObjectKind::link), type_(type), program_(std::move(program)) {}

Link::~Link() {
    if (ids_ != nullptr) ids_->remove(id_);
}

void Link::register_in(IdTable<Link>& ids) {
    ids_ = &ids;
    ids.add(this, id_);
}

Ref<Program> Link::program() const {
    const std::lock_guard guard(program_lock_);
    return program_;
}

void Link::set_program(Ref<Program> program) {
    const std::lock_guard guard(program_lock_);
    std::swap(program_, program);
}

Result<void> Link::update(Ref<Program>, Ref<Program>, uint32_t) { return fail(EINVAL, "a link of this type keeps its program"); }

Result<void> Link::detach() { return fail(EOPNOTSUPP, "a link of this type is detached by closing it only"); }

}  // namespace graft
