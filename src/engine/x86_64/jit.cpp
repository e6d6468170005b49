#include "engine/engines.h"
#include "engine/x86_64/code.h"

namespace graft {
namespace {

class Jit final : public Engine {
public:
    const char* name() const override { return "x86_64"; }
    Result<std::unique_ptr<EngineCode>> compile(const VerifiedProgram& program) const override { return x86_64::compile_program(program); }
    Result<void> link(Image& image) const override { return x86_64::link_image(image); }
};

}  // namespace

bool x86_64_jit_works() { return x86_64::may_execute(); }

const Engine& x86_64_jit() {
    static const Jit engine;
    return engine;
}

}  // namespace graft
