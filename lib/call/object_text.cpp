#include "call/object_text.hpp"
#include <utility>

namespace tandem {
namespace {

using Json = nlohmann::json;

constexpr bool is_plain(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 && byte < 0x80 && c != '"' && c != '\\';
}

void append_special(char c, std::string &out) {
    constexpr std::string_view digits = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\r' || c == '\n') {
        out.append(c == '\r' ? "\\r" : "\\n");
    } else if (byte < 0x20) {
        out.append("\\u00").append({digits[byte >> 4], digits[byte & 15]});
    } else if (byte < 0x80) {
        out.append({'\\', c});
    } else {
        out.append({static_cast<char>(0xc0 | (byte >> 6)), static_cast<char>(0x80 | (byte & 0x3f))});
    }
}

void append_text(std::string_view bytes, std::string &out) {
    out.push_back('"');
    while (!bytes.empty()) {
        std::size_t plain = 0;
        while (plain < bytes.size() && is_plain(bytes[plain])) ++plain;
        out.append(bytes.substr(0, plain));
        if (plain < bytes.size()) append_special(bytes[plain++], out);
        bytes.remove_prefix(plain);
    }
    out.push_back('"');
}

std::string bytes_of(std::string_view text) {
    std::string bytes;
    bytes.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        if (byte < 0x80 || i + 1 == text.size()) {
            bytes.push_back(text[i]);
        } else {
            bytes.push_back(static_cast<char>(((byte & 0x03) << 6) | (static_cast<unsigned char>(text[++i]) & 0x3f)));
        }
    }
    return bytes;
}

} // namespace

std::string &ObjectText::name(std::string_view name) {
    if (!std::exchange(is_first_, false)) out_.push_back(',');
    out_.append("\"").append(name).append("\":");
    return out_;
}

void ObjectText::text(std::string_view name_text, std::string_view bytes) {
    if (!bytes.empty()) append_text(bytes, name(name_text));
}

void ObjectText::number(std::string_view name_text, std::uint64_t number) {
    if (number != 0) name(name_text).append(std::to_string(number));
}

void ObjectText::flag(std::string_view name_text, bool flag) {
    if (flag) name(name_text).append("true");
}

std::string text_in(const Json &object, const char *name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? bytes_of(found->get_ref<const std::string &>())
                                                       : std::string();
}

std::uint64_t number_in(const Json &object, const char *name, std::uint64_t max) {
    const auto found = object.find(name);
    if (found == object.end() || !found->is_number_unsigned()) return 0;
    const auto number = found->get<std::uint64_t>();
    return number <= max ? number : 0;
}

bool flag_in(const Json &object, const char *name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_boolean() && found->get<bool>();
}

// No copy: that of a value goes as deep as whoever has written it wanted.
const Json &object_in(const Json &object, const char *name) {
    static const Json none = Json::object();
    const auto found = object.find(name);
    return found != object.end() && found->is_object() ? *found : none;
}

} // namespace tandem
