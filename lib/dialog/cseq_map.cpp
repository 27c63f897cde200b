#include "dialog/cseq_map.hpp"
#include <algorithm>
#include <charconv>
#include <utility>

namespace tandem {
namespace {

constexpr std::uint32_t cseq_end = std::uint32_t{1} << 31; // RFC 3261 section 8.1.1.5
constexpr std::uint32_t own_bit = cseq_end;                // of a key: a request of the proxy's own

std::optional<std::uint32_t> take_number(std::string_view &text) {
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || number >= cseq_end) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return number;
}

bool take_letter(std::string_view &text, char letter) {
    if (!text.starts_with(letter)) return false;
    text.remove_prefix(1);
    return true;
}

} // namespace

std::uint32_t CseqSpace::end(std::size_t i) const { return i + 1 < size() ? at(i + 1).sent : cseq_end; }

std::optional<std::uint32_t> CseqSpace::key_of(std::uint32_t sent) const {
    if (sent >= cseq_end) return std::nullopt;
    for (std::size_t i = size(); i-- > 0;) {
        const Step step = at(i);
        if (sent >= step.sent) return step.key + (sent - step.sent);
    }
    return std::nullopt;
}

Result<std::uint32_t> CseqSpace::sent(std::uint32_t number) const {
    if (number >= cseq_end) return Error::out_of_range;
    for (std::size_t i = size(); i-- > 0;) {
        const Step step = at(i);
        if (number < step.key) continue; // as every number is below the keys of the proxy's own
        const std::uint32_t distance = number - step.key;
        if (distance < end(i) - step.sent) return step.sent + distance;
        if (i + 1 == size()) return Error::out_of_range;
    }
    return Error::not_found;
}

Result<CseqOrigin> CseqSpace::origin(std::uint32_t sent) const {
    const auto key = key_of(sent);
    if (!key) return Error::not_found;
    const bool is_own = (*key & own_bit) != 0;
    return CseqOrigin{*key & ~own_bit, is_own};
}

// Of the next request of the sender.
std::uint32_t CseqSpace::next_key(std::optional<std::uint32_t> last) const {
    return std::max(at(size() - 1).key, last ? *last + 1 : 0);
}

std::uint32_t CseqSpace::next(std::optional<std::uint32_t> last) const {
    const Step open = at(size() - 1);
    const std::uint32_t next = open.sent + (next_key(last) - open.key);
    return std::max(next, std::uint32_t{1}); // 0 is legal, but 1 is where everybody begins
}

Result<std::uint32_t> CseqSpace::retry(std::uint32_t sent, std::optional<std::uint32_t> last) {
    const auto key = key_of(sent);
    if (!key) return Error::not_found;
    const bool is_own = (*key & own_bit) != 0;
    const bool was_sent = is_own || (last && *key <= *last);
    if (!was_sent) return Error::not_found;
    // The refusal came again, and the request has gone out already.
    for (std::size_t i = 0; i < size(); ++i) {
        const Step step = at(i);
        if (step.sent > sent && *key >= step.key && *key - step.key < end(i) - step.sent) {
            return step.sent + (*key - step.key);
        }
    }
    return append(next(last), *key, last);
}

Result<std::uint32_t> CseqSpace::take(std::optional<std::uint32_t> last) {
    const std::uint32_t sent = next(last);
    return append(sent, own_bit | sent, last);
}

// Gives the number `sent`, the next one, to `key`; behind it the sender's next request goes on.
Result<std::uint32_t> CseqSpace::append(std::uint32_t sent, std::uint32_t key, std::optional<std::uint32_t> last) {
    if (sent >= cseq_end) return Error::out_of_range;
    steps_.reserve(size() + 3); // from here on nothing fails
    const std::uint32_t following = next_key(last);
    if (steps_.empty()) steps_.push_back({});
    if (steps_.back().key == following) steps_.pop_back(); // nothing was sent there
    push({sent, key});
    push({sent + 1, following});
    if (steps_.size() > step_max) {
        steps_.erase(steps_.begin(), steps_.end() - static_cast<std::ptrdiff_t>(step_max));
    }
    return sent;
}

// A step that only goes on with the one before is none.
void CseqSpace::push(Step step) {
    const bool goes_on = !steps_.empty() && steps_.back().key + (step.sent - steps_.back().sent) == step.key;
    if (!goes_on) steps_.push_back(step);
}

CseqSpace CseqSpace::up_to(std::uint32_t sent) const {
    CseqSpace space;
    for (const Step &step : steps_) {
        if (step.sent <= sent) space.steps_.push_back(step);
    }
    if (space.steps_.size() == 1 && space.steps_.front() == Step()) space.steps_.clear();
    return space;
}

std::string CseqSpace::to_string() const {
    std::string text;
    for (const Step &step : steps_) {
        if (!text.empty()) text += ' ';
        text += std::to_string(step.sent) + ((step.key & own_bit) != 0 ? ":*" : ":");
        text += std::to_string(step.key & ~own_bit);
    }
    return text;
}

std::optional<CseqSpace> CseqSpace::parse(std::string_view text) {
    CseqSpace space;
    while (!text.empty()) {
        const auto sent = take_number(text);
        if (!sent || !take_letter(text, ':')) return std::nullopt;
        const std::uint32_t own = take_letter(text, '*') ? own_bit : 0;
        const auto number = take_number(text);
        const bool rises = space.steps_.empty() || (sent && space.steps_.back().sent < *sent);
        if (!number || !rises || space.steps_.size() == step_max) return std::nullopt;
        space.steps_.push_back({*sent, *number | own});
        if (!text.empty() && (!take_letter(text, ' ') || text.empty())) return std::nullopt;
    }
    const bool is_open = space.steps_.empty() || (space.steps_.back().key & own_bit) == 0;
    return is_open ? std::optional(std::move(space)) : std::nullopt;
}

std::string CseqMap::to_string() const {
    if (of(Side::caller).is_identity() && of(Side::callee).is_identity()) return {};
    return of(Side::caller).to_string() + "/" + of(Side::callee).to_string();
}

std::optional<CseqMap> CseqMap::parse(std::string_view text) {
    CseqMap map;
    if (text.empty()) return map;
    const std::size_t slash = text.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    auto of_caller = CseqSpace::parse(text.substr(0, slash));
    auto of_callee = CseqSpace::parse(text.substr(slash + 1));
    if (!of_caller || !of_callee) return std::nullopt;
    map.of(Side::caller) = std::move(*of_caller);
    map.of(Side::callee) = std::move(*of_callee);
    return map;
}

const CseqMap *CseqMaps::find(Kind kind, std::string_view name) const {
    const auto found = std::find_if(entries_.begin(), entries_.end(),
                                    [&](const Entry &entry) { return entry.kind == kind && entry.name == name; });
    return found == entries_.end() ? nullptr : &found->map;
}

CseqMap *CseqMaps::find(Kind kind, std::string_view name) {
    return const_cast<CseqMap *>(std::as_const(*this).find(kind, name));
}

CseqMap *CseqMaps::make(Kind kind, std::string_view name) {
    if (CseqMap *known = find(kind, name)) return known;
    if (is_full()) return nullptr;
    return &entries_.emplace_back(Entry{kind, std::string(name), {}}).map;
}

} // namespace tandem
