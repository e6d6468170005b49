#include <algorithm>
#include <new>

#include "engine/x86_64/code.h"
#include "engine/x86_64/function_compiler.h"

namespace graft::x86_64 {
namespace {

class FirstError final : public asmjit::ErrorHandler {
public:
    void handleError(asmjit::Error error, const char*, asmjit::BaseEmitter*) override {
        if (first_ == asmjit::kErrorOk) first_ = error;
    }
    [[nodiscard]] asmjit::Error first() const { return first_; }

private:
    asmjit::Error first_ = asmjit::kErrorOk;
};

struct Extent {
    size_t start, size, first_call, calls;
    bool uses_run;
};

// Into the spans of `code`, now that its vectors do not grow any more.
void set_functions(JitCode& code, const VerifiedProgram& program, const std::vector<Extent>& extents) {
    for (size_t i = 0; i < extents.size(); ++i) {
        const Extent& extent = extents[i];
        code.functions.push_back({.start = program.subprograms[i].start,
                                  .bytes = std::span(code.bytes).subspan(extent.start, extent.size),
                                  .calls = std::span(code.calls).subspan(extent.first_call, extent.calls),
                                  .uses_run = extent.uses_run});
    }
}

}  // namespace

uint32_t JitCode::size_of(const Subprogram& function) const {
    const auto found = std::ranges::find(functions, function.start, &FunctionCode::start);
    return found == functions.end() ? 0 : static_cast<uint32_t>(found->bytes.size());
}

Result<std::unique_ptr<EngineCode>> compile_program(const VerifiedProgram& program) {
    const std::vector<Decoded> operations = TRY(decode(program));
    FirstError errors;
    asmjit::CodeHolder holder;
    asmjit::Error error = holder.init(asmjit::Environment(asmjit::Arch::kX64));
    holder.setErrorHandler(&errors);
    x86::Assembler assembler;
    if (error == asmjit::kErrorOk) error = holder.attach(&assembler);
    if (error != asmjit::kErrorOk) return fail(ENOMEM, "no memory to compile the program");

    auto code = std::make_unique<JitCode>();
    std::vector<Extent> extents;
    for (const Subprogram& subprogram : program.subprograms) {
        const size_t start = assembler.offset(), first_call = code->calls.size();
        FunctionCompiler function(assembler, std::span(operations).subspan(subprogram.start, subprogram.length), subprogram.stack_depth,
                                  code->calls);
        function.compile();
        extents.push_back({start, assembler.offset() - start, first_call, code->calls.size() - first_call, function.uses_run()});
    }
    if (errors.first() == asmjit::kErrorOutOfMemory) return fail(ENOMEM, "no memory to compile the program");
    if (errors.first() != asmjit::kErrorOk) return fail(abi::enotsupp, "the program cannot be compiled");
    const asmjit::CodeBuffer& buffer = holder.textSection()->buffer();
    code->bytes.assign(buffer.data(), buffer.data() + buffer.size());
    set_functions(*code, program, extents);
    return std::unique_ptr<EngineCode>(std::move(code));
}

}  // namespace graft::x86_64
