// Each program that takes part has one instance in the image, however often it is reached: its functions, and a row of callees.  In the
// row, the place of a replaced function holds the extension's main function, and that of a traced one a surround.

#include "image/builder.h"

#include <map>

namespace graft {
namespace {

class Builder {
public:
    Builder(Image& image, const Attachments& attachments, Counting counting)
        : image_(image), attachments_(attachments), counting_(counting) {}

    // Where the program's row of callees stands.
    uint32_t instance(const Program& program) {
        if (const auto known = instances_.find(&program); known != instances_.end()) return known->second;
        const uint32_t count = static_cast<uint32_t>(program.code().subprograms.size());
        const uint32_t first = static_cast<uint32_t>(image_.functions.size());
        const uint32_t row = static_cast<uint32_t>(image_.callees.size());
        instances_.emplace(&program, row);
        for (uint32_t i = 0; i < count; ++i) {
            image_.functions.push_back({.by_address = {}, .image = &image_, .program = &program, .subprogram = i, .callees = row});
            image_.callees.push_back(first + i);
        }
        for (uint32_t i = 0; i < count; ++i) {
            const Occupants* occupants = attachments_.at({const_cast<Program*>(&program), i});
            if (occupants != nullptr) image_.callees[row + i] = occupied(first + i, *occupants);
        }
        return row;
    }

private:
    // What runs when the program's main function is called by name.
    uint32_t main_of(const Program& program) { return image_.callees[instance(program)]; }

    // What runs in the place of a function.
    uint32_t occupied(uint32_t function, const Occupants& occupants) {
        Surround surround;
        surround.function = function;
        const Program& program = *image_.functions[function].program;
        surround.address = program.function_address(image_.functions[function].subprogram);
        // The last attached runs first.
        for (auto each = occupants.rbegin(); each != occupants.rend(); ++each) {
            if (each->leaving) continue;
            if (each->is_extension()) return member(*each);
            surround.arg_count = each->arg_count;
            const Trace trace{.function = main_of(*each->program), .program = each->program.get(), .cookie = each->cookie};
            (each->runs_before() ? surround.entries : surround.exits).push_back(trace);
        }
        if (surround.entries.empty() && surround.exits.empty()) return function;
        return add(std::move(surround));
    }

    uint32_t member(const Attachment& extension) {
        const uint32_t main = main_of(*extension.program);
        if (counting_ == Counting::no) return main;
        Surround surround;
        surround.function = main;
        surround.counters = extension.counters;
        return add(std::move(surround));
    }

    uint32_t add(Surround surround) {
        LinkedFunction by_name = image_.functions[surround.function];
        by_name.surround = static_cast<int32_t>(image_.surrounds.size());
        image_.surrounds.push_back(std::move(surround));
        image_.functions.push_back(by_name);
        return static_cast<uint32_t>(image_.functions.size()) - 1;
    }

    Image& image_;
    const Attachments& attachments_;
    const Counting counting_;
    std::map<const Program*, uint32_t> instances_;
};

}  // namespace

Ref<Image> build_image(const Program& program, const Attachments& attachments, Counting counting) {
    Ref<Image> image = make_ref<Image>();
    image->entry = image->callees[Builder(*image, attachments, counting).instance(program)];
    return image;
}

}  // namespace graft
