#include "dialog/dialog_id.hpp"
#include <array>
#include <charconv>

namespace tandem {
namespace {

void append_hex(std::string &out, std::uint64_t number) {
    std::array<char, 16> digits;
    const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), number, 16);
    const auto size = static_cast<std::size_t>(end - digits.data());
    out.append(digits.size() - size, '0').append(digits.data(), size);
}

std::optional<std::uint64_t> parse_hex(std::string_view text) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, 16);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return number;
}

} // namespace

std::string RecordId::to_string() const {
    std::string out;
    out.reserve(32);
    append_hex(out, epoch);
    append_hex(out, serial);
    return out;
}

std::optional<RecordId> RecordId::parse(std::string_view text) {
    if (text.size() != 32) return std::nullopt;
    const auto epoch = parse_hex(text.substr(0, 16));
    const auto serial = parse_hex(text.substr(16));
    if (!epoch || !serial) return std::nullopt;
    return RecordId{*epoch, *serial};
}

} // namespace tandem
