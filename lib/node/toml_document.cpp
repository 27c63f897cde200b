#include "node/toml_document.hpp"
#include <algorithm>
#include <optional>
#include <toml++/toml.h>
#include <utility>

namespace tandem {
namespace {

SourcePosition position(const toml::source_region &region) { return {region.begin.line, region.begin.column}; }

constexpr unsigned dots_max = 1000; // in one line

// Each dot of a key is a table within a table, and the parser takes them down by recursion, without a limit of its
// own: too many would end the process. A key ends with its line.
std::optional<SourceError> find_deep_key(std::string_view text) {
    SourcePosition at{1, 0};
    unsigned dots = 0;
    for (const char c : text) {
        ++at.column;
        if (c == '\n') {
            ++at.line;
            at.column = 0;
            dots = 0;
        } else if (c == '.' && ++dots > dots_max) {
            return SourceError{at, "more than " + std::to_string(dots_max) + " dots in one line; break it"};
        }
    }
    return std::nullopt;
}

TomlValue convert(const toml::node &node);

void convert_members(const toml::table &table, TomlValue &value) {
    for (auto &&[key, node] : table) {
        value.members.push_back({std::string(key.str()), position(key.source()), convert(node)});
    }
    std::stable_sort(value.members.begin(), value.members.end(),
                     [](const TomlMember &a, const TomlMember &b) { return a.at < b.at; });
}

TomlValue convert(const toml::node &node) {
    TomlValue value;
    value.at = position(node.source());
    switch (node.type()) {
    case toml::node_type::table: convert_members(*node.as_table(), value); break;
    case toml::node_type::array:
        value.kind = TomlValue::Kind::array;
        for (const toml::node &item : *node.as_array()) value.items.push_back(convert(item));
        break;
    case toml::node_type::string:
        value.kind = TomlValue::Kind::text;
        value.text = node.as_string()->get();
        break;
    case toml::node_type::integer:
        value.kind = TomlValue::Kind::integer;
        value.integer = node.as_integer()->get();
        break;
    case toml::node_type::boolean:
        value.kind = TomlValue::Kind::flag;
        value.flag = node.as_boolean()->get();
        break;
    case toml::node_type::floating_point: value.kind = TomlValue::Kind::number; break;
    default: value.kind = TomlValue::Kind::date; break;
    }
    return value;
}

} // namespace

const TomlMember *TomlValue::find(std::string_view key) const {
    for (const TomlMember &member : members) {
        if (member.key == key) return &member;
    }
    return nullptr;
}

std::string_view to_string(TomlValue::Kind kind) {
    switch (kind) {
    case TomlValue::Kind::table: return "a table";
    case TomlValue::Kind::array: return "an array";
    case TomlValue::Kind::text: return "a string";
    case TomlValue::Kind::integer: return "an integer";
    case TomlValue::Kind::flag: return "a boolean";
    case TomlValue::Kind::number: return "a fractional number";
    case TomlValue::Kind::date: return "a date or time";
    }
    return "a value";
}

Result<TomlValue, SourceError> parse_toml(std::string_view text) {
    if (auto deep = find_deep_key(text)) return std::move(*deep);
    try {
        return convert(toml::parse(text));
    } catch (const toml::parse_error &error) {
        return SourceError{position(error.source()), std::string(error.description())};
    }
}

} // namespace tandem
