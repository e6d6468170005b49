// One block an image: the stub that enters it, its functions one after the other, stubs that surround the traced ones.
//
// All of it is put together in plain memory and then stored; calls inside a block are relative, so it does not matter where.
#include <algorithm>
#include <cstring>

#include "engine/surround.h"
#include "engine/x86_64/code.h"
#include "engine/x86_64/executable_memory.h"
#include "engine/x86_64/registers.h"
#include "program/program.h"

namespace graft::x86_64 {
namespace {

constexpr size_t function_alignment = 16;

// Calls compiled code from C++: puts the RunContext into its register.
using CallFromOutside = uint64_t (*)(const uint64_t* arguments, const void* code, RunContext* run);

class LinkedBlock final : public EngineImage {
public:
    ExecutableMemory::Block block;
    CallFromOutside call_from_outside = nullptr;  // null: nothing is traced or called by helpers
};

CallFromOutside outside_of(const Image& image) { return static_cast<const LinkedBlock&>(*image.engine_part).call_from_outside; }

uint64_t call_by_address(const Callback& callback, const uint64_t* arguments, RunContext& run) {
    const LinkedFunction& function = linked(callback);
    return outside_of(*function.image)(arguments, function.code, &run);
}

uint64_t call_surrounded(const Image* image, uint32_t surround, const Arguments* arguments, RunContext* run) {
    const auto call_from_outside = outside_of(*image);
    const auto call = [&](uint32_t index, const Arguments& given) {
        return call_from_outside(given.data(), image->functions[index].code, run);
    };
    return run_surrounded(image->surrounds[surround], *arguments, *run, call);
}

// What a surround keeps on the stack.  The arguments stand in the frame's values, where there is also room for those that the traced
// function does not have; its result comes after those that it has.
struct SurroundFrame {
    ActiveTrace active;
    uint64_t tail_calls;
    TraceFrame frame;
};
static_assert(sizeof(SurroundFrame) % 16 == 8, "rsp is a multiple of 16 behind it");

x86::Mem value_slot(uint32_t number) {
    return x86::qword_ptr(x86::rsp, static_cast<int32_t>(offsetof(SurroundFrame, frame.values) + number * sizeof(uint64_t)));
}

class BlockBuilder {
public:
    explicit BlockBuilder(const Image& image) : image_(image), starts_(image.functions.size()) {}

    Result<void> build() {
        TRY(stubs());
        for (size_t i = 0; i < image_.functions.size(); ++i) {
            if (image_.functions[i].surround < 0) append(code_of(image_.functions[i]).bytes, starts_[i]);
        }
        for (size_t i = 0; i < image_.functions.size(); ++i) {
            if (image_.functions[i].surround < 0) connect(image_.functions[i], starts_[i]);
        }
        connect(entry_call_, image_.entry);
        for (const StubCall& each : stub_calls_) connect(each.at, each.function);
        return {};
    }

    [[nodiscard]] std::span<const uint8_t> bytes() const { return bytes_; }
    [[nodiscard]] size_t start_of(size_t function) const { return starts_[function]; }
    [[nodiscard]] size_t entry() const { return entry_; }
    [[nodiscard]] std::optional<size_t> call_from_outside() const { return call_from_outside_; }

private:
    static const FunctionCode& code_of(const LinkedFunction& function) {
        return static_cast<const JitCode&>(function.program->engine_code()).functions[function.subprogram];
    }

    Result<void> stubs();
    [[nodiscard]] bool uses_run() const;
    [[nodiscard]] bool is_called_from_outside() const;
    void enter_stub(x86::Assembler& a);
    void surround_stub(x86::Assembler& a, uint32_t number);
    void run_traces_and_function(x86::Assembler& a, const Surround& surround, const asmjit::Label& done);
    void run_trace(x86::Assembler& a, const Trace& trace);
    void call(x86::Assembler& a, uint32_t function);
    static void call_from_outside_stub(x86::Assembler& a);

    void append(std::span<const uint8_t> code, size_t& start) {
        constexpr uint8_t breakpoint = 0xcc;
        start = (bytes_.size() + function_alignment - 1) / function_alignment * function_alignment;
        bytes_.resize(start, breakpoint);
        bytes_.insert(bytes_.end(), code.begin(), code.end());
    }
    void connect(const LinkedFunction& function, size_t start) {
        for (const CallSite& call : code_of(function).calls) {
            const uint32_t callee = image_.callees[function.callees + call.subprogram];
            if (call.is_address) {
                const auto address = reinterpret_cast<uint64_t>(&image_.functions[callee]);
                std::memcpy(&bytes_[start + call.at], &address, sizeof address);
            } else {
                connect(start + call.at, callee);
            }
        }
    }
    void connect(size_t at, uint32_t callee) {
        const auto distance = static_cast<int32_t>(static_cast<int64_t>(starts_[callee]) - static_cast<int64_t>(at + 4));
        std::memcpy(&bytes_[at], &distance, sizeof distance);
    }

