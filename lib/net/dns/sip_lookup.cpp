#include "net/dns/sip_lookup.hpp"
#include <algorithm>
#include <tuple>
#include <utility>
#include "base/assert.hpp"
#include "base/text.hpp"
#include "net/dns/srv_order.hpp"

namespace tandem {
namespace {

constexpr std::size_t service_max = 8; // NAPTR records that are followed

// What a SIPS URI makes of a transport: it goes over TLS whatever runs below (RFC 3261 section 26.2.2).
std::optional<Transport> secured(Transport transport) {
    switch (transport) {
    case Transport::udp: return std::nullopt;
    case Transport::tcp:
    case Transport::tls: return Transport::tls;
    case Transport::ws:
    case Transport::wss: return Transport::wss;
    }
    return std::nullopt;
}

// RFC 3263 section 4.1; those of WebSocket lead to clients only, and nobody connects to a client.
std::optional<Transport> transport_of_service(std::string_view service) {
    if (equals_ignoring_case(service, "SIP+D2U")) return Transport::udp;
    if (equals_ignoring_case(service, "SIP+D2T")) return Transport::tcp;
    if (equals_ignoring_case(service, "SIPS+D2T")) return Transport::tls;
    return std::nullopt;
}

bool is_websocket(Transport transport) { return transport == Transport::ws || transport == Transport::wss; }

template <class T>
void shuffle(std::vector<T> &items, Random &random) {
    for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[random.next() % i]);
}

} // namespace

std::string_view to_string(LookupError error) {
    switch (error) {
    case LookupError::invalid_name: return "no valid host name";
    case LookupError::no_transport: return "no listener for this transport";
    case LookupError::no_name: return "no such name";
    case LookupError::no_answer: return "the DNS servers failed";
    case LookupError::timeout: return "no answer from DNS in time";
    case LookupError::full: return "too many lookups";
    }
    return "unknown";
}

SipLookupChain::SipLookupChain(const SipLookup &what, const Reach &reach, Random &random)
    : reach_(reach), random_(random), is_sips_(what.is_sips) {
    begin(what);
}

// RFC 3263 section 4.1, first paragraphs: what is known without DNS.
void SipLookupChain::begin(const SipLookup &what) {
    std::optional<Transport> transport = what.transport;
    if (transport && is_sips_) transport = secured(*transport);
    if (what.transport && (!transport || !can_use(*transport))) return fail(LookupError::no_transport);

    // Where nothing says which: UDP, and TLS for SIPS; another one where there is no listener for that.
    const auto usual = {Transport::udp, Transport::tcp, Transport::tls};
    const auto *const preferred =
        std::find_if(usual.begin(), usual.end(), [this](Transport each) { return can_use(each); });
    if (!transport && preferred == usual.end()) return fail(LookupError::no_transport);
    const Transport chosen = transport.value_or(preferred == usual.end() ? Transport::udp : *preferred);

    if (const auto ip = IpAddress::parse(what.host)) return add_literal(*ip, chosen, what.port);
    const auto host = canonical_dns_name(what.host);
    if (!host) return fail(LookupError::invalid_name);
    host_ = *host;

    if (what.port != 0 || is_websocket(chosen)) { // section 4.2: a port says that there are no SRV records to ask for
        add_target(chosen, host_, what.port != 0 ? what.port : default_port(chosen));
        return ask_addresses();
    }
    if (transport) return ask_services({service_of_host(*transport)});
    state_ = State::naptr;
    ask(host_, DnsType::naptr);
}

void SipLookupChain::add_literal(const IpAddress &ip, Transport transport, std::uint16_t port) {
    if (!reach_.has(transport, ip.is_v6)) return fail(LookupError::no_transport);
    literal_ = Endpoint{.ip = ip, .port = port != 0 ? port : default_port(transport), .transport = transport};
}

bool SipLookupChain::can_use(Transport transport) const {
    return reach_.has(transport) && (!is_sips_ || secured(transport) == transport);
}

std::vector<DnsQuestion> SipLookupChain::take_questions() { return std::exchange(questions_, {}); }

void SipLookupChain::answer(const DnsQuestion &question, const DnsAnswer &answer) {
    switch (state_) {
    case State::naptr: return on_naptr(answer);
    case State::services: return on_service(question, answer);
    case State::addresses: return on_address(question, answer);
    case State::done: return;
    }
}

// Whatever comes instead of records, the SRV records of the domain have to be there too (section 4.1), and some
// servers do not know what a NAPTR record is.
void SipLookupChain::on_naptr(const DnsAnswer &answer) {
    auto services = services_of(answer.naptr);
    ask_services(services.empty() ? services_of_host() : std::move(services));
}

std::vector<SipLookupChain::Service> SipLookupChain::services_of(std::vector<NaptrRecord> records) const {
    std::stable_sort(records.begin(), records.end(), [](const NaptrRecord &a, const NaptrRecord &b) {
        return std::tie(a.order, a.preference) < std::tie(b.order, b.preference);
    });
    std::vector<Service> services;
    for (NaptrRecord &record : records) {
        const auto transport = transport_of_service(record.services);
        if (!transport || !can_use(*transport) || !equals_ignoring_case(record.flags, "s")) continue;
        if (services.size() < service_max) services.push_back({*transport, std::move(record.replacement), {}});
    }
    return services;
}

