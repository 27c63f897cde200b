// Everything that DNS knows, as a table: for the pure parts of the resolver.
#pragma once
#include <map>
#include <string>
#include <vector>
#include "net/dns/sip_lookup.hpp"

namespace tandem::test {

class Zone {
public:
    void a(const std::string &name, std::vector<std::string> ips) {
        for (const std::string &text : ips) {
            const IpAddress ip = *IpAddress::parse(text);
            ok({name, ip.is_v6 ? DnsType::aaaa : DnsType::a}).addresses.push_back(ip);
        }
    }
    void srv(const std::string &name, const SrvRecord &record) { ok({name, DnsType::srv}).srv.push_back(record); }
    void naptr(const std::string &name, const NaptrRecord &record) {
        ok({name, DnsType::naptr}).naptr.push_back(record);
    }
    void fail(const DnsQuestion &question, DnsStatus status) {
        answers_[question] = {};
        answers_[question].status = status;
    }

    DnsAnswer find(const DnsQuestion &question) const {
        const auto at = answers_.find(question);
        if (at != answers_.end()) return at->second;
        DnsAnswer none;
        none.status = DnsStatus::no_name;
        return none;
    }

private:
    DnsAnswer &ok(const DnsQuestion &question) {
        DnsAnswer &answer = answers_[question];
        answer.status = DnsStatus::ok;
        answer.ttl = std::chrono::seconds(60);
        return answer;
    }

    std::map<DnsQuestion, DnsAnswer> answers_;
};

inline Reach reach(std::vector<Transport> transports, bool has_v6 = false) {
    Reach out;
    for (const Transport transport : transports) {
        out.add(transport, false);
        if (has_v6) out.add(transport, true);
    }
    return out;
}

inline std::string to_text(const LookupResult &result) {
    if (!result) return std::string(to_string(result.error()));
    std::string out;
    for (const Endpoint &endpoint : *result) {
        if (!out.empty()) out += ", ";
        out += std::string(to_string(endpoint.transport)) + " " + endpoint.to_string();
    }
    return out;
}

inline std::string to_text(const DnsQuestion &question) {
    const std::string_view type = question.type == DnsType::a      ? " A"
                                  : question.type == DnsType::aaaa ? " AAAA"
                                  : question.type == DnsType::srv  ? " SRV"
                                                                   : " NAPTR";
    return question.name + std::string(type);
}

} // namespace tandem::test
