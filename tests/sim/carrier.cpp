#include "sim/carrier.hpp"
#include <algorithm>

namespace tandem::sim {
namespace {

constexpr std::string_view lines_of[] = {"Authorization", "Proxy-Authorization"};
constexpr int asks_in_a_row_max = 3; // of one request: one less than a client takes

// name=value or name="value" of credentials that nobody wrote commas into.
std::string field(std::string_view credentials, std::string_view name) {
    const auto at = credentials.find(std::string(name) + "=");
    if (at == credentials.npos) return {};
    auto value = credentials.substr(at + name.size() + 1);
    value = value.substr(0, value.find(','));
    if (value.size() >= 2 && value.front() == '"') value = value.substr(1, value.size() - 2);
    return std::string(value);
}

std::string credentials_of(const TextMessage &request) {
    for (const auto name : lines_of)
        if (const auto value = request.header(name); !value.empty()) return std::string(value);
    return {};
}

std::string key_of(const TextMessage &request) { return request.branch() + request.method; }
std::string invite_of(const TextMessage &request) { return request.call_id() + " " + std::to_string(request.cseq()); }

} // namespace

Carrier::Carrier(std::size_t call, bool is_asking, Journal &journal, std::uint64_t seed)
    : call_(call), journal_(journal), dice_(seed, 'C', call) {
    if (is_asking) account_ = std::make_shared<const Account>(Account{"user", SecretText("secret"), "carrier"});
}

Carrier::Passage Carrier::outgoing(const std::string &bytes, Instant now) {
    std::string why;
    auto message = TextMessage::parse(bytes, why);
    if (!account_ || !message || !message->is_request()) return {.onward = bytes, .back = {}};
    const auto key = key_of(*message);
    if (message->method == "CANCEL") {
        if (challenged_.contains(message->branch() + "INVITE")) find(now, "CANCEL of an INVITE that it has challenged");
        return {.onward = without_challenges(*std::move(message)), .back = {}};
    }
    if (message->method == "ACK") {
        if (challenged_.contains(message->branch() + "INVITE")) return {};
        check_repeated(*message, now);
        return {.onward = without_challenges(*std::move(message)), .back = {}};
    }
    if (challenged_.contains(key)) {
        find(now, message->method + " again, which it has challenged");
        return {};
    }
    if (numbers_.contains(key)) return {.onward = without_challenges(*std::move(message)), .back = {}}; // a copy

    const bool is_known = is_good(*message, now);
    int &in_a_row = in_a_row_[message->call_id() + message->method];
    if (!is_known || (in_a_row < asks_in_a_row_max && dice_.chance(0.15))) {
        ++in_a_row;
        return challenge(*message, is_known, now);
    }
    in_a_row = 0;
    if (message->method == "INVITE") credentials_[invite_of(*message)] = credentials_of(*message);
    return {.onward = without_challenges(*std::move(message)), .back = {}};
}

// A request that goes for the first time.
bool Carrier::is_good(const TextMessage &request, Instant now) {
    const auto given = credentials_of(request);
    if (given.empty()) {
        if (is_known_) find(now, request.method + " without the nonce that is known");
        return false;
    }
    const auto nonce = field(given, "nonce");
    const auto known = counts_.find(nonce);
    if (known == counts_.end()) {
        find(now, request.method + " with a nonce that it never gave");
        return false;
    }
    char count[9];
    std::snprintf(count, sizeof count, "%08x", ++known->second);
    const auto counted = field(given, "nc");
    if (counted != count) find(now, request.method + " counts a nonce " + counted + " and not " + count);
    if (field(given, "uri") != request.uri) find(now, request.method + " with credentials for another URI");
    return true;
}

Carrier::Passage Carrier::challenge(const TextMessage &request, bool is_stale, Instant now) {
    challenged_.insert(key_of(request));
    asked_[{request.call_id(), request.from_tag(), request.to_tag()}].push_back(request.cseq());
    const bool is_proxy = dice_.chance(0.5);
    const auto nonce = dice_.word();
    counts_[nonce] = 0;
    TextMessage response;
    response.status = is_proxy ? 407 : 401;
    response.phrase = "Who are you";
    for (const auto &via : request.list("Via")) response.add("Via", via);
    for (const auto name : {"From", "To", "Call-ID", "CSeq"}) response.add(name, std::string(request.header(name)));
    if (request.to_tag().empty()) response.set("To", std::string(request.header("To")) + ";tag=edge" + dice_.word());
    response.add(is_proxy ? "Proxy-Authenticate" : "WWW-Authenticate", "Digest realm=\"carrier\", nonce=\"" + nonce +
                                                                           "\", algorithm=MD5, qop=\"auth\"" +
                                                                           (is_stale ? ", stale=true" : ""));
    journal_.note(now, call_, "carrier: challenges " + request.method + " " + std::to_string(request.cseq()));
    return {.onward = {}, .back = response.print()};
}

// Of the numbers before it, those do not count that were challenged: of its dialog, and of the INVITE that made it.
std::uint32_t Carrier::passed_number(const TextMessage &request, std::uint32_t number) const {
    std::uint32_t passed = number;
    const auto leave_out = [&](const std::string &to_tag) {
        const auto asked = asked_.find({request.call_id(), request.from_tag(), to_tag});
        if (asked == asked_.end()) return;
        passed -= static_cast<std::uint32_t>(
            std::count_if(asked->second.begin(), asked->second.end(), [&](auto one) { return one < number; }));
    };
    leave_out("");
    if (!request.to_tag().empty()) leave_out(request.to_tag());
    return passed;
}

std::string Carrier::without_challenges(TextMessage request) {
    numbers_[key_of(request)] = request.header("CSeq");
    const auto number = passed_number(request, request.cseq());
    request.set("CSeq", std::to_string(number) + " " + request.method);
    if (const std::string rack(request.header("RAck")); !rack.empty()) { // of the INVITE that made the dialog
        const auto first = rack.find(' ') + 1;
        const auto invite = static_cast<std::uint32_t>(std::stoul(rack.substr(first)));
        request.set("RAck", rack.substr(0, first) + std::to_string(passed_number(request, invite)) + " INVITE");
    }
    for (const auto name : lines_of)
        while (!request.header(name).empty()) request.remove(name);
    return request.print();
}

// The ACK of a 2xx has the credentials of its INVITE (RFC 3261 section 13.2.2.4); that of a refusal need not.
void Carrier::check_repeated(const TextMessage &ack, Instant now) {
    const bool is_of_refusal = numbers_.contains(ack.branch() + "INVITE");
    const auto invite = credentials_.find(invite_of(ack));
    if (invite == credentials_.end()) return find(now, "ACK of an INVITE that it never passed on");
    if (!is_of_refusal && credentials_of(ack) != invite->second) find(now, "ACK without the credentials of its INVITE");
}

std::string Carrier::incoming(const std::string &bytes) const {
    std::string why;
    auto message = account_ ? TextMessage::parse(bytes, why) : std::nullopt;
    if (!message || message->is_request()) return bytes;
    const auto number = numbers_.find(message->branch() + message->cseq_method());
    if (number == numbers_.end()) return bytes;
    message->set("CSeq", number->second);
    return message->print();
}

} // namespace tandem::sim