    const Image& image_;
    std::vector<uint8_t> bytes_;
    std::vector<size_t> starts_;  // of functions
    size_t entry_ = 0;
    size_t entry_call_ = 0;  // the distance of its call or jump
    struct StubCall {
        size_t at;
        uint32_t function;
    };
    std::vector<StubCall> stub_calls_;
    std::optional<size_t> call_from_outside_;
};

Result<void> BlockBuilder::stubs() {
    asmjit::CodeHolder holder;
    x86::Assembler a;
    asmjit::Error error = holder.init(asmjit::Environment(asmjit::Arch::kX64));
    if (error == asmjit::kErrorOk) error = holder.attach(&a);
    if (error == asmjit::kErrorOk) {
        enter_stub(a);
        for (size_t i = 0; i < image_.functions.size(); ++i) {
            if (image_.functions[i].surround < 0) continue;
            a.align(asmjit::AlignMode::kCode, function_alignment);
            starts_[i] = a.offset();
            surround_stub(a, static_cast<uint32_t>(image_.functions[i].surround));
        }
        if (is_called_from_outside()) {
            a.align(asmjit::AlignMode::kCode, function_alignment);
            call_from_outside_ = a.offset();
            call_from_outside_stub(a);
        }
    }
    const asmjit::CodeBuffer* buffer = error == asmjit::kErrorOk ? &holder.textSection()->buffer() : nullptr;
    if (buffer == nullptr || buffer->size() != a.offset()) return fail(ENOMEM, "no memory to link an image");
    bytes_.assign(buffer->data(), buffer->data() + buffer->size());
    return {};
}

// Image::enter(image, context, run).  Clang's function sanitizer reads what stands before a function that C++ calls.
void BlockBuilder::enter_stub(x86::Assembler& a) {
    a.embedUInt8(0xcc, function_alignment);
    entry_ = a.offset();
    a.mov(x86::rdi, x86::rsi);
    if (!uses_run()) {
        a.db(0xe9);  // jmp rel32
        entry_call_ = a.offset();
        a.dd(0);
        return;
    }
    a.push(run_context);
    a.mov(run_context, x86::rdx);
    a.db(0xe8);  // call rel32
    entry_call_ = a.offset();
    a.dd(0);
    a.pop(run_context);
    a.ret();
}

bool BlockBuilder::uses_run() const {
    return !image_.surrounds.empty() ||
           std::ranges::any_of(image_.functions, [](const LinkedFunction& function) { return code_of(function).uses_run; });
}

bool BlockBuilder::is_called_from_outside() const {
    const auto takes_address = [](const LinkedFunction& function) {
        return std::ranges::any_of(code_of(function).calls, &CallSite::is_address);
    };
    return !image_.surrounds.empty() || std::ranges::any_of(image_.functions, takes_address);
}

// What run_surrounded() does, for the common case: nobody counts, and no tracing program runs already that might have to be missed.
void BlockBuilder::surround_stub(x86::Assembler& a, uint32_t number) {
    const Surround& surround = image_.surrounds[number];
    a.sub(x86::rsp, sizeof(SurroundFrame));
    for (uint8_t i = 0; i < TraceFrame::max_args; ++i) a.mov(value_slot(i), host(static_cast<uint8_t>(i + 1)));
    const asmjit::Label uncommon = a.newLabel(), done = a.newLabel();
    if (!surround.counters) {
        const Program& any = *image_.functions[surround.function].program;
        a.cmp(x86::qword_ptr(run_context, offsetof(RunContext, traces)), 0);
        a.jne(uncommon);
        a.mov(x86::rax, reinterpret_cast<uint64_t>(&any.statistics_users()));
        a.cmp(x86::dword_ptr(x86::rax), 0);
        a.jne(uncommon);
        run_traces_and_function(a, surround, done);
        a.bind(done);
        a.add(x86::rsp, sizeof(SurroundFrame));
        a.ret();
    }
    a.bind(uncommon);
    a.mov(x86::rdi, reinterpret_cast<uint64_t>(&image_));
    a.mov(x86::esi, number);
    a.lea(x86::rdx, value_slot(0));
    a.mov(x86::rcx, run_context);
    a.mov(x86::rax, reinterpret_cast<uint64_t>(call_surrounded));
    a.call(x86::rax);
    a.add(x86::rsp, sizeof(SurroundFrame));
    a.ret();
}

void BlockBuilder::run_traces_and_function(x86::Assembler& a, const Surround& surround, const asmjit::Label& done) {
    a.mov(x86::rax, surround.address);
    a.mov(x86::qword_ptr(x86::rsp, offsetof(SurroundFrame, frame.address)), x86::rax);
    a.mov(x86::byte_ptr(x86::rsp, offsetof(SurroundFrame, frame.has_result)), 0);
    a.mov(x86::qword_ptr(x86::rsp, offsetof(SurroundFrame, frame.arg_count)), surround.arg_count);
    a.mov(x86::qword_ptr(x86::rsp, offsetof(SurroundFrame, active.outer)), 0);
    a.mov(x86::eax, x86::dword_ptr(run_context, offsetof(RunContext, tail_calls)));
    a.mov(x86::dword_ptr(x86::rsp, offsetof(SurroundFrame, tail_calls)), x86::eax);
    for (const Trace& each : surround.entries) run_trace(a, each);

    for (uint8_t i = 0; i < TraceFrame::max_args; ++i) a.mov(host(static_cast<uint8_t>(i + 1)), value_slot(i));
    call(a, surround.function);
    if (image_.functions[surround.function].program->code().exception_callback != 0) {
        a.cmp(x86::byte_ptr(run_context, offsetof(RunContext, thrown)), 0);
        a.jne(done);
    }
    if (surround.exits.empty()) return;
    a.mov(value_slot(surround.arg_count), x86::rax);
    a.mov(x86::byte_ptr(x86::rsp, offsetof(SurroundFrame, frame.has_result)), 1);
    a.mov(x86::eax, x86::dword_ptr(run_context, offsetof(RunContext, tail_calls)));
    a.mov(x86::dword_ptr(x86::rsp, offsetof(SurroundFrame, tail_calls)), x86::eax);
    for (const Trace& each : surround.exits) run_trace(a, each);
    a.mov(x86::rax, value_slot(surround.arg_count));
}

// TraceScope, where no other is active.
void BlockBuilder::run_trace(x86::Assembler& a, const Trace& trace) {
    a.mov(x86::rax, reinterpret_cast<uint64_t>(static_cast<const Object*>(trace.program)));
    a.mov(x86::qword_ptr(x86::rsp, offsetof(SurroundFrame, active.program)), x86::rax);
    a.mov(x86::rax, trace.cookie);
    a.mov(x86::qword_ptr(x86::rsp, offsetof(SurroundFrame, frame.cookie)), x86::rax);
    a.lea(x86::rax, x86::ptr(x86::rsp, offsetof(SurroundFrame, active)));
    a.mov(x86::qword_ptr(run_context, offsetof(RunContext, traces)), x86::rax);
    a.mov(x86::dword_ptr(run_context, offsetof(RunContext, tail_calls)), 0);
    a.lea(host(r1), value_slot(0));
    call(a, trace.function);
    a.mov(x86::qword_ptr(run_context, offsetof(RunContext, traces)), 0);
    a.mov(x86::eax, x86::dword_ptr(x86::rsp, offsetof(SurroundFrame, tail_calls)));
    a.mov(x86::dword_ptr(run_context, offsetof(RunContext, tail_calls)), x86::eax);
}

void BlockBuilder::call(x86::Assembler& a, uint32_t function) {
    a.db(0xe8);  // call rel32
    stub_calls_.push_back({a.offset(), function});
    a.dd(0);
}

void BlockBuilder::call_from_outside_stub(x86::Assembler& a) {
    a.push(run_context);
    a.mov(run_context, x86::rdx);
    a.mov(x86::rax, x86::rsi);
    for (uint8_t i = TraceFrame::max_args; i-- > 0;) a.mov(host(static_cast<uint8_t>(i + 1)), x86::qword_ptr(x86::rdi, i * 8));
    a.call(x86::rax);
    a.pop(run_context);
    a.ret();
}

}  // namespace

// The memory of all images of the process.  Images keep it alive: they may go after everything else has.
static ExecutableMemory& executable_memory() {
    static const auto memory = std::make_shared<ExecutableMemory>();
    return *memory;
}

Result<void> link_image(Image& image) {
    BlockBuilder builder(image);
    TRY(builder.build());
    auto linked = std::make_unique<LinkedBlock>();
    linked->block = TRY(executable_memory().store(builder.bytes()));
    auto* const code = const_cast<std::byte*>(linked->block.code().data());  // a function pointer cannot be made of a const one
    if (const auto offset = builder.call_from_outside()) linked->call_from_outside = reinterpret_cast<CallFromOutside>(code + *offset);
    for (size_t i = 0; i < image.functions.size(); ++i) {
        image.functions[i].code = code + builder.start_of(i);
        image.functions[i].by_address.call = call_by_address;
    }
    image.enter = reinterpret_cast<decltype(image.enter)>(code + builder.entry());
    image.engine_part = std::move(linked);
    return {};
}

bool may_execute() {
    constexpr uint8_t ret = 0xc3;
    return executable_memory().store({&ret, 1}).ok();
}

size_t executable_memory_in_use() { return executable_memory().resident(); }

}  // namespace graft::x86_64
