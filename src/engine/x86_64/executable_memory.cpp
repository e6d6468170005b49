#include "engine/x86_64/executable_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <new>

namespace graft::x86_64 {
namespace {

constexpr size_t region_size = size_t{256} << 20;  // address space; pages come when they are written

size_t round_up(size_t number, size_t multiple) { return (number + multiple - 1) / multiple * multiple; }
size_t page_size() {
    static const auto size = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    return size;
}

bool write_all(int fd, std::span<const uint8_t> code, size_t offset) {
    while (!code.empty()) {
        const ssize_t written = pwrite(fd, code.data(), code.size(), static_cast<off_t>(offset));
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        code = code.subspan(static_cast<size_t>(written));
        offset += static_cast<size_t>(written);
    }
    return true;
}

}  // namespace

ExecutableMemory::~ExecutableMemory() {
    for (const Region& region : regions_) munmap(const_cast<std::byte*>(region.start), region.size);
}

Result<void> ExecutableMemory::add_region(size_t size) {
    Region region;
    region.owner = getpid();
    region.memfd = Fd(memfd_create("bpf-code", MFD_CLOEXEC));
    if (!region.memfd) return fail(ENOMEM, "no memfd for executable code");
    regions_.reserve(regions_.size() + 1);
    // Where address space is limited, what is needed must do.
    for (region.size = std::max(size, region_size);; region.size = size) {
        void* start = MAP_FAILED;
        if (ftruncate(region.memfd.get(), static_cast<off_t>(region.size)) == 0) {
            start = mmap(nullptr, region.size, PROT_READ | PROT_EXEC, MAP_SHARED, region.memfd.get(), 0);
        }
        if (start != MAP_FAILED) {
            region.start = static_cast<const std::byte*>(start);
            break;
        }
        if (region.size == size) return fail(ENOMEM, "no address space for executable code");
    }
    regions_.push_back(std::move(region));
    release(regions_.back(), 0, regions_.back().size);
    return {};
}

// First fit.
Result<ExecutableMemory::Place> ExecutableMemory::reserve(size_t size) {
    for (size_t i = 0; i < regions_.size(); ++i) {
        if (regions_[i].owner != getpid()) continue;
        std::map<size_t, size_t>& free = regions_[i].free;
        const auto fitting = std::ranges::find_if(free, [size](const auto& range) { return range.second >= size; });
        if (fitting == free.end()) continue;
        auto range = free.extract(fitting);
        const size_t offset = range.key();
        range.key() += size;
        range.mapped() -= size;
        if (range.mapped() != 0) free.insert(std::move(range));
        return Place{i, offset};
    }
    TRY(add_region(round_up(size, page_size())));
    return reserve(size);
}

Result<ExecutableMemory::Block> ExecutableMemory::store(std::span<const uint8_t> code) {
    const std::lock_guard guard(lock_);
    const size_t size = round_up(std::max<size_t>(code.size(), 1), alignment);
    const Place place = TRY(reserve(size));
    Region& region = regions_[place.region];
    if (!write_all(region.memfd.get(), code, place.offset)) {
        release(region, place.offset, size);
        return fail(ENOMEM, "no memory for executable code");
    }
    const std::byte* const start = region.start + place.offset;
    // So that no packet takes the page faults.  Where the host cannot, one does.
    const size_t skipped = place.offset % page_size();
    (void)madvise(const_cast<std::byte*>(start) - skipped, skipped + size, MADV_POPULATE_READ);
    return Block(shared_from_this(), {start, size});
}

void ExecutableMemory::give_back(std::span<const std::byte> code) noexcept {
    const std::lock_guard guard(lock_);
    for (Region& region : regions_) {
        if (code.data() < region.start || code.data() >= region.start + region.size) continue;
        if (region.owner == getpid()) release(region, static_cast<size_t>(code.data() - region.start), code.size());
    }
}

void ExecutableMemory::release(Region& region, size_t offset, size_t size) noexcept try {
    size_t first = offset, end = offset + size;
    const auto behind = region.free.upper_bound(offset);
    const auto before = behind == region.free.begin() ? region.free.end() : std::prev(behind);
    const bool joins_before = before != region.free.end() && before->first + before->second == offset;
    if (behind != region.free.end() && behind->first == end) {
        end += behind->second;
        auto range = region.free.extract(behind);
        if (joins_before) {
            first = before->first;
            before->second = end - first;
        } else {
            range.key() = offset;
            range.mapped() = end - offset;
            region.free.insert(std::move(range));
        }
    } else if (joins_before) {
        first = before->first;
        before->second = end - first;
    } else {
        region.free.emplace(offset, size);
    }
    // The pages that this has made free, whole ones only.
    const size_t page = page_size();
    const size_t from = std::max(round_up(first, page), offset / page * page),
                 to = std::min(end / page * page, round_up(offset + size, page));
    if (from < to) {
        (void)fallocate(region.memfd.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(from),
                        static_cast<off_t>(to - from));
    }
} catch (const std::bad_alloc&) {
    // No memory to remember that it is free: it stays unused.
}

size_t ExecutableMemory::resident() const {
    const std::lock_guard guard(lock_);
    size_t bytes = 0;
    for (const Region& region : regions_) {
        struct stat file{};
        if (fstat(region.memfd.get(), &file) == 0) bytes += static_cast<size_t>(file.st_blocks) * 512;
    }
    return bytes;
}

}  // namespace graft::x86_64
