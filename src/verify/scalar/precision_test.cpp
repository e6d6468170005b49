// Precision: each step in linux-6.12.states comes out as Linux 6.12 printed it, no wider and no narrower.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "abi/bpf.h"
#include "verify/scalar/branch.h"
#include "verify/scalar/print.h"
#include "verify/scalar/scalar.h"

namespace graft::verify {
namespace {

std::vector<std::string> split(const std::string& text, const std::string& separator) {
    std::vector<std::string> parts;
    size_t start = 0;
    for (size_t end; (end = text.find(separator, start)) != text.npos; start = end + separator.size())
        parts.push_back(text.substr(start, end - start));
    parts.push_back(text.substr(start));
    return parts;
}

uint64_t number_in(const std::string& text) {
    return text.starts_with('-') ? static_cast<uint64_t>(std::strtoll(text.c_str(), nullptr, 0)) : std::strtoull(text.c_str(), nullptr, 0);
}

void set_view(Scalar& r, const std::string& name, uint64_t number) {
    if (name == "smin") r.s64.min = static_cast<int64_t>(number);
    if (name == "smax") r.s64.max = static_cast<int64_t>(number);
    if (name == "umin") r.u64.min = number;
    if (name == "umax") r.u64.max = number;
    if (name == "smin32") r.s32.min = static_cast<int32_t>(number);
    if (name == "smax32") r.s32.max = static_cast<int32_t>(number);
    if (name == "umin32") r.u32.min = static_cast<uint32_t>(number);
    if (name == "umax32") r.u32.max = static_cast<uint32_t>(number);
}

// The other way round of describe(): what is not said is not known.
Scalar scalar_from(const std::string& text) {
    if (!text.starts_with("scalar(")) return Scalar::constant(number_in(text));
    Scalar r;
    for (const std::string& attribute : split(text.substr(7, text.size() - 8), ",")) {
        std::vector<std::string> parts = split(attribute, "=");
        if (parts[0] == "var_off") {
            const auto bits = split(parts[1].substr(1, parts[1].size() - 2), "; ");
            r.var_off = {number_in(bits[0]), number_in(bits[1])};
            continue;
        }
        for (size_t i = 0; i + 1 < parts.size(); ++i) set_view(r, parts[i], number_in(parts.back()));
    }
    return r;
}

std::string text_of(const Scalar& scalar) {
    return scalar.is_const() ? signed_number(static_cast<int64_t>(scalar.const_value())) : "scalar(" + describe(scalar) + ")";
}

const std::map<std::string, uint8_t> alu_ops = {{"add", BPF_ADD}, {"sub", BPF_SUB}, {"mul", BPF_MUL}, {"and", BPF_AND},  {"or", BPF_OR},
                                                {"xor", BPF_XOR}, {"lsh", BPF_LSH}, {"rsh", BPF_RSH}, {"arsh", BPF_ARSH}};
const std::map<std::string, uint8_t> jump_ops = {{"jeq", BPF_JEQ},   {"jne", BPF_JNE},   {"jgt", BPF_JGT},   {"jge", BPF_JGE},
                                                 {"jlt", BPF_JLT},   {"jle", BPF_JLE},   {"jsgt", BPF_JSGT}, {"jsge", BPF_JSGE},
                                                 {"jslt", BPF_JSLT}, {"jsle", BPF_JSLE}, {"jset", BPF_JSET}};

std::string move(const Scalar& from, bool is64, unsigned bytes) {
    Scalar r = from;
    if (!is64)
        bytes == 0 ? r.zero_extend_32() : r.sign_extend_32(bytes);
    else if (bytes != 0)
        r.sign_extend_64(bytes);
    return text_of(r);
}

std::string branch(uint8_t op, bool is32, const Scalar& a, const Scalar& b) {
    const Verdict verdict = branch_taken(op, is32, a, b);
    if (verdict != Verdict::unknown) return verdict == Verdict::always ? "always" : "never";
    Scalar true_a = a, true_b = b, false_a = a, false_b = b;
    refine(op, is32, true_a, true_b, false_a, false_b);
    return text_of(true_a) + " | " + text_of(true_b) + " | " + text_of(false_a) + " | " + text_of(false_b);
}

TEST(ScalarPrecision, IsThatOfLinux) {
    std::ifstream rows(GRAFT_SOURCE_DIR "/src/verify/scalar/linux-6.12.states");
    size_t checked = 0;
    for (std::string row; std::getline(rows, row);) {
        if (row.starts_with('#')) continue;
        const auto parts = split(row, " | ");
        const std::string name = parts[0].substr(0, parts[0].find_first_of("36"));
        const bool is64 = parts[0].find("64") != std::string::npos;
        const Scalar a = scalar_from(parts[1]);
        ASSERT_EQ(text_of(a), parts[1]);
        std::string ours = parts[0] + " | " + parts[1] + " | ";
        if (name == "mov") {
            ours += move(a, is64, static_cast<unsigned>(parts[0].back() - '0'));
        } else {
            const Scalar b = scalar_from(parts[2]);
            const auto alu = alu_ops.find(name);
            ours += parts[2] + " | " +
                    (alu != alu_ops.end() ? text_of(apply_alu(alu->second, is64, a, b)) : branch(jump_ops.at(name), !is64, a, b));
        }
        EXPECT_EQ(ours, row);
        ++checked;
    }
    EXPECT_GT(checked, 300U);
}

// Before AND and OR: R7=scalar(smin=smin32=-1,smax=smax32=0) became "from 32 to 32: R7_w=0" and, in the walk that went on, "R7_w=44".
TEST(ScalarPrecision, ForksBeforeAndWithConstant) {
    Scalar sign = Scalar::unknown();
    sign.sign_extend_64(4);
    sign = apply_alu(BPF_ARSH, true, sign, Scalar::constant(34));
    ASSERT_EQ(describe(sign), "smin=smin32=-1,smax=smax32=0");
    const auto fork = fork_before_alu(BPF_AND, sign, Scalar::constant(44));
    ASSERT_TRUE(fork.has_value());
    EXPECT_EQ(fork->zero, Scalar::constant(0));
    EXPECT_EQ(apply_alu(BPF_AND, true, fork->minus_one, Scalar::constant(44)), Scalar::constant(44));
    EXPECT_FALSE(fork_before_alu(BPF_XOR, sign, Scalar::constant(44)));
    EXPECT_FALSE(fork_before_alu(BPF_AND, sign, Scalar::between(4, 5)));
    EXPECT_FALSE(fork_before_alu(BPF_AND, Scalar::between(0, 1), Scalar::constant(44)));
    sign.zero_extend_32();
    const auto fork32 = fork_before_alu(BPF_AND, sign, Scalar::constant(10782));
    ASSERT_TRUE(fork32.has_value());
    EXPECT_EQ(apply_alu(BPF_AND, false, fork32->minus_one, Scalar::constant(10782)), Scalar::constant(10782));
}

}  // namespace
}  // namespace graft::verify