// Section 4.2: the service is "_sips" also where a SIP URI goes over TLS.
SipLookupChain::Service SipLookupChain::service_of_host(Transport transport) const {
    const std::string_view prefix = transport == Transport::tls   ? "_sips._tcp."
                                    : transport == Transport::tcp ? "_sip._tcp."
                                                                  : "_sip._udp.";
    return {transport, std::string(prefix) + host_, {}};
}

// Section 4.1: without NAPTR each transport that the client supports is asked for, a SIP URI's as "_sip". Our own
// preference is UDP before TCP. TLS is asked for where nothing else can be used.
std::vector<SipLookupChain::Service> SipLookupChain::services_of_host() const {
    std::vector<Service> services;
    for (const Transport transport : {Transport::udp, Transport::tcp}) {
        if (can_use(transport)) services.push_back(service_of_host(transport));
    }
    if (services.empty()) services.push_back(service_of_host(Transport::tls));
    return services;
}

void SipLookupChain::ask_services(std::vector<Service> services) {
    state_ = State::services;
    services_ = std::move(services);
    for (const Service &service : services_) ask(service.name, DnsType::srv);
}

void SipLookupChain::on_service(const DnsQuestion &question, const DnsAnswer &answer) {
    note(answer.status);
    bool is_complete = true;
    for (Service &service : services_) {
        if (service.name == question.name) service.answer = answer;
        is_complete = is_complete && service.answer.has_value();
    }
    if (is_complete) end_services();
}

void SipLookupChain::end_services() {
    bool is_offered = true;
    for (Service &service : services_) {
        std::vector<SrvRecord> &records = service.answer->srv;
        order_srv(records, random_);
        for (const SrvRecord &record : records) {
            if (record.target.empty()) is_offered = false; // RFC 2782: not here, and nowhere else
            if (!record.target.empty() && record.port != 0) add_target(service.transport, record.target, record.port);
        }
    }
    // Only where it is known that there are no SRV records the host itself is asked (section 4.2). What failed to
    // answer may have some.
    if (targets_.empty() && is_offered && error_ == LookupError::no_name)
        add_target(services_.front().transport, host_, default_port(services_.front().transport));
    ask_addresses();
}

void SipLookupChain::add_target(Transport transport, const std::string &host, std::uint16_t port) {
    const bool is_known = std::any_of(targets_.begin(), targets_.end(), [&](const Target &target) {
        return target.transport == transport && target.host == host && target.port == port;
    });
    if (!is_known && targets_.size() < lookup_target_max) targets_.push_back({transport, host, port, {}});
}

void SipLookupChain::ask_addresses() {
    state_ = targets_.empty() ? State::done : State::addresses;
    for (Target &target : targets_) {
        for (const bool is_v6 : {false, true}) {
            if (reach_.has(target.transport, is_v6)) {
                ask(target.host, is_v6 ? DnsType::aaaa : DnsType::a);
            } else {
                target.addresses[is_v6].emplace();
            }
        }
    }
}

void SipLookupChain::on_address(const DnsQuestion &question, const DnsAnswer &answer) {
    note(answer.status);
    const bool is_v6 = question.type == DnsType::aaaa;
    bool is_complete = true;
    for (Target &target : targets_) {
        if (target.host == question.name && !target.addresses[is_v6]) {
            target.addresses[is_v6] = answer.addresses;
            shuffle(*target.addresses[is_v6], random_);
        }
        is_complete = is_complete && target.addresses[0] && target.addresses[1];
    }
    if (is_complete) state_ = State::done;
}

bool SipLookupChain::has_first() const {
    for (const Target &target : targets_) {
        bool is_complete = true;
        for (const auto &addresses : target.addresses) {
            if (addresses && !addresses->empty()) return true;
            is_complete = is_complete && addresses.has_value();
        }
        if (!is_complete) return false;
    }
    return false;
}

// Within a target IPv6 comes first, where there is a listener for it: RFC 6724 without its table of policies (RFC 7984
// section 4).
LookupResult SipLookupChain::result() const {
    if (literal_) return std::vector<Endpoint>{*literal_};
    std::vector<Endpoint> endpoints;
    for (const Target &target : targets_) {
        for (const bool is_v6 : {true, false}) {
            if (!target.addresses[is_v6]) continue;
            for (const IpAddress &ip : *target.addresses[is_v6]) {
                const Endpoint endpoint{.ip = ip, .port = target.port, .transport = target.transport};
                const bool is_known = std::find(endpoints.begin(), endpoints.end(), endpoint) != endpoints.end();
                if (!is_known && endpoints.size() < lookup_endpoint_max) endpoints.push_back(endpoint);
            }
        }
    }
    if (!endpoints.empty()) return endpoints;
    return is_done() ? error_ : LookupError::timeout;
}

void SipLookupChain::ask(std::string name, DnsType type) {
    DnsQuestion question{std::move(name), type};
    if (std::find(asked_.begin(), asked_.end(), question) != asked_.end()) return;
    asked_.push_back(question);
    questions_.push_back(std::move(question));
}

// A failure says more than that there is nothing.
void SipLookupChain::note(DnsStatus status) {
    switch (status) {
    case DnsStatus::ok:
    case DnsStatus::no_name:
    case DnsStatus::no_data: return;
    case DnsStatus::failed: error_ = LookupError::no_answer; return;
    case DnsStatus::timeout: error_ = LookupError::timeout; return;
    case DnsStatus::full: error_ = LookupError::full; return;
    }
}

void SipLookupChain::fail(LookupError error) {
    error_ = error;
    state_ = State::done;
}

} // namespace tandem
