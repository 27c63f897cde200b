#include "sim/journal.hpp"
#include <cstdio>
#include "sim/address.hpp"
#include "sim/text_message.hpp"

namespace tandem::sim {
namespace {

constexpr std::size_t finding_max = 10'000; // a broken engine breaks the rules of every call

std::string who(const Endpoint &at) {
    if (is_engine(at)) return "b2bua";
    return party_name(party_at(at)) + ":" + std::to_string(at.port);
}

double seconds(Instant when) { return static_cast<double>(when.time_since_epoch().count()) / 1e6; }

// The start line and what tells one message from its neighbours.
std::string summary(std::string_view bytes) {
    std::string why;
    const auto message = TextMessage::parse(bytes, why);
    if (!message) return "(" + why + ") " + std::string(bytes.substr(0, bytes.find("\r\n")));
    auto out = std::string(bytes.substr(0, bytes.find("\r\n"))) + " | " + std::string(message->header("CSeq"));
    out += " from " + message->from_tag() + " to " + message->to_tag() + " branch " + message->branch();
    if (!message->body.empty()) out += " body " + message->label() + "/" + std::to_string(message->body.size());
    return out;
}

} // namespace

void Journal::find(Instant when, std::optional<std::size_t> call, std::string text) {
    if (call) note(when, *call, "FINDING: " + text);
    if (findings_.size() < finding_max) findings_.push_back({when, call, std::move(text)});
}

void Journal::datagram(Instant when, const Endpoint &from, const Endpoint &to, std::string_view bytes,
                       std::string_view fate) {
    const auto add = [this](std::string_view text) {
        for (const char c : text) hash_ = (hash_ ^ static_cast<unsigned char>(c)) * 1099511628211U;
    };
    add(bytes);
    add(fate);
    add(std::to_string(when.time_since_epoch().count()));
    ++datagrams_;

    const auto call = call_at(is_engine(from) ? to : from);
    if (!traces(call)) return;
    std::printf("%10.3f call %zu %s -> %s [%.*s] %s\n", seconds(when), call, who(from).c_str(), who(to).c_str(),
                static_cast<int>(fate.size()), fate.data(), summary(bytes).c_str());
    if (trace_.whole) std::printf("%.*s\n", static_cast<int>(bytes.size()), bytes.data());
}

void Journal::note(Instant when, std::size_t call, std::string_view text) {
    if (traces(call))
        std::printf("%10.3f call %zu -- %.*s\n", seconds(when), call, static_cast<int>(text.size()), text.data());
}

} // namespace tandem::sim
