#include "call/black_hole.hpp"
#include "base/text.hpp"
#include "call/sdp_edit.hpp"

namespace tandem {
namespace {

constexpr std::string_view discard_port = "9"; // RFC 863; 0 would refuse the media

std::string beginning(std::uint64_t session) {
    return "v=0\r\no=- " + std::to_string(session) + " 1 IN IP4 0.0.0.0\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n";
}

std::string_view take_field(std::string_view &text) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view field = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return field;
}

bool needs_no_keys(std::string_view protocol) {
    return equals_ignoring_case(protocol, "RTP/AVP") || equals_ignoring_case(protocol, "RTP/AVPF");
}

// "m=audio 4000/2 RTP/AVP 0 8": nothing of the port stays.
bool append_media(std::string_view line, std::string &out) {
    std::string_view rest = trim(line.substr(2));
    const std::string_view media = take_field(rest);
    const std::string_view port = take_field(rest);
    const std::string_view protocol = take_field(rest);
    const bool is_taken = needs_no_keys(protocol) && !port.starts_with("0");
    out.append("m=").append(media).append(" ").append(is_taken ? discard_port : "0").append(" ");
    out.append(protocol).append(" ").append(rest).append("\r\n");
    if (is_taken) out.append("a=inactive\r\n");
    return is_taken;
}

} // namespace

std::string held_offer(std::uint64_t session) {
    return beginning(session) + "m=audio 9 RTP/AVP 0 8 9 96 101\r\na=inactive\r\na=rtpmap:0 PCMU/8000\r\n"
                                "a=rtpmap:8 PCMA/8000\r\na=rtpmap:9 G722/8000\r\na=rtpmap:96 opus/48000/2\r\n"
                                "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n";
}

std::optional<std::string> held_answer(std::string_view offer, std::uint64_t session) {
    if (!directions_of(offer)) return std::nullopt;
    std::string out = beginning(session);
    bool is_taken = false; // the present media
    while (!offer.empty()) {
        const std::size_t end = std::min(offer.find('\n'), offer.size());
        const std::string_view line = trim(offer.substr(0, end));
        offer.remove_prefix(std::min(end + 1, offer.size()));
        if (line.starts_with("m=")) {
            is_taken = append_media(line, out);
        } else if (is_taken && (line.starts_with("a=rtpmap:") || line.starts_with("a=fmtp:"))) {
            out.append(line).append("\r\n");
        }
    }
    return out;
}

} // namespace tandem
