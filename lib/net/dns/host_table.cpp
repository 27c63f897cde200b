#include "net/dns/host_table.hpp"
#include <algorithm>
#include "net/dns/dns_record.hpp"

namespace tandem {
namespace {

constexpr std::size_t name_max = 65536;
constexpr std::size_t address_max = dns_record_max; // of one name

// Cuts the first word off.
std::string_view take_word(std::string_view &line) {
    constexpr std::string_view blanks = " \t\r";
    line.remove_prefix(std::min(line.find_first_not_of(blanks), line.size()));
    const std::string_view word = line.substr(0, line.find_first_of(blanks));
    line.remove_prefix(word.size());
    return word;
}

} // namespace

HostTable HostTable::parse(std::string_view text) {
    HostTable table;
    while (!text.empty()) {
        std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        line = line.substr(0, line.find('#'));
        const auto ip = IpAddress::parse(take_word(line));
        if (!ip) continue;
        for (std::string_view word = take_word(line); !word.empty(); word = take_word(line)) {
            const auto name = canonical_dns_name(word);
            if (!name || (table.names_.size() >= name_max && !table.names_.contains(*name))) continue;
            auto &addresses = table.names_[*name];
            const bool is_known = std::find(addresses.begin(), addresses.end(), *ip) != addresses.end();
            if (!is_known && addresses.size() < address_max) addresses.push_back(*ip);
        }
    }
    return table;
}

const std::vector<IpAddress> &HostTable::find(std::string_view name) const {
    static const std::vector<IpAddress> none;
    static const std::vector<IpAddress> loopback = {*IpAddress::parse("127.0.0.1"), *IpAddress::parse("::1")};
    if (name == "localhost" || name.ends_with(".localhost")) return loopback;
    const auto at = names_.find(name);
    return at == names_.end() ? none : at->second;
}

} // namespace tandem
