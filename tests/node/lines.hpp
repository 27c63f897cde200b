// A log whose lines a test can look at.
#pragma once
#include <cstddef>
#include <mutex>
#include <ostream>
#include <streambuf>
#include <string>
#include <string_view>
#include "node/log.hpp"

namespace tandem::test {

// What one thread may write while another looks at it.
class LockedText : private std::streambuf, public std::ostream {
public:
    LockedText() : std::ostream(this) {}
    std::string str() const {
        const std::lock_guard lock(mutex_);
        return text_;
    }

private:
    std::streamsize xsputn(const char *text, std::streamsize size) override {
        const std::lock_guard lock(mutex_);
        text_.append(text, static_cast<std::size_t>(size));
        return size;
    }
    int overflow(int c) override {
        const std::lock_guard lock(mutex_);
        text_.push_back(static_cast<char>(c));
        return c;
    }

    mutable std::mutex mutex_;
    std::string text_; // by mutex_
};

struct Lines {
    LockedText text;
    Log log{{LogLevel::debug, LogFormat::text}, text};

    std::size_t count(std::string_view part) const {
        std::size_t found = 0;
        const std::string all = text.str();
        for (std::size_t at = all.find(part); at != std::string::npos; at = all.find(part, at + 1)) ++found;
        return found;
    }
    bool has(std::string_view part) const { return text.str().find(part) != std::string::npos; }
};

} // namespace tandem::test
