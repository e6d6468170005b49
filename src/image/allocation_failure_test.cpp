// A relink in which some allocation fails changes nothing.  The operators new of this executable fail where a test asks for it.

#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

#include "engine/each_engine_test_support.h"
#include "image/target_registry.h"
#include "link/transaction.h"
#include "program/test_program.h"

namespace {

thread_local int allocations_left = -1;  // of this thread, before one fails; -1: none does

void* try_to_allocate(std::size_t size) noexcept {
    if (allocations_left == 0) return nullptr;
    if (allocations_left > 0) --allocations_left;
    return std::malloc(size != 0 ? size : 1);
}
void* allocate(std::size_t size) {
    void* const memory = try_to_allocate(size);
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
}

}  // namespace

void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return try_to_allocate(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return try_to_allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace graft {
namespace {

using namespace test;

ProgramFacts facts_of(uint32_t type, uint32_t attach_type = 0) {
    ProgramFacts facts;
    facts.type = type;
    facts.expected_attach_type = attach_type;
    return facts;
}

struct AllocationFailure : EachEngine {
    TargetRegistry targets{engine(), run_state()};
    Ref<Program> target = load({{mov(1, 0), call(1), exit()}, {mov(0, 1), exit()}}, {});
    Ref<Program> second = load({{mov(1, 0), call(1), exit()}, {mov(0, 2), exit()}}, {});
    Ref<Program> old = load({{mov(0, 20), exit()}}, facts_of(BPF_PROG_TYPE_EXT));
    Ref<Program> fresh = load({{mov(0, 21), exit()}}, facts_of(BPF_PROG_TYPE_EXT));
    Ref<Program> trace = load({{mov(0, 0), exit()}}, facts_of(BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY));

    Ref<Program> load(const std::vector<Insns>& functions, ProgramFacts facts) {
        Ref<Program> program = make_program(functions, std::move(facts), engine());
        EXPECT_TRUE(targets.link(*program).ok());
        return program;
    }

    // Makes the change with the first, the second ... allocation failing until none does, and returns how many there are.
    template <class Change>
    int fail_each_allocation(const Change& change) {
        for (int allocation = 0;; ++allocation) {
            const Image* const before[] = {rcu::load(target->image), rcu::load(second->image)};
            const uint64_t generation = run_state().generation.load();
            const uint32_t references[] = {old->ref_count(), fresh->ref_count(), trace->ref_count(), target->ref_count()};
            const size_t members = targets.members(*target).size();
            allocations_left = allocation;
            const Result<void> result = change();
            allocations_left = -1;
            if (result.ok()) return allocation;
            EXPECT_EQ(result.code(), ENOMEM);
            EXPECT_EQ(rcu::load(target->image), before[0]);
            EXPECT_EQ(rcu::load(second->image), before[1]);
            EXPECT_EQ(run_state().generation.load(), generation);
            EXPECT_EQ(targets.members(*target).size(), members);
            const uint32_t now[] = {old->ref_count(), fresh->ref_count(), trace->ref_count(), target->ref_count()};
            for (size_t i = 0; i < std::size(now); ++i) EXPECT_EQ(now[i], references[i]) << i;
            if (HasFailure()) return allocation;
        }
    }
};

TEST_P(AllocationFailure, OfAnAttachAReplaceAndADetach) {
    const Place place{target.get(), 1};
    EXPECT_GT(fail_each_allocation([&] { return targets.attach(place, {old}); }), 3);
    EXPECT_EQ(run(*target), 20U);
    EXPECT_GT(fail_each_allocation([&] { return targets.attach({old.get(), 0}, {trace, 0, 0}); }), 3);
    EXPECT_GT(fail_each_allocation([&] { return targets.start_counting(); }), 3);
    const auto replace = [&] {
        const PlaceChange step{place, {fresh}, old.get()};
        return targets.change({&step, 1});
    };
    EXPECT_GT(fail_each_allocation(replace), 3);
    EXPECT_EQ(run(*target), 21U);
    const auto detach = [&] {
        const PlaceChange step{place, {}, fresh.get()};
        return targets.change({&step, 1});
    };
    EXPECT_GT(fail_each_allocation(detach), 3);
    EXPECT_EQ(run(*target), 1U);
    targets.stop_counting();
    targets.detach({old.get(), 0}, *trace);
}

TEST_P(AllocationFailure, OfAChangeOfSeveralTargets) {
    const Place first{target.get(), 1}, other{second.get(), 1};
    const auto both = [&] {
        const PlaceChange steps[] = {{first, {old}}, {other, {old}}};
        return targets.change(steps);
    };
    EXPECT_GT(fail_each_allocation(both), 6);
    EXPECT_EQ(run(*target), 20U);
    EXPECT_EQ(run(*second), 20U);
    targets.detach(first, *old);
    targets.detach(other, *old);
}

GRAFT_ON_EACH_ENGINE(AllocationFailure);

}  // namespace
}  // namespace graft
