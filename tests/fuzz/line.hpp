// One line of a fuzz program, read from left to right; blanks between its words do not count. What is not there reads
// as zero or nothing, so that every input is a program.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tandem::test {

class Line {
public:
    explicit Line(std::string_view text) : rest_(text) {}

    char letter() {
        skip_blanks();
        if (rest_.empty()) return '\0';
        const char letter = rest_.front();
        rest_.remove_prefix(1);
        return letter;
    }
    bool take(char wanted) {
        skip_blanks();
        if (rest_.empty() || rest_.front() != wanted) return false;
        rest_.remove_prefix(1);
        return true;
    }
    // At most `max`, however many digits there are.
    std::uint32_t number(std::uint32_t max) {
        skip_blanks();
        std::uint64_t number = 0;
        while (!rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9') {
            number = std::min<std::uint64_t>(max, number * 10 + static_cast<std::uint64_t>(rest_.front() - '0'));
            rest_.remove_prefix(1);
        }
        return static_cast<std::uint32_t>(number);
    }
    std::string_view rest() const { return rest_; }

private:
    void skip_blanks() {
        while (!rest_.empty() && rest_.front() == ' ') rest_.remove_prefix(1);
    }
    std::string_view rest_;
};

// Cuts the first line off `text`, without its end.
inline std::string_view take_line(std::string_view &text) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return line;
}

} // namespace tandem::test
