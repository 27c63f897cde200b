// What is asked of DNS, and what it answers: the records that locating a SIP server needs (RFC 3263).
#pragma once
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include "base/endpoint.hpp"
#include "base/instant.hpp"

namespace tandem {

enum class DnsType : std::uint16_t { a = 1, aaaa = 28, srv = 33, naptr = 35 };

struct DnsQuestion {
    std::string name; // as canonical_dns_name() gives it
    DnsType type = DnsType::a;

    auto operator<=>(const DnsQuestion &) const = default;
};

struct SrvRecord { // RFC 2782
    std::uint16_t priority = 0;
    std::uint16_t weight = 0;
    std::uint16_t port = 0;
    std::string target; // empty: the root, by which a domain says that it does not offer the service

    bool operator==(const SrvRecord &) const = default;
};

struct NaptrRecord { // RFC 3403; without its regular expression: where one is, the record is not for SIP (RFC 3263)
    std::uint16_t order = 0;
    std::uint16_t preference = 0;
    std::string flags;
    std::string services;
    std::string replacement;

    bool operator==(const NaptrRecord &) const = default;
};

enum class DnsStatus : std::uint8_t {
    ok,      // there are records
    no_name, // the name does not exist
    no_data, // the name exists, and has no records of this type
    failed,  // the servers refused, failed, or answered with garbage
    timeout, // no server answered in time
    full,    // too many questions wait: this one was not asked
};

struct DnsAnswer {
    DnsStatus status = DnsStatus::failed;
    Duration ttl{}; // the smallest on the way from the name asked for to its records; zero where none was given
    std::vector<IpAddress> addresses; // one of the three, by the type of the question
    std::vector<SrvRecord> srv;
    std::vector<NaptrRecord> naptr;
};

constexpr std::size_t dns_record_max = 64; // records of one answer; the others are left out

// In lower case and without the dot at its end; none if it is no name of letters, digits, '-' and '_', or longer than
// RFC 1035 section 2.3.4 allows.
std::optional<std::string> canonical_dns_name(std::string_view name);

} // namespace tandem
