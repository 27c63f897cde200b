#include "node/cidr.hpp"
#include <algorithm>
#include <array>
#include "base/text.hpp"

namespace tandem {
namespace {

IpAddress masked(IpAddress ip, unsigned prefix) {
    for (std::size_t i = 0; i < ip.bytes.size(); ++i) {
        const unsigned first = static_cast<unsigned>(i) * 8;
        const unsigned kept = prefix > first ? std::min(prefix - first, 8U) : 0;
        ip.bytes[i] = static_cast<std::uint8_t>(ip.bytes[i] & (0xff00U >> kept));
    }
    return ip;
}

} // namespace

IpAddress without_mapping(const IpAddress &ip) {
    static constexpr std::array<std::uint8_t, 12> mapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (!ip.is_v6 || !std::equal(mapped.begin(), mapped.end(), ip.bytes.begin())) return ip;
    IpAddress v4;
    std::copy_n(ip.bytes.begin() + mapped.size(), 4, v4.bytes.begin());
    return v4;
}

Cidr::Cidr(const IpAddress &ip, unsigned prefix) : ip_(ip), network_(masked(ip, prefix)), prefix_(prefix) {}

std::optional<Cidr> Cidr::parse(std::string_view text) {
    const std::size_t slash = text.find('/');
    const auto ip = IpAddress::parse(text.substr(0, slash));
    if (!ip || text.front() == '[') return std::nullopt;
    const unsigned prefix_max = ip->is_v6 ? 128 : 32;
    if (slash == std::string_view::npos) return Cidr(*ip, prefix_max);
    const auto prefix = parse_number(text.substr(slash + 1));
    if (!prefix || *prefix > prefix_max) return std::nullopt;
    return Cidr(*ip, static_cast<unsigned>(*prefix));
}

bool Cidr::contains(const IpAddress &ip) const {
    const IpAddress plain = network_.is_v6 ? ip : without_mapping(ip);
    return plain.is_v6 == network_.is_v6 && masked(plain, prefix_) == network_;
}

std::string Cidr::network() const { return network_.to_string() + "/" + std::to_string(prefix_); }

} // namespace tandem
