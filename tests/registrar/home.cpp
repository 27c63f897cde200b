#include "registrar/home.hpp"
#include <doctest/doctest.h>
#include <string_view>
#include <utility>
#include "auth/digest_client.hpp"

namespace tandem::test {
namespace {

RegistrarOptions ours(RegistrarOptions options) {
    options.domains = {"example.com"};
    return options;
}

} // namespace

const std::string aor = "alice@example.com";
const Endpoint flow{*IpAddress::parse("192.0.2.1"), 5062, Transport::udp, 0};
const std::string by_edge_line = "Via: SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bK0\r\n";
const std::string supported_line = "Supported: path, outbound\r\n";

Home::Home(RegistrarOptions options) : registrar(ours(std::move(options)), digest, ids) {
    digest.replace_users({{"alice", "wonderland"}, {"bob", "builder"}});
}

RegisterAnswer Home::send(const std::string &lines, const std::string &authorization, const std::string &to) {
    const auto request = Message::parse("REGISTER sip:example.com SIP/2.0\r\n"
                                        "Via: SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bK1\r\n"
                                        "From: <" +
                                        to + ">;tag=1\r\nTo: <" + to + ">\r\nCall-ID: " + call_id +
                                        "\r\nCSeq: " + std::to_string(cseq++) + " REGISTER\r\n" + lines +
                                        authorization + "Content-Length: 0\r\n\r\n");
    REQUIRE(request);
    return registrar.on_register(*request, source, now);
}

std::string Home::authorization(const std::string &user, const std::string &password) {
    DigestClient client({user, SecretText(password), {}}, random);
    DigestAttempt attempt;
    const std::string challenge = digest.challenge(false, false, now);
    std::vector<std::string_view> values;
    std::string_view rest = challenge;
    for (std::size_t end = rest.find("\r\n"); end != std::string_view::npos; end = rest.find("\r\n")) {
        values.push_back(rest.substr(rest.find(':') + 1, end - rest.find(':') - 1));
        rest.remove_prefix(end + 2);
    }
    client.on_challenge(values, {}, attempt);
    return client.authorize("REGISTER", "sip:example.com", "", attempt);
}

RegisterAnswer Home::put(const std::string &lines, const std::string &to, const std::string &password) {
    return send(lines, authorization("alice", password), to);
}

std::vector<BindingEventKind> Home::events() {
    std::vector<BindingEventKind> kinds;
    for (BindingEvent event; registrar.next_event(event);) kinds.push_back(event.kind);
    return kinds;
}

std::vector<BindingRecord> Home::changes() {
    std::vector<BindingRecord> changes;
    registrar.drain_changes([&](const BindingRecord &record) { changes.push_back(record); });
    return changes;
}

std::vector<BindingRecord> Home::bindings() const { return registrar.bindings_of(aor, now); }

} // namespace tandem::test
