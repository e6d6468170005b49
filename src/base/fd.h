// Fd: owns one file descriptor of this process and closes it.
#pragma once

#include <utility>

namespace graft {

class Fd {
public:
    Fd() = default;
    explicit Fd(int fd) : fd_(fd) {}  // takes over fd; negative: none
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    Fd(const Fd&) = delete;
    Fd& operator=(const Fd&) = delete;
    ~Fd();

    [[nodiscard]] int get() const { return fd_; }
    [[nodiscard]] int release() { return std::exchange(fd_, -1); }
    explicit operator bool() const { return fd_ >= 0; }
    void close();

private:
    int fd_ = -1;
};

}  // namespace graft
