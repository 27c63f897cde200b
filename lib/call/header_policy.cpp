#include "call/header_policy.hpp"
#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include "base/text.hpp"

namespace tandem {
namespace {

struct Row {
    Header header;
    Treatment treatment;
};

// Every header with a name in sip/header.hpp; those that are missing here pass.
constexpr Row policy[] = {
    // Each leg is its own dialog with its own path.
    {Header::via, Treatment::own},
    {Header::from, Treatment::own},
    {Header::to, Treatment::own},
    {Header::call_id, Treatment::own},
    {Header::cseq, Treatment::own},
    {Header::contact, Treatment::own},
    {Header::max_forwards, Treatment::own},
    {Header::route, Treatment::own},
    {Header::record_route, Treatment::own},
    {Header::path, Treatment::drop},
    {Header::service_route, Treatment::drop},
    {Header::timestamp, Treatment::drop}, // measures one hop

    // The body travels whole.
    {Header::content_length, Treatment::own},
    {Header::content_type, Treatment::body},
    {Header::content_disposition, Treatment::body},
    {Header::content_encoding, Treatment::body},
    {Header::content_language, Treatment::body},
    {Header::mime_version, Treatment::body},

    // What the other side may use, reduced to what works end to end.
    {Header::allow, Treatment::tokens},
    {Header::supported, Treatment::tokens},
    {Header::require, Treatment::tokens},
    {Header::proxy_require, Treatment::drop}, // it is meant for proxies, and tandem is none
    {Header::rack, Treatment::own},           // numbers of one leg
    {Header::rseq, Treatment::own},
    {Header::session_expires, Treatment::own}, // agreed on each leg (RFC 4028)
    {Header::min_se, Treatment::own},

    // Secrets of one leg.
    {Header::authorization, Treatment::drop},
    {Header::proxy_authorization, Treatment::drop},
    {Header::www_authenticate, Treatment::drop},
    {Header::proxy_authenticate, Treatment::drop},

    // RFC 3325: asserted identities go between trusted peers only; what another one asserts is gone already. A
    // preferred one is a wish to us, and we assert nothing.
    {Header::p_asserted_identity, Treatment::trust},
    {Header::p_preferred_identity, Treatment::drop},

    // They name dialogs of the other leg, whose ids mean nothing here.
    {Header::refer_to, Treatment::drop},
    {Header::referred_by, Treatment::drop},
    {Header::replaces, Treatment::drop},
};

// By Header: it is asked for every line of every message.
constexpr auto treatments = [] {
    std::array<Treatment, static_cast<std::size_t>(Header::www_authenticate) + 1> by_header{}; // pass
    for (const Row &row : policy) by_header[static_cast<std::size_t>(row.header)] = row.treatment;
    return by_header;
}();

// Headers without a name of their own that do not cross.
constexpr std::array<std::string_view, 8> dropped_names = {"Authentication-Info", "Proxy-Authentication-Info",
                                                           "Security-Client",     "Security-Server",
                                                           "Security-Verify",     "Join",
                                                           "Target-Dialog",       "X-Tandem-Loop"};

constexpr std::string_view methods =
    "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, MESSAGE, PRACK, REFER, NOTIFY, SUBSCRIBE, PUBLISH";

bool is_method(std::string_view token) {
    switch (parse_method(token)) {
    case Method::invite:
    case Method::ack:
    case Method::cancel:
    case Method::bye:
    case Method::options:
    case Method::info:
    case Method::update:
    case Method::refer:
    case Method::notify:
    case Method::subscribe:
    case Method::publish:
    case Method::message:
    case Method::prack: return true;
    default: return false;
    }
}

// Option tags that two user agents can use across tandem because all they need passes.
constexpr std::array<std::string_view, 8> options = {"timer",      "histinfo",          "privacy",       "100rel",
                                                     "answermode", "resource-priority", "early-session", "replaces"};

bool is_option(std::string_view token) {
    return std::any_of(options.begin(), options.end(),
                       [&](std::string_view option) { return equals_ignoring_case(option, token); });
}

bool has_line(std::string_view lines, const HeaderLine &line) {
    while (!lines.empty()) {
        const std::string_view name = trim(lines.substr(0, lines.find(':'))); // it may be the short one
        const bool is_same = line.id == Header::other ? equals_ignoring_case(name, line.name)
                                                      : parse_header_name(name) == line.id;
        if (is_same) return true;
        const std::size_t end = lines.find('\n');
        if (end == std::string_view::npos) break;
        lines.remove_prefix(end + 1);
    }
    return false;
}

// Session timers are agreed on each leg. So are reliable provisional responses: whether a message needs them says who
// sends it (RFC 3262 section 3), and a re-INVITE does not offer them.
bool is_passed_option(const HeaderLine &line, std::string_view token, bool is_inside) {
    if (equals_ignoring_case(token, "timer")) return false;
    const bool stays = line.id == Header::require || is_inside;
    return is_option(token) && !(stays && equals_ignoring_case(token, "100rel"));
}

void pass_tokens(const HeaderLine &line, bool is_inside, Writer &to) {
    std::string kept;
    kept.reserve(line.value.size());
    for (std::string_view rest = line.value; !rest.empty();) {
        const std::string_view token = take_token(rest);
        if (token.empty()) continue;
        if (!(line.id == Header::allow ? is_method(token) : is_passed_option(line, token, is_inside))) continue;
        if (!kept.empty()) kept.append(", ");
        kept.append(token);
    }
    if (!kept.empty()) to.header(header_name(line.id), kept);
}

} // namespace

Treatment treatment(const HeaderLine &line) {
    if (line.id == Header::other) {
        const bool is_dropped = std::any_of(dropped_names.begin(), dropped_names.end(), [&](std::string_view name) {
            return equals_ignoring_case(name, line.name);
        });
        return is_dropped ? Treatment::drop : Treatment::pass;
    }
    return treatments[static_cast<std::size_t>(line.id)];
}

void pass_headers(const Message &from, Writer &to, bool is_trusted, std::string_view replaced) {
    const bool is_inside = from.is_request() && !from.to_tag().empty();
    for (const HeaderLine &line : from.headers()) {
        if (!replaced.empty() && has_line(replaced, line)) continue;
        switch (treatment(line)) {
        case Treatment::pass: to.header(line); break;
        case Treatment::tokens: pass_tokens(line, is_inside, to); break;
        case Treatment::trust:
            if (is_trusted) to.header(line);
            break;
        case Treatment::drop:
        case Treatment::own:
        case Treatment::body: break;
        }
    }
}

void pass_body(const Message &from, Writer &to) {
    const std::string_view body = from.body();
    if (!body.empty()) {
        for (const HeaderLine &line : from.headers()) {
            if (treatment(line) == Treatment::body) to.header(line);
        }
    }
    to.body(body);
}

bool is_own_header(std::string_view name) {
    static constexpr std::array owned = {
        Header::via,          Header::from,           Header::to,           Header::call_id,
        Header::cseq,         Header::contact,        Header::max_forwards, Header::route,
        Header::record_route, Header::content_length, Header::content_type, Header::content_encoding,
        Header::content_disposition, Header::session_expires, Header::min_se, Header::require, Header::proxy_require,
        Header::rack, Header::rseq, Header::replaces, Header::referred_by, Header::authorization,
        Header::proxy_authorization};
    return std::find(owned.begin(), owned.end(), parse_header_name(name)) != owned.end() ||
           equals_ignoring_case(name, "X-Tandem-Loop");
}

std::string_view allowed_methods() { return methods; }

std::string unsupported_options(const Message &request) {
    std::string unsupported;
    for (const HeaderLine &line : request.headers()) {
        if (line.id != Header::require) continue;
        for (std::string_view token : split_values(line.value)) {
            if (is_option(token)) continue;
            if (!unsupported.empty()) unsupported.append(", ");
            unsupported.append(token);
        }
    }
    return unsupported;
}

} // namespace tandem
