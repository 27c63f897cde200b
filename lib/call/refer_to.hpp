// Where a REFER points (RFC 3515), and which dialog a Replaces names (RFC 3891): from the wire, trusted in nothing.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include "base/result.hpp"
#include "sip/message.hpp"

namespace tandem {

// The tags as the side sees them that the INVITE with it goes to: `to_tag` is its own.
struct Replaces {
    std::string call_id;
    std::string to_tag;
    std::string from_tag;
    bool is_early_only = false;

    std::string to_string() const; // value of the header
};

std::optional<Replaces> parse_replaces(std::string_view value);

struct ReferTo {
    std::string uri; // sip, sips or tel, without its headers part
    std::optional<Replaces> replaces;
};

// Fails with
//   invalid    there is none, or more than one, or it can not be read: 400;
//   wrong_type another scheme than sip, sips and tel, or another method than INVITE: 416.
// Of the headers part only Replaces counts: nobody writes headers for us.
Result<ReferTo> read_refer_to(const Message &refer);
Result<ReferTo> parse_refer_to(std::string_view values);

// A value of Refer-To.
std::string write_refer_to(const ReferTo &refer_to);

} // namespace tandem
