// Each program that takes part has one instance in the image, however often it is reached: its functions, and a row of callees in which a
// replaced function's place holds the extension's main function.

#include "image/builder.h"

namespace graft {
namespace {

class Builder {
public:
    Builder(Image& image, const Extensions& extensions) : image_(image), extensions_(extensions) {}

    // Where the program's row of callees stands.
    uint32_t instance(const Program& program) {
        if (const auto known = instances_.find(&program); known != instances_.end()) return known->second;
        const uint32_t count = static_cast<uint32_t>(program.code().subprograms.size());
        const uint32_t first = static_cast<uint32_t>(image_.functions.size());
        const uint32_t row = static_cast<uint32_t>(image_.callees.size());
        instances_.emplace(&program, row);
        for (uint32_t i = 0; i < count; ++i) {
            image_.functions.push_back({.program = &program, .subprogram = i, .callees = row});
            image_.callees.push_back(first + i);
        }
        for (uint32_t i = 0; i < count; ++i) {
            if (const auto at = extensions_.find({&program, i}); at != extensions_.end()) replace(row + i, at->second);
        }
        return row;
    }

private:
    void replace(uint32_t callee, const Ref<Program>& extension) {
        image_.callees[callee] = image_.callees[instance(*extension)];
    }

    Image& image_;
    const Extensions& extensions_;
    std::map<const Program*, uint32_t> instances_;
};

}  // namespace

Ref<Image> build_image(const Program& program, const Extensions& extensions) {
    Ref<Image> image = make_ref<Image>();
    const uint32_t main = Builder(*image, extensions).instance(program);
    image->entry = image->callees[main];
    image->tail_entry = image->entry;
    return image;
}

}  // namespace graft
