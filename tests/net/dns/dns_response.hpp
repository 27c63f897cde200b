// Responses of a DNS server, byte by byte.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>
#include "base/endpoint.hpp"
#include "net/dns/dns_record.hpp"

namespace tandem::test {

inline void put16(std::vector<std::uint8_t> &out, std::size_t number) {
    out.push_back(static_cast<std::uint8_t>(number >> 8));
    out.push_back(static_cast<std::uint8_t>(number));
}

inline void put_name(std::vector<std::uint8_t> &out, std::string_view name) {
    while (!name.empty()) {
        const std::string_view label = name.substr(0, name.find('.'));
        out.push_back(static_cast<std::uint8_t>(label.size()));
        out.insert(out.end(), label.begin(), label.end());
        name.remove_prefix(std::min(label.size() + 1, name.size()));
    }
    out.push_back(0);
}

class DnsResponse {
public:
    explicit DnsResponse(const DnsQuestion &question, int rcode = 0) {
        bytes = {0x12, 0x34, 0x81, static_cast<std::uint8_t>(0x80 | rcode), 0, 1, 0, 0, 0, 0, 0, 0};
        put_name(bytes, question.name);
        put16(bytes, static_cast<std::size_t>(question.type));
        put16(bytes, 1);
    }

    // Records of the answer section; soa() comes last.
    void a(std::string_view owner, std::uint32_t ttl, std::string_view ip) {
        const IpAddress address = *IpAddress::parse(ip);
        record(owner, address.is_v6 ? 28 : 1, ttl,
               {address.bytes.begin(), address.bytes.begin() + (address.is_v6 ? 16 : 4)});
    }
    void cname(std::string_view owner, std::uint32_t ttl, std::string_view target) {
        std::vector<std::uint8_t> data;
        put_name(data, target);
        record(owner, 5, ttl, data);
    }
    void srv(std::string_view owner, std::uint32_t ttl, const SrvRecord &srv) {
        std::vector<std::uint8_t> data;
        for (const std::uint16_t number : {srv.priority, srv.weight, srv.port}) put16(data, number);
        put_name(data, srv.target);
        record(owner, 33, ttl, data);
    }
    void naptr(std::string_view owner, std::uint32_t ttl, const NaptrRecord &naptr, std::string_view regexp = "") {
        std::vector<std::uint8_t> data;
        put16(data, naptr.order);
        put16(data, naptr.preference);
        for (const std::string_view text : {std::string_view(naptr.flags), std::string_view(naptr.services), regexp}) {
            data.push_back(static_cast<std::uint8_t>(text.size()));
            data.insert(data.end(), text.begin(), text.end());
        }
        put_name(data, naptr.replacement);
        record(owner, 35, ttl, data);
    }
    void soa(std::string_view owner, std::uint32_t ttl, std::uint32_t minimum) {
        std::vector<std::uint8_t> data;
        put_name(data, "ns.example.com");
        put_name(data, "admin.example.com");
        data.resize(data.size() + 16);
        put16(data, minimum >> 16);
        put16(data, minimum & 0xffff);
        append(owner, 6, ttl, data);
        ++bytes[9];
    }
    void record(std::string_view owner, std::uint16_t type, std::uint32_t ttl, const std::vector<std::uint8_t> &data) {
        append(owner, type, ttl, data);
        if (++bytes[7] == 0) ++bytes[6];
    }

    std::vector<std::uint8_t> bytes;

private:
    void append(std::string_view owner, std::uint16_t type, std::uint32_t ttl, const std::vector<std::uint8_t> &data) {
        put_name(bytes, owner);
        put16(bytes, type);
        put16(bytes, 1);
        put16(bytes, ttl >> 16);
        put16(bytes, ttl & 0xffff);
        put16(bytes, data.size());
        bytes.insert(bytes.end(), data.begin(), data.end());
    }
};

} // namespace tandem::test
