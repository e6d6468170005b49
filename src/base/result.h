// Result<T>: a value, or an errno with the reason for it.
//
// Copyable, allocates nothing: the reason is a string literal (or null).  A system call handler ends as a value >= 0 or -errno; the reason
// is what `graft run --explain` and the C++ API show.  TRY(expr) unwraps a Result or returns its Error from the enclosing function.
#pragma once

#include <cerrno>
#include <type_traits>
#include <utility>
#include <variant>

namespace graft {

struct Error {
    int code = 0;                  // a positive errno
    const char* reason = nullptr;  // a literal: what is wrong, on one line; may be null
};

struct Unit {};

// `return fail(EINVAL, "value_size is 0");`
[[nodiscard]] constexpr Error fail(int code, const char* reason = nullptr) { return Error{code, reason}; }

template <class T>
class [[nodiscard]] Result {
    using Stored = std::conditional_t<std::is_void_v<T>, Unit, T>;

public:
    Result(Error error) : state_(std::in_place_index<1>, error) {}
    template <class U = Stored>
        requires(std::is_constructible_v<Stored, U &&> && !std::is_same_v<std::remove_cvref_t<U>, Error> &&
                 !std::is_same_v<std::remove_cvref_t<U>, Result>)
    Result(U&& value) : state_(std::in_place_index<0>, std::forward<U>(value)) {}
    Result()
        requires(std::is_void_v<T>)
        : state_(std::in_place_index<0>) {}

    [[nodiscard]] bool ok() const { return state_.index() == 0; }
    explicit operator bool() const { return ok(); }
    [[nodiscard]] Error error() const { return ok() ? Error{} : std::get<1>(state_); }
    // 0, or the positive errno.
    [[nodiscard]] int code() const { return error().code; }

    // Requires ok().
    decltype(auto) value() & {
        if constexpr (!std::is_void_v<T>) return static_cast<Stored&>(*std::get_if<0>(&state_));
    }
    decltype(auto) value() const& {
        if constexpr (!std::is_void_v<T>) return static_cast<const Stored&>(*std::get_if<0>(&state_));
    }
    decltype(auto) value() && {
        if constexpr (!std::is_void_v<T>) return static_cast<Stored&&>(*std::get_if<0>(&state_));
    }
    decltype(auto) operator*() & { return value(); }
    decltype(auto) operator*() const& { return value(); }
    auto* operator->()
        requires(!std::is_void_v<T>)
    {
        return std::get_if<0>(&state_);
    }
    const auto* operator->() const
        requires(!std::is_void_v<T>)
    {
        return std::get_if<0>(&state_);
    }

private:
    std::variant<Stored, Error> state_;
};

}  // namespace graft

#define GRAFT_CONCAT_(a, b) a##b
#define GRAFT_CONCAT(a, b) GRAFT_CONCAT_(a, b)
#define GRAFT_TRY_(expr, name)       \
    __extension__({                  \
        auto name = (expr);          \
        if (!name.ok()) [[unlikely]] \
            return name.error();     \
        std::move(name).value();     \
    })
#define TRY(expr) GRAFT_TRY_(expr, GRAFT_CONCAT(try_result_, __COUNTER__))
