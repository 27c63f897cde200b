#include "call/sdp_edit.hpp"
#include <array>
#include "base/text.hpp"

namespace tandem {
namespace {

constexpr std::array<std::string_view, 4> names = {"sendrecv", "sendonly", "recvonly", "inactive"}; // by Direction

// Takes the first line off, with its end.
std::string_view take_line(std::string_view &text) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end == std::string_view::npos ? text.size() : end + 1);
    text.remove_prefix(line.size());
    return line;
}

bool is_media(std::string_view line) { return line.substr(0, 2) == "m="; }
bool is_origin(std::string_view line) { return line.substr(0, 2) == "o="; }

std::optional<Direction> direction_in(std::string_view line) {
    if (line.substr(0, 2) != "a=") return std::nullopt;
    const std::string_view name = trim(line.substr(2));
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (names[i] == name) return static_cast<Direction>(i);
    }
    return std::nullopt;
}

// Begins a new line, also after a last one that has no end.
void append_line(std::string &out, std::string_view text) {
    if (!out.empty() && out.back() != '\n') out.append("\r\n");
    out.append(text).append("\r\n");
}

std::string_view take_field(std::string_view &text) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view field = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return field;
}

} // namespace

std::optional<std::vector<Direction>> directions_of(std::string_view sdp) {
    if (sdp.substr(0, 2) != "v=") return std::nullopt;
    std::vector<Direction> directions;
    Direction of_session = Direction::sendrecv;
    while (!sdp.empty()) {
        const std::string_view line = take_line(sdp);
        if (is_media(line)) {
            if (directions.size() == sdp_media_max) return std::nullopt;
            directions.push_back(of_session);
        } else if (const auto direction = direction_in(line)) {
            (directions.empty() ? of_session : directions.back()) = *direction;
        }
    }
    return directions;
}

std::optional<std::string> with_directions(std::string_view sdp, std::span<const Direction> directions) {
    if (!directions_of(sdp)) return std::nullopt;
    std::string out;
    std::size_t media = 0; // begun so far
    const auto end_media = [&] {
        if (media == 0) return;
        const Direction direction = media <= directions.size() ? directions[media - 1] : Direction::sendrecv;
        append_line(out, "a=" + std::string(names[static_cast<std::size_t>(direction)]));
    };
    while (!sdp.empty()) {
        const std::string_view line = take_line(sdp);
        if (direction_in(line)) continue; // each media says its own at its end
        if (is_media(line)) {
            end_media();
            ++media;
        }
        out.append(line);
    }
    end_media();
    return out;
}

std::string Origin::to_string() const { return "o=" + name + " " + std::to_string(version) + " " + address; }

std::optional<Origin> origin_of(std::string_view sdp) {
    while (!sdp.empty()) {
        const std::string_view line = take_line(sdp);
        if (!is_origin(line)) continue;
        std::string_view rest = trim(line.substr(2));
        const std::string_view user = take_field(rest);
        const std::string_view id = take_field(rest);
        const auto version = parse_number(take_field(rest));
        if (user.empty() || id.empty() || !version || rest.empty()) return std::nullopt;
        return Origin{std::string(user) + " " + std::string(id), *version, std::string(rest)};
    }
    return std::nullopt;
}

std::string with_origin(std::string_view sdp, const Origin &origin) {
    std::string out;
    bool is_done = false; // there is but one
    while (!sdp.empty()) {
        const std::string_view line = take_line(sdp);
        if (is_origin(line) && !is_done) {
            append_line(out, origin.to_string());
            is_done = true;
        } else {
            out.append(line);
        }
    }
    return out;
}

bool is_same_but_origin(std::string_view a, std::string_view b) {
    while (!a.empty() && !b.empty()) {
        const std::string_view one = take_line(a);
        const std::string_view two = take_line(b);
        if (one != two && !(is_origin(one) && is_origin(two))) return false;
    }
    return a.empty() && b.empty();
}

} // namespace tandem
