// The parts of a message that are spelled as nearly all senders spell them: what reads them declines all else, and is
// far quicker than a whole parser. Every set and rule is stricter than RFC 3261 section 25.1. Private to this folder.
#pragma once
#include <array>
#include <cstdint>
#include <string_view>

namespace tandem {

// What a text may consist of; a byte may be in several.
enum class CharSet : std::uint8_t {
    digits = 1,
    host = 2,
    word = 4,   // tags, Call-IDs, parameters
    quoted = 8, // between quotation marks
    phrase = 16,
};

// Whether `byte` is in `set`.
bool is_in(CharSet set, char byte);

class Cursor {
public:
    explicit Cursor(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

    bool is_done() const { return at_ == end_; }
    const char *at() const { return at_; }

    bool take(char c) {
        if (at_ == end_ || *at_ != c) return false;
        ++at_;
        return true;
    }
    bool take(std::string_view text) {
        if (!std::string_view(at_, end_).starts_with(text)) return false;
        at_ += text.size();
        return true;
    }
    std::string_view take_all(CharSet set) { // may be empty
        const char *start = at_;
        while (at_ != end_ && is_in(set, *at_)) ++at_;
        return {start, at_};
    }

private:
    const char *at_;
    const char *end_;
};

struct PlainUri {
    std::string_view text;   // the whole
    std::string_view user;   // without a password; empty: none
    std::string_view host;   // no IPv6 address
    std::string_view params; // with the first semicolon
    std::uint16_t port = 0;  // 0: none
};

// Each takes what it names, or says false and leaves the cursor anywhere.
bool take_number(Cursor &cursor, std::size_t size_max, std::uint64_t number_max, std::uint64_t &number);
bool take_port(Cursor &cursor, std::uint16_t &port);
bool take_uri(Cursor &cursor, PlainUri &uri); // sip:user@host:port;params

// ";name" and ";name=value", as long as there are any; false also if on_param() is. A value may be in quotation marks.
template <class OnParam>
bool take_params(Cursor &cursor, OnParam on_param) {
    while (cursor.take(';')) {
        const std::string_view name = cursor.take_all(CharSet::word);
        std::string_view value;
        if (name.empty()) return false;
        if (cursor.take('=')) {
            const char *start = cursor.at();
            if (cursor.take('"')) {
                cursor.take_all(CharSet::quoted);
                if (!cursor.take('"')) return false;
            } else if (cursor.take_all(CharSet::word).empty()) {
                return false;
            }
            value = {start, cursor.at()};
        }
        if (!on_param(name, value)) return false;
    }
    return true;
}

// By byte, a bit for each CharSet.
extern const std::array<std::uint8_t, 256> char_sets;

inline bool is_in(CharSet set, char byte) {
    return (char_sets[static_cast<unsigned char>(byte)] & static_cast<std::uint8_t>(set)) != 0;
}

} // namespace tandem
