#include "image/attachments.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

namespace graft {
namespace {

Occupants::iterator find(Occupants& occupants, const Program& program, bool leaving) {
    return std::find_if(occupants.begin(), occupants.end(),
                        [&](const Attachment& each) { return each.program.get() == &program && each.leaving == leaving; });
}

}  // namespace

const Occupants* Attachments::at(const Place& place) const {
    const auto found = occupants_.find(place);
    return found == occupants_.end() ? nullptr : &found->second;
}

bool Attachments::has(const Place& place, const Program& program) const {
    const Occupants* occupants = at(place);
    return occupants != nullptr && std::any_of(occupants->begin(), occupants->end(),
                                               [&](const Attachment& each) { return each.program.get() == &program && !each.leaving; });
}

void Attachments::add(const Place& place, Attachment attachment) {
    const auto index = places_.emplace(attachment.program.get(), place);
    try {
        Occupants& occupants = occupants_[place];
        occupants.push_back(std::move(attachment));
    } catch (const std::bad_alloc&) {
        places_.erase(index);
        if (const auto empty = occupants_.find(place); empty != occupants_.end() && empty->second.empty()) occupants_.erase(empty);
        throw;
    }
}

void Attachments::set_leaving(const Place& place, const Program& program, bool leaving) noexcept {
    find(occupants_.find(place)->second, program, !leaving)->leaving = leaving;
}

Attachment Attachments::remove(const Place& place, const Program& program, bool leaving) noexcept {
    const auto [begin, end] = places_.equal_range(&program);
    places_.erase(std::find_if(begin, end, [&](const auto& entry) { return entry.second == place; }));
    const auto found = occupants_.find(place);
    Occupants& occupants = found->second;
    const auto at = find(occupants, program, leaving);
    Attachment removed = std::move(*at);
    occupants.erase(at);
    if (occupants.empty()) occupants_.erase(found);
    return removed;
}

std::vector<Program*> Attachments::targets() const {
    std::vector<Program*> all;
    for (const auto& [place, occupants] : occupants_) {
        if (all.empty() || all.back() != place.target) all.push_back(place.target);
    }
    return all;
}

std::vector<Program*> Attachments::reached_from(std::vector<Program*> programs) const {
    std::unordered_set<const Program*> known;
    std::erase_if(programs, [&known](const Program* program) { return !known.insert(program).second; });
    for (size_t i = 0; i < programs.size(); ++i) {
        const auto [begin, end] = places_.equal_range(programs[i]);
        for (auto at = begin; at != end; ++at) {
            if (known.insert(at->second.target).second) programs.push_back(at->second.target);
        }
    }
    return programs;
}

}  // namespace graft
