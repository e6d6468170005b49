#include "engine/x86_64/executable_memory.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <string>
#include <vector>

namespace graft::x86_64 {
namespace {

// mov eax, number; ret
std::vector<uint8_t> returning(uint32_t number, size_t size = 6) {
    std::vector<uint8_t> code(size, 0xcc);
    code[0] = 0xb8;
    std::memcpy(&code[1], &number, sizeof number);
    code[5] = 0xc3;
    return code;
}
#ifdef __clang__
__attribute__((no_sanitize("function")))  // machine code has no signature in front of it
#endif
uint32_t
call(const ExecutableMemory::Block& block) {
    return reinterpret_cast<uint32_t (*)()>(const_cast<std::byte*>(block.code().data()))();
}
size_t page(const ExecutableMemory::Block& block) { return reinterpret_cast<size_t>(block.code().data()) / 4096; }

struct Executable : testing::Test {
    std::shared_ptr<ExecutableMemory> memory = std::make_shared<ExecutableMemory>();
    ExecutableMemory::Block store(uint32_t number, size_t size = 6) {
        auto block = memory->store(returning(number, size));
        EXPECT_TRUE(block.ok());
        return std::move(block).value();
    }
};

TEST_F(Executable, SmallBlocksShareAPageAndRun) {
    std::vector<ExecutableMemory::Block> blocks;
    for (uint32_t i = 0; i < 1000; ++i) blocks.push_back(store(i));
    for (uint32_t i = 0; i < 1000; ++i) EXPECT_EQ(call(blocks[i]), i);
    EXPECT_EQ(page(blocks[0]), page(blocks[1]));
    EXPECT_LE(memory->resident(), 1000 * ExecutableMemory::alignment + 2 * 4096);
}

TEST_F(Executable, WhatIsGivenBackIsUsedAgainAndItsPagesGo) {
    const ExecutableMemory::Block stays = store(1);
    std::vector<ExecutableMemory::Block> blocks;
    for (uint32_t i = 0; i < 20; ++i) blocks.push_back(store(i, 100'000));
    const size_t full = memory->resident();
    EXPECT_GE(full, 20 * 100'000U);
    for (size_t i = 0; i < blocks.size(); i += 2) blocks[i] = {};
    EXPECT_LT(memory->resident(), full - 9 * 100'000);
    for (size_t i = 1; i < blocks.size(); i += 2) EXPECT_EQ(call(blocks[i]), i);
    blocks.clear();
    EXPECT_LE(memory->resident(), 4096U);
    EXPECT_EQ(page(store(3)), page(stays));
    EXPECT_EQ(call(stays), 1U);
}

TEST_F(Executable, ABlockKeepsItsMemory) {
    const ExecutableMemory::Block block = store(7);
    memory.reset();
    EXPECT_EQ(call(block), 7U);
}

TEST_F(Executable, NoMappingIsWritableAndExecutable) {
    const ExecutableMemory::Block block = store(7);
    std::ifstream maps("/proc/self/maps");
    size_t found = 0;
    for (std::string line; std::getline(maps, line);) {
        if (line.find("bpf-code") == std::string::npos) continue;
        ++found;
        EXPECT_NE(line.find(" r-xs "), std::string::npos) << line;
    }
    EXPECT_GE(found, 1U);
}

TEST_F(Executable, WithoutAddressSpaceItIsENOMEMAndTheRestRuns) {
    const ExecutableMemory::Block block = store(7);
    constexpr size_t more_than_a_region = size_t{300} << 20;
    void* const zeroes = mmap(nullptr, more_than_a_region, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    ASSERT_NE(zeroes, MAP_FAILED);
    const pid_t child = fork();
    if (child == 0) {
        const ExecutableMemory::Block own = store(8);
        const rlimit none{0, 0};
        setrlimit(RLIMIT_AS, &none);  // from now on nothing is mapped
        const bool refused = memory->store({static_cast<const uint8_t*>(zeroes), more_than_a_region}).code() == ENOMEM;
        const bool small_fits = call(store(9)) == 9;
        _exit(refused && small_fits && call(block) == 7 && call(own) == 8 ? 0 : 1);
    }
    munmap(zeroes, more_than_a_region);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
}

// The child's code must not come into the parent's pages, nor may it take them away.
TEST_F(Executable, AForkedChildLeavesItsParentsCodeAlone) {
    ExecutableMemory::Block block = store(7);
    const pid_t child = fork();
    if (child == 0) {
        const ExecutableMemory::Block own = store(8);
        const bool right = call(own) == 8 && call(block) == 7;
        block = {};
        _exit(right ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    EXPECT_EQ(call(block), 7U);
    EXPECT_EQ(call(store(9)), 9U);
}

}  // namespace
}  // namespace graft::x86_64
