#include "auth/auth_text.hpp"
#include <algorithm>
#include <charconv>
#include "base/text.hpp"

namespace tandem {
namespace {

constexpr bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

constexpr bool ends_value(char c) { return is_blank(c) || c == ',' || c == '"'; }

constexpr bool ends_name(char c) { return ends_value(c) || c == '='; }

constexpr bool is_quoting(char c) { return c == '"' || c == '\\'; }

// Where the first such character stands, or the end. Most texts are a few bytes long: no call for each of them.
template <class Predicate>
constexpr std::size_t find(std::string_view text, Predicate is_sought, std::size_t from = 0) {
    while (from < text.size() && !is_sought(text[from])) ++from;
    return from;
}

struct ParamName {
    std::string_view name;
    AuthParam param;
};

constexpr ParamName param_names[] = {
    {"realm", AuthParam::realm},         {"nonce", AuthParam::nonce},       {"opaque", AuthParam::opaque},
    {"algorithm", AuthParam::algorithm}, {"stale", AuthParam::stale},       {"qop", AuthParam::qop},
    {"userhash", AuthParam::userhash},   {"username", AuthParam::username}, {"uri", AuthParam::uri},
    {"response", AuthParam::response},   {"cnonce", AuthParam::cnonce},     {"nc", AuthParam::nc},
    {"nextnonce", AuthParam::nextnonce},
};

void append_name(std::string_view name, std::string &out) {
    // Behind the scheme's name stands a blank, behind a parameter anything but that.
    if (!out.empty() && out.back() != ' ') out += ", ";
    out += name;
    out += '=';
}

} // namespace

AuthItem AuthReader::next() {
    for (skip_blanks(); !rest_.empty() && rest_.front() == ','; skip_blanks()) rest_.remove_prefix(1);
    if (rest_.empty()) return AuthItem::end;
    const AuthItem item = read_item();
    if (item == AuthItem::malformed) skip_to_comma();
    return item;
}

AuthItem AuthReader::read_item() {
    name_ = rest_.substr(0, find(rest_, ends_name));
    if (!is_token(name_)) return AuthItem::malformed;
    rest_.remove_prefix(name_.size());
    skip_blanks();
    if (rest_.empty() || rest_.front() != '=') return AuthItem::scheme;

    rest_.remove_prefix(1);
    skip_blanks();
    if (!read_value() || value_.size() > auth_text_max) return AuthItem::malformed;
    skip_blanks();
    return rest_.empty() || rest_.front() == ',' ? AuthItem::param : AuthItem::malformed;
}

// Without quotes more is taken than a token: a nonce in base64 and a URI come that way too.
bool AuthReader::read_value() {
    if (!rest_.empty() && rest_.front() == '"') return read_quoted();
    value_ = rest_.substr(0, find(rest_, ends_value));
    rest_.remove_prefix(value_.size());
    return !value_.empty() && !has_control_bytes(value_);
}

bool AuthReader::read_quoted() {
    const std::string_view text = rest_.substr(1);
    std::size_t end = find(text, is_quoting);
    if (end < text.size() && text[end] == '"') {
        value_ = text.substr(0, end);
    } else {
        unescaped_.clear();
        std::size_t begin = 0;
        for (; end < text.size() && text[end] == '\\'; end = find(text, is_quoting, begin + 1)) {
            unescaped_ += text.substr(begin, end - begin);
            begin = end + 1; // the next byte counts as it is, whatever it is
        }
        if (end >= text.size()) return false; // and rest_ stays: no comma behind the quote separates
        unescaped_ += text.substr(begin, end - begin);
        value_ = unescaped_;
    }
    rest_ = text.substr(end + 1);
    // What may be echoed into a header of ours: neither line ends nor NUL, however they are quoted.
    return !has_control_bytes(value_);
}

void AuthReader::skip_blanks() {
    rest_.remove_prefix(find(rest_, [](char c) { return !is_blank(c); }));
}

void AuthReader::skip_to_comma() {
    bool is_quoted = false;
    std::size_t i = 0;
    for (; i < rest_.size() && (is_quoted || rest_[i] != ','); ++i) {
        if (rest_[i] == '"') is_quoted = !is_quoted;
        if (rest_[i] == '\\' && is_quoted) ++i;
    }
    rest_.remove_prefix(std::min(i, rest_.size()));
}

AuthParam auth_param(std::string_view name) {
    const auto *found = std::find_if(std::begin(param_names), std::end(param_names),
                                     [&](const ParamName &entry) { return equals_ignoring_case(entry.name, name); });
    return found == std::end(param_names) ? AuthParam::other : found->param;
}

bool AuthParams::add(AuthParam param) {
    if (param != AuthParam::other && has(param)) return false;
    bits_ |= bit(param);
    return true;
}

std::optional<bool> parse_bool(std::string_view text) {
    if (equals_ignoring_case(text, "true")) return true;
    if (equals_ignoring_case(text, "false")) return false;
    return std::nullopt;
}

NcText nc_text(std::uint32_t nc) {
    NcText text;
    for (std::size_t i = text.size(); i-- > 0; nc >>= 4) text[i] = "0123456789abcdef"[nc & 15];
    return text;
}

std::optional<std::uint32_t> parse_nc(std::string_view text) {
    std::uint32_t nc = 0;
    const char *end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, nc, 16);
    if (text.size() != 8 || error != std::errc() || stop != end) return std::nullopt;
    return nc;
}

void append_quoted_param(std::string_view name, std::string_view value, std::string &out) {
    append_name(name, out);
    out += '"';
    for (const char c : value) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    out += '"';
}

void append_token_param(std::string_view name, std::string_view value, std::string &out) {
    append_name(name, out);
    out += value;
}

} // namespace tandem
