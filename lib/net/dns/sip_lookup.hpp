// Where a request to a SIP or SIPS URI goes: RFC 3263 section 4, from the URI to a list of endpoints.
// Pure: the chain NAPTR, SRV, A and AAAA puts out questions and takes answers, whoever asks DNS.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include "base/endpoint.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "net/dns/dns_record.hpp"

namespace tandem {

// What there are listeners for: no endpoint comes out that none of them could send to.
class Reach {
public:
    void add(Transport transport, bool is_v6) { families_[static_cast<std::size_t>(transport)] |= bit(is_v6); }
    bool has(Transport transport, bool is_v6) const { return (families(transport) & bit(is_v6)) != 0; }
    bool has(Transport transport) const { return families(transport) != 0; }

private:
    static std::uint8_t bit(bool is_v6) { return is_v6 ? 2 : 1; }
    std::uint8_t families(Transport transport) const { return families_[static_cast<std::size_t>(transport)]; }

    std::array<std::uint8_t, 5> families_{}; // by Transport
};

// What RFC 3263 reads of a URI.
struct SipLookup {
    bool is_sips = false;
    std::string host;                   // of maddr if it is there; a name, an address, or [an IPv6 address]
    std::uint16_t port = 0;             // 0: none
    std::optional<Transport> transport; // the parameter
};

enum class LookupError : std::uint8_t {
    invalid_name, // the host is no name that DNS could know
    no_transport, // no listener for the transport that the URI asks for
    no_name,      // the name, or an address for it, does not exist
    no_answer,    // the DNS servers refused or failed
    timeout,      // they did not answer in time
    full,         // too many lookups or questions are waiting
};
std::string_view to_string(LookupError error);

using LookupResult = Result<std::vector<Endpoint>, LookupError>; // not empty, the best first; any listener

constexpr std::size_t lookup_endpoint_max = 16;
constexpr std::size_t lookup_target_max = 8; // hosts whose addresses are asked for

class SipLookupChain {
public:
    // `random` outlives the chain: it draws among weights and among the addresses of a name.
    SipLookupChain(const SipLookup &what, const Reach &reach, Random &random);

    // What is to be asked next, each question once. More may come after an answer.
    std::vector<DnsQuestion> take_questions();
    void answer(const DnsQuestion &question, const DnsAnswer &answer);

    bool is_done() const { return state_ == State::done; }

    // True as soon as the target to be tried first has an address: to wait for the others is to wait for a spare.
    bool has_first() const;

    // Before the end: of what is known by then, and LookupError::timeout if that is nothing.
    LookupResult result() const;

private:
    enum class State : std::uint8_t { naptr, services, addresses, done };

    struct Service { // one transport that the domain offers
        Transport transport = Transport::udp;
        std::string name; // of its SRV records
        std::optional<DnsAnswer> answer;
    };
    struct Target {
        Transport transport = Transport::udp;
        std::string host;
        std::uint16_t port = 0;
        std::array<std::optional<std::vector<IpAddress>>, 2> addresses; // by family, IPv4 first; none: to come
    };

    void begin(const SipLookup &what);
    void on_naptr(const DnsAnswer &answer);
    void on_service(const DnsQuestion &question, const DnsAnswer &answer);
    void on_address(const DnsQuestion &question, const DnsAnswer &answer);
    void ask_services(std::vector<Service> services);
    void end_services();
    void ask_addresses();
    void add_target(Transport transport, const std::string &host, std::uint16_t port);
    void add_literal(const IpAddress &ip, Transport transport, std::uint16_t port);
    void ask(std::string name, DnsType type);
    void note(DnsStatus status);
    void fail(LookupError error);
    bool can_use(Transport transport) const;
    Service service_of_host(Transport transport) const;
    std::vector<Service> services_of_host() const;
    std::vector<Service> services_of(std::vector<NaptrRecord> records) const;

    const Reach reach_;
    Random &random_;
    State state_ = State::done;
    bool is_sips_ = false;
    std::string host_;

    std::vector<DnsQuestion> questions_; // not taken yet
    std::vector<DnsQuestion> asked_;
    std::vector<Service> services_;            // the best first
    std::vector<Target> targets_;              // the best first; at most lookup_target_max
    std::optional<Endpoint> literal_;          // the host is an address
    LookupError error_ = LookupError::no_name; // if nothing is found
};

} // namespace tandem
