// The grammar that challenges and credentials share (RFC 3261 section 25.1): a scheme and its parameters. Private to
// this folder.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tandem {

constexpr std::size_t auth_value_max = 8192; // bytes of one header value
constexpr std::size_t auth_text_max = 2048;  // bytes of one parameter's value: a Request-URI may be as long

enum class AuthItem : std::uint8_t { end, scheme, param, malformed };

// Reads a header value piece by piece. After a malformed piece it goes on behind the next comma outside quotes.
class AuthReader {
public:
    explicit AuthReader(std::string_view value) : rest_(value) {}
    AuthItem next();

    // Of the piece that next() found; they hold until it finds another.
    std::string_view name() const { return name_; }   // of the scheme or parameter
    std::string_view value() const { return value_; } // without quotes and escapes; no control characters

private:
    AuthItem read_item();
    bool read_value();
    bool read_quoted();
    void skip_blanks();
    void skip_to_comma();

    std::string_view rest_;
    std::string_view name_;
    std::string_view value_;
    std::string unescaped_; // value_, where there are escapes
};

enum class AuthParam : std::uint8_t {
    realm,
    nonce,
    opaque,
    algorithm,
    stale,
    qop,
    userhash,
    username,
    uri,
    response,
    cnonce,
    nc,
    nextnonce,
    other
};

AuthParam auth_param(std::string_view name);

// Which parameters stand there. Of one that stands there twice nobody knows which counts.
class AuthParams {
public:
    // False if it was there already; those that we do not know may repeat.
    bool add(AuthParam param);
    bool has(AuthParam param) const { return (bits_ & bit(param)) != 0; }

private:
    static constexpr std::uint32_t bit(AuthParam param) { return std::uint32_t{1} << static_cast<unsigned>(param); }
    std::uint32_t bits_ = 0;
};

std::optional<bool> parse_bool(std::string_view text); // true and false, in any case of letters

using NcText = std::array<char, 8>;
NcText nc_text(std::uint32_t nc);                             // eight hex digits
std::optional<std::uint32_t> parse_nc(std::string_view text); // nothing but them

// name="value", escaped as far as needed, behind a comma if something stands before it.
void append_quoted_param(std::string_view name, std::string_view value, std::string &out);
void append_token_param(std::string_view name, std::string_view value, std::string &out); // without quotes

} // namespace tandem
