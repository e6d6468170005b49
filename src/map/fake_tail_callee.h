// FakeTailCallee: a program as maps see it, for their unit tests.
#pragma once

#include "map/tail_callee.h"

namespace graft {

class FakeTailCallee final : public TailCallee {
public:
    FakeTailCallee(uint32_t id, Kind kind) : TailCallee(ObjectKind::program), id_(id), kind_(kind) {}

    [[nodiscard]] Kind tail_call_kind() const override { return kind_; }
    [[nodiscard]] bool may_be_in_map() const override { return !is_extension; }
    Result<void> enter_program_array() override {
        if (is_extended) return fail(EBUSY);
        ++arrays;
        return {};
    }
    void leave_program_array() override { --arrays; }
    [[nodiscard]] uint32_t program_id() const override { return id_; }

    bool is_extension = false;
    bool is_extended = false;
    std::atomic<int> arrays{0};

private:
    uint32_t id_;
    Kind kind_;
};

}  // namespace graft
