#include "call/decision.hpp"
#include <algorithm>
#include <string_view>
#include "base/text.hpp"
#include "call/header_policy.hpp"
#include "call/trunk_auth.hpp"
#include "sip/limits.hpp"
#include "sip/uri.hpp"
#include "sip/writer.hpp"

namespace tandem {
namespace {

constexpr std::size_t text_max = 256; // of a phrase, a name, a value of a variable
constexpr std::size_t target_max = 32;
constexpr std::size_t header_count_max = 32;
constexpr std::size_t header_bytes_max = 8192; // of all of them
constexpr std::size_t profile_max = 32;
constexpr VariableLimits variable_limits;

// Without quotation marks, and without the backslashes that they need (RFC 3261 section 25.1).
std::string plain_display(std::string_view display) {
    if (display.size() < 2 || display.front() != '"' || display.back() != '"') return std::string(display);
    std::string plain;
    for (std::size_t i = 1; i + 1 < display.size(); ++i) {
        if (display[i] == '\\' && i + 2 < display.size()) ++i;
        plain.push_back(display[i]);
    }
    return plain;
}

std::string quoted_display(std::string_view display) {
    if (display.empty()) return {};
    std::string quoted = "\"";
    for (char c : display) {
        if (c == '"' || c == '\\') quoted.push_back('\\');
        quoted.push_back(c);
    }
    return quoted + "\"";
}

AskedParty make_party(std::string_view uri, std::string_view display) {
    AskedParty party{std::string(uri), {}, {}, plain_display(display)};
    if (const auto parsed = Uri::parse(uri)) {
        party.user = parsed->user.substr(0, parsed->user.find(':'));
        party.domain = parsed->host;
    }
    return party;
}

bool is_line(std::string_view text, std::size_t max = text_max) {
    return text.size() <= max && !has_control_bytes(text);
}

bool is_user(const std::optional<std::string> &user) {
    return !user || (!user->empty() && user->size() <= text_max && is_userinfo(*user));
}

bool is_sound_code(const Decision &decision) {
    if (decision.code == 200) return true;
    if (decision.code < 300 || decision.code > 699 || is_challenge_status(decision.code)) return false;
    return decision.code >= 400 || !decision.targets.empty(); // to nowhere nobody is redirected
}

bool are_sound_headers(const Decision &decision) {
    std::size_t bytes = 0;
    for (const auto &[name, value] : decision.headers) {
        bytes += name.size() + value.size();
        if (!is_token(name) || name.size() > 64 || is_own_header(name) || !is_line(value, header_bytes_max))
            return false;
    }
    return decision.headers.size() <= header_count_max && bytes <= header_bytes_max;
}

bool are_sound_variables(const Decision &decision) {
    return decision.variables.size() <= variable_limits.count_max &&
           std::all_of(decision.variables.begin(), decision.variables.end(), [](const DecidedVariable &variable) {
               return !variable.name.empty() && variable.name.size() <= variable_limits.name_max &&
                      is_visible_ascii(variable.name) && is_line(variable.text) && is_utf8(variable.text);
           });
}

bool are_sound_profiles(const Decision &decision) {
    return decision.profiles.size() <= profile_max &&
           std::all_of(decision.profiles.begin(), decision.profiles.end(),
                       [](const DecidedProfile &profile) { return is_line(profile.name) && is_line(profile.value); });
}

// None: the URI is of a kind that has no user.
std::optional<std::string> with_user(std::string_view uri, const std::optional<std::string> &user) {
    if (!user) return std::string(uri);
    auto parsed = Uri::parse(uri);
    if (!parsed) return std::nullopt;
    parsed->user = *user;
    return parsed->to_string();
}

} // namespace

Question make_question(const Message &request, const Endpoint &source) {
    Question question;
    question.method = request.method_name();
    question.call_id = request.call_id();
    question.from = make_party(request.from_uri(), request.from_display());
    question.to = make_party(request.to_uri(), request.to_display());
    question.request = make_party(request.request_uri(), {});
    question.agent = request.value(Header::user_agent);
    question.source_ip = source.ip.to_string();
    return question;
}

bool is_sound(const Decision &decision) {
    const bool are_targets_sound =
        decision.targets.size() <= target_max &&
        std::all_of(decision.targets.begin(), decision.targets.end(),
                    [](const DecidedTarget &target) { return is_line(target.to, uri_size_max); });
    return is_sound_code(decision) && is_line(decision.reason) && are_targets_sound && is_user(decision.to_user) &&
           is_user(decision.from_user) && (!decision.from_display || is_line(*decision.from_display)) &&
           are_sound_headers(decision) && are_sound_variables(decision) && are_sound_profiles(decision) &&
           (!decision.max_duration || decision.max_duration->count() > 0);
}

// What comes after it sees one INVITE, whoever wrote it.
std::optional<Message> rewrite(const Message &invite, const Decision &decision) {
    if (!decision.to_user && !decision.from_user && !decision.from_display) return invite;
    const std::string display =
        decision.from_display ? quoted_display(*decision.from_display) : std::string(invite.from_display());
    const auto target = with_user(invite.request_uri(), decision.to_user);
    const auto from = with_user(invite.from_uri(), decision.from_user);
    if (!target || !from) return std::nullopt;
    // The call goes to the Request-URI: a To of another kind may stay.
    const std::string to = with_user(invite.to_uri(), decision.to_user).value_or(std::string(invite.to_uri()));
    std::string text;
    Writer writer(text);
    writer.request_line("INVITE", *target);
    for (const HeaderLine &line : invite.headers()) {
        if (line.id == Header::from) {
            writer.party("From", display, *from, invite.from_tag());
        } else if (line.id == Header::to) {
            writer.party("To", invite.to_display(), to, {});
        } else if (line.id != Header::content_length) {
            writer.header(line);
        }
    }
    writer.body(invite.body());
    auto written = Message::parse(text);
    if (!written || !written->defect().empty()) return std::nullopt;
    return std::move(*written);
}

} // namespace tandem
