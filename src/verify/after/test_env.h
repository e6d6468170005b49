// An Env as the walk leaves it, from assembly: for tests of the passes behind it.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "isa/assemble.h"
#include "verify/before/before.h"
#include "verify/env.h"

namespace graft::verify {

class TestEnv {
public:
    explicit TestEnv(std::string_view text, uint32_t type = BPF_PROG_TYPE_XDP) {
        Log problems(Log::level1, 4096);
        auto assembly = assemble(text, {}, problems);
        EXPECT_TRUE(assembly.ok()) << problems.text();
        if (!assembly.ok()) return;
        labels = assembly->labels;
        request_.type = type;
        request_.insns = std::move(assembly->insns);
        env_ = std::make_unique<Env>(request_, log_);
        env_->type = find_prog_type(type);
        EXPECT_TRUE(find_subprograms(*env_).ok());
        for (InsnFacts& facts : env_->facts) facts.seen = true;
    }
    Env& operator*() { return *env_; }
    Env* operator->() { return env_.get(); }

    // Every instruction in the form of its bytes, one a line: what tests compare.
    [[nodiscard]] static std::string words(const std::vector<bpf_insn>& insns) {
        std::string all;
        for (const bpf_insn& insn : insns) {
            all += fmt::format("{:02x} {} {} {} {}\n", insn.code, unsigned{insn.dst_reg}, unsigned{insn.src_reg}, insn.off, insn.imm);
        }
        return all;
    }
    [[nodiscard]] std::string words() const { return words(request_.insns); }
    // The same of assembly.
    [[nodiscard]] static std::string words(std::string_view text) {
        Log problems(Log::level1, 4096);
        auto assembly = assemble(text, {}, problems);
        EXPECT_TRUE(assembly.ok()) << problems.text();
        return assembly.ok() ? words(assembly->insns) : std::string(problems.text());
    }
    [[nodiscard]] std::string_view log() const { return log_.text(); }

    std::vector<Assembly::Label> labels;

private:
    VerifyRequest request_;
    Log log_{Log::level1, 65536};
    std::unique_ptr<Env> env_;
};

}  // namespace graft::verify
