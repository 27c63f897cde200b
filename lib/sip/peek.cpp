#include "sip/peek.hpp"
#include <algorithm>
#include <cstddef>
#include "base/text.hpp"

namespace tandem {
namespace {

constexpr auto npos = std::string_view::npos;

// A header with the lines that it is folded over (RFC 3261 section 7.3.1).
struct Line {
    std::string_view name;
    std::string_view value;
};

std::size_t end_of_line(std::string_view bytes, std::size_t from) {
    const std::size_t end = bytes.find('\n', from);
    return end == npos ? bytes.size() : end + 1;
}

// Takes the next line off the front, folds and all; nothing at the empty line and at the end.
std::string_view take_folded(std::string_view &rest) {
    std::size_t end = end_of_line(rest, 0);
    if (rest.substr(0, end).find_first_not_of("\r\n") == npos) return {};
    while (end < rest.size() && (rest[end] == ' ' || rest[end] == '\t')) end = end_of_line(rest, end);
    const std::string_view whole = rest.substr(0, end);
    rest.remove_prefix(end);
    return whole;
}

bool take_line(std::string_view &rest, Line &line) {
    const std::string_view whole = take_folded(rest);
    if (whole.empty()) return false;
    const std::size_t colon = std::min(whole.find(':'), whole.size());
    line.name = trim(whole.substr(0, colon));
    line.value = trim(whole.substr(std::min(colon + 1, whole.size())));
    return true;
}

// Behind the quoted string that begins at `at`.
std::size_t skip_quoted(std::string_view text, std::size_t at) {
    for (++at; at < text.size(); ++at) {
        if (text[at] == '\\') {
            ++at;
        } else if (text[at] == '"') {
            return at + 1;
        }
    }
    return text.size();
}

// The first of `letters` from `at` on that stands outside quotes, or the end.
std::size_t find_unquoted(std::string_view text, std::string_view letters, std::size_t at = 0) {
    while (at < text.size() && letters.find(text[at]) == npos) at = text[at] == '"' ? skip_quoted(text, at) : at + 1;
    return std::min(at, text.size());
}

// Of ";name=value;...", up to a comma, the value of the last parameter of that name, as sofia-sip takes it.
std::string_view parameter(std::string_view text, std::string_view name) {
    std::string_view value;
    std::size_t at = find_unquoted(text, ";,");
    while (at < text.size() && text[at] == ';') {
        const std::size_t end = find_unquoted(text, ";,", at + 1);
        const std::string_view item = text.substr(at + 1, end - at - 1);
        const std::size_t equals = std::min(item.find('='), item.size());
        if (equals_ignoring_case(trim(item.substr(0, equals)), name)) {
            value = trim(item.substr(std::min(equals + 1, item.size())));
        }
        at = end;
    }
    return value;
}

// Behind the URI of a To, with or without <> around it.
std::string_view address_parameters(std::string_view value) {
    const std::size_t open = find_unquoted(value, "<;");
    if (open == value.size() || value[open] == ';') return value.substr(open);
    return value.substr(std::min(value.find('>', open), value.size()));
}

std::string_view without_parameters(std::string_view value) {
    return trim(value.substr(0, find_unquoted(value, ";,")));
}

// Collects what it is shown; of each header the first one counts.
class Collector {
public:
    explicit Collector(std::string_view start_line);
    void take(const Line &line);
    bool is_done() const;
    const Peek &peek() const { return peek_; }

private:
    Peek peek_;
    bool has_via_ = false;
    bool has_call_id_ = false;
    bool has_to_ = false;
    bool has_replaces_ = false;
};

Collector::Collector(std::string_view start_line) {
    peek_.is_response = equals_ignoring_case(start_line.substr(0, 8), "SIP/2.0 ");
    if (!peek_.is_response) peek_.method = start_line.substr(0, start_line.find_first_of(" \t\r\n"));
}

void Collector::take(const Line &line) {
    const auto is_first = [&](std::string_view name, std::string_view compact, bool &has) {
        if (has || !(equals_ignoring_case(line.name, name) || equals_ignoring_case(line.name, compact))) return false;
        return has = true;
    };
    if (is_first("Via", "v", has_via_)) {
        // Empty values of a list count as none.
        const std::size_t first = std::min(line.value.find_first_not_of(", \t\r\n"), line.value.size());
        peek_.branch = parameter(line.value.substr(first), "branch");
    } else if (is_first("Call-ID", "i", has_call_id_)) {
        peek_.call_id = line.value;
    } else if (is_first("To", "t", has_to_)) {
        peek_.to_tag = parameter(address_parameters(line.value), "tag");
    } else if (is_first("Replaces", "Replaces", has_replaces_)) {
        peek_.replaces_call_id = without_parameters(line.value);
        peek_.replaces_to_tag = parameter(line.value, "to-tag");
    }
}

bool Collector::is_done() const {
    if (peek_.is_response) return has_via_;
    return has_call_id_ && has_to_ && (has_replaces_ || !peek_.to_tag.empty() || peek_.method != "INVITE");
}

} // namespace

Peek peek(std::string_view bytes) {
    // Empty lines in front of a message are tolerated (RFC 3261 section 7.5).
    bytes.remove_prefix(std::min(bytes.find_first_not_of("\r\n"), bytes.size()));
    Collector collector(take_folded(bytes));
    for (Line line; !collector.is_done() && take_line(bytes, line);) collector.take(line);
    return collector.peek();
}

} // namespace tandem
