// The verifier's scalars along a path.  Oracle: four registers run on real numbers and as Scalars side by side; after each instruction
// every Scalar must hold the number of its register, and a branch that the number takes must not be ruled out.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "verify/scalar/branch.h"
#include "verify/scalar/concrete.h"
#include "verify/scalar/print.h"

namespace {

using namespace graft::verify;

class Input {
public:
    Input(const uint8_t* data, size_t size) : data_(data), left_(size) {}
    [[nodiscard]] bool empty() const { return left_ == 0; }
    uint64_t take(size_t bytes) {
        uint64_t number = 0;
        const size_t taken = bytes < left_ ? bytes : left_;
        std::memcpy(&number, data_, taken);
        data_ += taken;
        left_ -= taken;
        return number;
    }
    // Numbers of every size: one byte says how many follow and whether the sign is extended.
    uint64_t number() {
        const uint64_t shape = take(1);
        const auto bytes = static_cast<unsigned>(shape % 8 + 1);
        const uint64_t bits = take(bytes);
        return shape & 0x80 ? concrete::sign_extend(bits, bytes) : bits;
    }

private:
    const uint8_t* data_;
    size_t left_;
};

struct Register {
    uint64_t number = 0;
    Scalar scalar = Scalar::constant(0);
};

void require_member(const Register& r, const char* after, unsigned op) {
    if (r.scalar.contains(r.number)) return;
    std::fprintf(stderr, "after %s 0x%x: 0x%llx is not in %s\n", after, op, static_cast<unsigned long long>(r.number),
                 describe(r.scalar).c_str());
    std::abort();
}

void load(Register& r, Input& in) {
    const unsigned size = 1U << (in.take(1) % 4);
    const bool extends = in.take(1) & 1;
    const uint64_t kept = size == 8 ? ~uint64_t{0} : (uint64_t{1} << (8 * size)) - 1;
    r.number = in.number() & kept;
    r.scalar = Scalar::unknown();
    if (extends) {
        r.scalar.sign_extend_64(size);
        r.number = concrete::sign_extend(r.number, size);
    } else {
        r.scalar.truncate(size);
    }
    require_member(r, "load", size);
}

void move(Register& dst, const Register& src, Input& in) {
    dst = src;
    const uint64_t kind = in.take(1) % 6;
    const unsigned size = 1U << (kind % 3);
    if (kind >= 3) {
        dst.scalar.sign_extend_64(size);
        dst.number = concrete::sign_extend(dst.number, size);
    } else if (kind > 0) {
        dst.scalar.sign_extend_32(size / 2);
        dst.number = static_cast<uint32_t>(concrete::sign_extend(dst.number, size / 2));
    } else {
        dst.scalar.zero_extend_32();
        dst.number = static_cast<uint32_t>(dst.number);
    }
    require_member(dst, "move", static_cast<unsigned>(kind));
}

void alu(Register& dst, const Register& src, bool is64, Input& in) {
    const uint8_t op = concrete::alu_ops[in.take(1) % std::size(concrete::alu_ops)];
    if (const auto fork = fork_before_alu(op, dst.scalar, src.scalar))
        dst.scalar = fork->zero.contains(dst.number) ? fork->zero : fork->minus_one;
    require_member(dst, "fork", op);
    dst.scalar = apply_alu(op, is64, dst.scalar, src.scalar);
    dst.number = concrete::alu(op, is64, dst.number, src.number);
    require_member(dst, is64 ? "alu64" : "alu32", op);
}

void jump(Register& a, Register& b, bool is32, Input& in) {
    const uint8_t op = concrete::jump_ops[in.take(1) % std::size(concrete::jump_ops)];
    const bool holds = concrete::holds(op, is32, a.number, b.number);
    const Verdict verdict = branch_taken(op, is32, a.scalar, b.scalar);
    if (verdict == (holds ? Verdict::never : Verdict::always)) {
        std::fprintf(stderr, "jump 0x%x: ruled out for 0x%llx in %s and 0x%llx in %s\n", op, static_cast<unsigned long long>(a.number),
                     describe(a.scalar).c_str(), static_cast<unsigned long long>(b.number), describe(b.scalar).c_str());
        std::abort();
    }
    if (verdict != Verdict::unknown) return;
    assume(op, is32, holds, a.scalar, b.scalar);
    a.scalar.sync_bounds();
    b.scalar.sync_bounds();
    require_member(a, "jump", op);
    require_member(b, "jump", op);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    Input in(data, size);
    std::array<Register, 4> registers;
    while (!in.empty()) {
        const uint64_t choice = in.take(1);
        Register& dst = registers[choice & 3];
        Register constant;
        Register* src = &registers[(choice >> 2) & 3];
        if (choice & 0x80) {
            constant.number = concrete::sign_extend(in.number(), 4);
            constant.scalar = Scalar::constant(constant.number);
            src = &constant;
        }
        const bool narrow = choice & 0x40;
        switch (in.take(1) % 8) {
            case 0:
                load(dst, in);
                break;
            case 1:
                move(dst, *src, in);
                break;
            case 2:
            case 3:
                jump(dst, *src, narrow, in);
                break;
            default:
                alu(dst, *src, !narrow, in);
                break;
        }
    }
    return 0;
}
