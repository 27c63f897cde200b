#include "call/dtmf.hpp"
#include "base/text.hpp"

namespace tandem {
namespace {

constexpr std::int64_t duration_max_ms = 60'000;

// Some phones write the name of the key's event (RFC 4733 section 3.2) in place of the key.
std::optional<char> read_key(std::string_view text) {
    text = trim(text);
    if (text.size() == 1) {
        const char key = text[0] >= 'a' && text[0] <= 'd' ? static_cast<char>(text[0] - 'a' + 'A') : text[0];
        if (std::string_view("0123456789*#ABCD!").find(key) != std::string_view::npos) return key;
        return std::nullopt;
    }
    const auto event = parse_number(text);
    if (event && *event >= 10 && *event <= 16 && text.size() == 2) return "*#ABCD!"[*event - 10];
    if (equals_ignoring_case(text, "flash")) return '!';
    return std::nullopt;
}

std::optional<Dtmf> read_relay(std::string_view body) {
    Dtmf dtmf;
    while (!body.empty()) {
        const std::size_t end = std::min(body.find('\n'), body.size());
        const std::string_view line = body.substr(0, end);
        body.remove_prefix(std::min(end + 1, body.size()));
        const std::size_t equals = line.find('=');
        if (equals == std::string_view::npos) continue;
        const std::string_view name = trim(line.substr(0, equals));
        const std::string_view value = line.substr(equals + 1);
        if (equals_ignoring_case(name, "signal")) {
            const auto key = read_key(value);
            if (!key) return std::nullopt;
            dtmf.digit = *key;
        } else if (equals_ignoring_case(name, "duration")) {
            const auto ms = parse_number(trim(value));
            if (ms && *ms <= duration_max_ms) dtmf.duration = std::chrono::milliseconds(*ms);
        }
    }
    return dtmf.digit != 0 ? std::optional(dtmf) : std::nullopt;
}

} // namespace

std::optional<Dtmf> read_dtmf(const Message &info) {
    const std::string_view type = info.content_type();
    const std::string_view name = trim(type.substr(0, type.find(';')));
    if (equals_ignoring_case(name, "application/dtmf-relay")) return read_relay(info.body());
    if (!equals_ignoring_case(name, "application/dtmf")) return std::nullopt;
    const auto key = read_key(info.body());
    return key ? std::optional(Dtmf{*key, {}}) : std::nullopt;
}

} // namespace tandem
