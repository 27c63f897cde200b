// Any bytes as the response of a DNS server, and as a hosts file. The first byte says what is asked.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include "base/assert.hpp"
#include "net/dns/dns_message.hpp"
#include "net/dns/host_table.hpp"

using namespace tandem;

namespace {

bool is_name(std::string_view text) { return canonical_dns_name(text) == text; }

void check_answer(const DnsAnswer &answer, DnsType type) {
    const bool is_address = type == DnsType::a || type == DnsType::aaaa;
    TANDEM_ASSERT(answer.addresses.empty() || is_address, "only what is asked for is answered");
    TANDEM_ASSERT(answer.srv.empty() || type == DnsType::srv, "only what is asked for is answered");
    TANDEM_ASSERT(answer.naptr.empty() || type == DnsType::naptr, "only what is asked for is answered");
    const std::size_t count = answer.addresses.size() + answer.srv.size() + answer.naptr.size();
    TANDEM_ASSERT(count <= dns_record_max, "records are bounded");
    TANDEM_ASSERT((answer.status == DnsStatus::ok) == (count > 0), "there are records if it says so");
    TANDEM_ASSERT(answer.ttl >= Duration::zero() && answer.ttl <= std::chrono::seconds(0x7fffffff),
                  "RFC 2181 section 8");
    for (const IpAddress &ip : answer.addresses) {
        TANDEM_ASSERT(ip.is_v6 == (type == DnsType::aaaa), "only what is asked for is answered");
    }
    for (const SrvRecord &record : answer.srv) {
        TANDEM_ASSERT(record.target.empty() || is_name(record.target), "a target is a name");
    }
    for (const NaptrRecord &record : answer.naptr) {
        TANDEM_ASSERT(is_name(record.replacement), "a replacement is a name");
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    if (size == 0) return 0;
    const std::span<const std::uint8_t> bytes(data + 1, size - 1);
    static constexpr DnsType types[] = {DnsType::a, DnsType::aaaa, DnsType::srv, DnsType::naptr};
    if (data[0] % 5 == 4) {
        const HostTable table = HostTable::parse({reinterpret_cast<const char *>(bytes.data()), bytes.size()});
        TANDEM_ASSERT(table.find("host").size() <= dns_record_max, "addresses are bounded");
        TANDEM_ASSERT(table.find("localhost").size() == 2, "localhost is this machine");
        return 0;
    }
    const DnsType type = types[data[0] % 5];
    check_answer(read_dns_answer(bytes, {"x.ab", type}), type);
    return 0;
}
