// What somebody outside is asked about an INVITE or a REGISTER before it goes on, and what he has decided. Whoever runs
// the engine takes the questions and asks him: calls wait meanwhile, with 100 sent, and nobody is called.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>
#include "base/endpoint.hpp"
#include "base/id.hpp"
#include "base/instant.hpp"
#include "dialog/variable_set.hpp"
#include "sip/message.hpp"

namespace tandem {

using QuestionId = Id<struct QuestionTag>;

// An address as the request has it: the user with its escapes, the display name without quotation marks.
struct AskedParty {
    std::string uri;
    std::string user;
    std::string domain;
    std::string display;
};

struct Question {
    QuestionId id;
    std::string method;
    std::string call_id;
    AskedParty from;
    AskedParty to;      // as the caller writes it
    AskedParty request; // the Request-URI: where it goes. No display name
    std::string agent;  // User-Agent
    std::string source_ip;
};

Question make_question(const Message &request, const Endpoint &source);

// A target like one in `to` of a [[route]]: the name of a trunk, a SIP URI, or "registered".
struct DecidedTarget {
    std::string to;
    bool is_parallel = false; // rings together with the one before it
};

struct DecidedVariable {
    std::string name;
    VariableType type = VariableType::text; // or integer, boolean
    std::string text{};
    std::int64_t integer = 0;
};

struct DecidedProfile {
    std::string name;
    std::string value;
    std::optional<std::uint32_t> limit; // for this call; none: that of the profile. 0: counted only
};

struct Decision {
    std::uint16_t code = 200;           // it goes on; 3xx: is redirected to the targets; from 300: is refused so
    std::string reason;                 // phrase of a refusal; empty: the default one
    std::vector<DecidedTarget> targets; // empty: those of its route
    std::optional<std::string> to_user; // of Request-URI and To, escaped
    std::optional<std::string> from_user;
    std::optional<std::string> from_display;                  // as it is to be read: no quotation marks
    std::vector<std::pair<std::string, std::string>> headers; // in place of others with the same name
    std::vector<DecidedVariable> variables;
    std::vector<DecidedProfile> profiles;
    std::optional<Duration> max_duration; // from the answer
};

// Whether each part of it may stand where it will: no line breaks in headers, no headers that tandem writes itself,
// users and names as the grammar has them, codes that a refusal can have, nothing beyond its bound.
bool is_sound(const Decision &decision);

// The INVITE as it would be from and for whom the decision says; none: it would be none.
std::optional<Message> rewrite(const Message &invite, const Decision &decision);

// What becomes of a request that nobody has decided about, or not rightly.
enum class Undecided : std::uint8_t {
    refuse, // 503
    allow,  // it goes by its route
};

// What has become of a decision.
enum class DecisionOutcome : std::uint8_t {
    allowed,
    refused,
    wrong, // what it says can not be done: Undecided holds
    gone,  // nobody waits for it any more
};

} // namespace tandem
