// A TOML file as a tree of values that know their line and column. Only the .cpp sees the parser's header.
#pragma once
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>
#include "base/result.hpp"

namespace tandem {

struct SourcePosition {
    std::uint32_t line = 0; // from 1
    std::uint32_t column = 0;

    auto operator<=>(const SourcePosition &) const = default;
};

struct SourceError {
    SourcePosition at;
    std::string text;
};

struct TomlMember;

struct TomlValue {
    enum class Kind : std::uint8_t { table, array, text, integer, flag, number, date };

    Kind kind = Kind::table;
    SourcePosition at;
    std::string text; // of text
    std::int64_t integer = 0;
    bool flag = false;
    std::vector<TomlMember> members; // of a table, in the order of the file
    std::vector<TomlValue> items;    // of an array

    const TomlMember *find(std::string_view key) const;
};

struct TomlMember {
    std::string key;
    SourcePosition at; // of the key
    TomlValue value;
};

std::string_view to_string(TomlValue::Kind kind); // with its article: "a string"

Result<TomlValue, SourceError> parse_toml(std::string_view text);

} // namespace tandem
