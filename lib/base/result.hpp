// A value, or why there is none. The caller looks before it takes: value() on an error is a bug and asserts.
#pragma once
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>
#include "base/assert.hpp"
#include "base/error.hpp"

namespace tandem {

template <class T, class E = Error>
class [[nodiscard]] Result {
public:
    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    Result(E error) : state_(std::in_place_index<1>, std::move(error)) {}

    bool ok() const { return state_.index() == 0; }
    explicit operator bool() const { return ok(); }

    T &value() & { return take(); }
    const T &value() const & { return const_cast<Result *>(this)->take(); }
    T &&value() && { return std::move(take()); }
    T &operator*() & { return take(); }
    const T &operator*() const & { return value(); }
    T &&operator*() && { return std::move(take()); }
    T *operator->() { return &take(); }
    const T *operator->() const { return &value(); }

    const E &error() const {
        TANDEM_ASSERT(!ok(), "error() is asked of a success");
        return *std::get_if<1>(&state_);
    }

private:
    T &take() {
        TANDEM_ASSERT(ok(), "value() is asked of an error");
        return *std::get_if<0>(&state_);
    }

    std::variant<T, E> state_;
};

template <class E>
class [[nodiscard]] Result<void, E> {
public:
    Result() = default;
    Result(E error) : error_(std::move(error)) {}

    bool ok() const { return !error_; }
    explicit operator bool() const { return ok(); }

    const E &error() const {
        TANDEM_ASSERT(!ok(), "error() is asked of a success");
        return *error_;
    }

private:
    std::optional<E> error_;
};

// The most frequent one fits a register. An optional is written in two parts and returned as a whole, and a processor
// that reads what it has just written in parts waits for it.
template <>
class [[nodiscard]] Result<void, Error> {
public:
    Result() = default;
    Result(Error error) : error_(error) {}

    bool ok() const { return error_ == none; }
    explicit operator bool() const { return ok(); }

    const Error &error() const {
        TANDEM_ASSERT(!ok(), "error() is asked of a success");
        return error_;
    }

private:
    static constexpr Error none{}; // no enumerator is 0
    Error error_ = none;
};

} // namespace tandem
