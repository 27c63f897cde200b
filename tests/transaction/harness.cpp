#include "transaction/harness.hpp"
#include <algorithm>
#include <doctest/doctest.h>

namespace tandem::test {
namespace {

std::string headers(std::string_view method, const Text &text) {
    std::string out = "Via: SIP/2.0/UDP " + text.sent_by;
    if (!text.branch.empty()) out += ";branch=" + text.branch;
    out += text.via_params + "\r\nFrom: Alice <sip:alice@example.com>";
    if (!text.from_tag.empty()) out += ";tag=" + text.from_tag;
    out += "\r\nTo: Bob <sip:bob@example.com>";
    if (!text.to_tag.empty()) out += ";tag=" + text.to_tag;
    out +=
        "\r\nCall-ID: " + text.call_id + "\r\nCSeq: " + std::to_string(text.cseq) + " " + std::string(method) + "\r\n";
    return out + text.extra + "Content-Length: 0\r\n\r\n";
}

} // namespace

std::string request(std::string_view method, const Text &text) {
    std::string out = std::string(method) + " " + text.uri + " SIP/2.0\r\nMax-Forwards: 70\r\n";
    return out + headers(method, text);
}

std::string response(std::uint16_t status, std::string_view method, const Text &text) {
    return "SIP/2.0 " + std::to_string(status) + " Whatever\r\n" + headers(method, text);
}

Endpoint udp(std::string_view address, std::uint16_t port) {
    return {.ip = *IpAddress::parse(address), .port = port, .transport = Transport::udp};
}

Endpoint tcp() { return {.ip = *IpAddress::parse("192.0.2.1"), .port = 5060, .transport = Transport::tcp}; }

bool Sent::has(std::string_view line) const {
    return bytes.find("\r\n" + std::string(line) + "\r\n") != std::string::npos;
}

Harness::Harness(Endpoint peer_, TransactionOptions options)
    : random(20260102), table(options, random, at_ms(0)), peer(peer_) {}

void Harness::receive(const std::string &bytes) { receive(bytes, peer); }

void Harness::receive(const std::string &bytes, const Endpoint &source) {
    auto message = Message::parse(bytes);
    REQUIRE(message.ok());
    table.receive(*message, source, at_ms(now_ms));
    collect();
}

TransactionId Harness::send(std::string_view method, Text text, std::uint64_t owner) {
    branch.clear();
    table.append_branch(branch);
    text.branch = branch;
    const std::string bytes = request(method, text);
    const auto id = table.send_request(
        {.method = parse_method(method), .branch = branch, .bytes = SharedBytes(bytes), .to = peer, .owner = owner},
        at_ms(now_ms));
    REQUIRE(id.ok());
    collect();
    return *id;
}

Result<void> Harness::respond(TransactionId server, std::uint16_t status, Text text) {
    const Message *request = table.request(server);
    const std::string method = request ? std::string(request->method_name()) : "INVITE";
    auto result = table.respond(server, status, SharedBytes(response(status, method, text)), at_ms(now_ms));
    collect();
    return result;
}

std::string Harness::answer(std::uint16_t status, std::string_view method, Text text) const {
    text.branch = branch;
    return response(status, method, text);
}

void Harness::run_to(std::int64_t ms) {
    for (;;) {
        const auto deadline = table.next_deadline();
        if (!deadline || *deadline > at_ms(ms)) break;
        now_ms = std::max(now_ms, to_ms(deadline->time_since_epoch()));
        table.advance(at_ms(now_ms));
        collect();
    }
    now_ms = ms;
    table.advance(at_ms(now_ms));
    collect();
}

void Harness::collect() {
    TransactionEvent event;
    while (table.next_event(event)) told.push_back({now_ms, event});
    std::vector<Outgoing> outgoing;
    table.take_outgoing(outgoing);
    for (const Outgoing &message : outgoing)
        sent.push_back({now_ms, message.to, std::string(message.bytes.view()), message.transaction});
}

std::vector<std::int64_t> Harness::times(std::string_view first_word) const {
    std::vector<std::int64_t> out;
    for (const Sent &message : sent) {
        if (message.bytes.starts_with(first_word)) out.push_back(message.at_ms);
    }
    return out;
}

std::size_t Harness::count(TransactionEventKind kind) const {
    return static_cast<std::size_t>(
        std::count_if(told.begin(), told.end(), [kind](const Told &entry) { return entry.event.kind == kind; }));
}

TransactionId Harness::last_request() const {
    for (auto entry = told.rbegin(); entry != told.rend(); ++entry) {
        if (entry->event.kind == TransactionEventKind::request) return entry->event.transaction;
    }
    return {};
}

} // namespace tandem::test
