// Reads the response of a DNS server.
//
// One walk over all sections instead of c-ares' parsers: those of SRV and NAPTR tell no TTL, and the walk that finds it
// has the record in its hand. Names, with their compression, are read by c-ares.
#pragma once
#include <cstdint>
#include <span>
#include "net/dns/dns_record.hpp"

namespace tandem {

// Takes the records that belong to the question, over CNAMEs where need be. Never fails: bytes that are no response
// are DnsStatus::failed, and a record that can not be read, or names what is no host name, is left out.
DnsAnswer read_dns_answer(std::span<const std::uint8_t> response, const DnsQuestion &question);

} // namespace tandem
