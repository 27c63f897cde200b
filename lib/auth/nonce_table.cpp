#include "auth/nonce_table.hpp"
#include <algorithm>
#include <charconv>
#include "base/hash.hpp"

namespace tandem {
namespace {

constexpr std::size_t number_size = 16; // hex digits
constexpr std::size_t nonce_size = 3 * number_size;

void append_number(std::uint64_t number, std::string &out) {
    for (int shift = 60; shift >= 0; shift -= 4) out += "0123456789abcdef"[number >> shift & 15];
}

std::optional<std::uint64_t> read_number(std::string_view text) {
    std::uint64_t number = 0;
    const char *end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number, 16);
    if (error != std::errc() || stop != end) return std::nullopt;
    return number;
}

} // namespace

NonceTable::NonceTable(Duration lifetime, std::size_t max, Random &random)
    : lifetime_(lifetime), max_(std::max<std::size_t>(max, 1)), key0_(random.next()), key1_(random.next()) {}

std::string NonceTable::make(Instant now) {
    const Nonce nonce{now, ++last_};
    std::string text;
    text.reserve(nonce_size);
    append_number(static_cast<std::uint64_t>(now.time_since_epoch().count()), text);
    append_number(nonce.number, text);
    append_number(sign(nonce), text);
    return text;
}

std::uint64_t NonceTable::sign(const Nonce &nonce) const {
    SipHash<2, 4> hash(key0_, key1_);
    hash.add(static_cast<std::uint64_t>(nonce.made.time_since_epoch().count()));
    hash.add(nonce.number);
    return hash.end();
}

std::optional<NonceTable::Nonce> NonceTable::parse(std::string_view text) const {
    if (text.size() != nonce_size) return std::nullopt;
    const auto made = read_number(text.substr(0, number_size));
    const auto number = read_number(text.substr(number_size, number_size));
    const auto signature = read_number(text.substr(2 * number_size));
    if (!made || !number || !signature) return std::nullopt;
    const Nonce nonce{Instant(Duration(static_cast<std::int64_t>(*made))), *number};
    if (sign(nonce) != *signature) return std::nullopt;
    return nonce;
}

std::optional<NonceTable::Nonce> NonceTable::find_live(std::string_view text, Instant now) const {
    const auto nonce = parse(text);
    if (!nonce || now - nonce->made > lifetime_) return std::nullopt;
    const bool may_be_used = nonce->number <= forgotten_ && !counts_.contains(nonce->number);
    return may_be_used ? std::nullopt : nonce;
}

bool NonceTable::is_live(std::string_view nonce, Instant now) const { return find_live(nonce, now).has_value(); }

NonceUse NonceTable::use(std::string_view text, std::uint32_t nc, Instant now) {
    const auto nonce = find_live(text, now);
    if (!nonce) return NonceUse::stale;
    forget_old(now);
    const auto found = counts_.try_emplace(nonce->number, Counts{.made = nonce->made}).first;
    const bool is_new = count(nc, found->second);
    if (counts_.size() > max_) forget_oldest();
    return is_new ? NonceUse::ok : NonceUse::replayed;
}

// What is too old is stale by its time, and by its number too: the clock of another worker may be behind this one.
void NonceTable::forget_old(Instant now) {
    while (!counts_.empty() && now - counts_.begin()->second.made > lifetime_) forget_oldest();
}

void NonceTable::forget_oldest() {
    forgotten_ = std::max(forgotten_, counts_.begin()->first);
    counts_.erase(counts_.begin());
}

bool NonceTable::count(std::uint32_t nc, Counts &counts) {
    if (nc == 0) return false; // the first is 1
    if (nc > counts.highest) {
        const std::uint32_t step = nc - counts.highest;
        counts.seen = step < 64 ? counts.seen << step | 1 : 1;
        counts.highest = nc;
        return true;
    }
    const std::uint32_t back = counts.highest - nc;
    if (back >= 64 || (counts.seen >> back & 1) != 0) return false;
    counts.seen |= std::uint64_t{1} << back;
    return true;
}

} // namespace tandem
