// One table of the configuration, read key by key: each getter checks type and range and notes what is wrong, and
// finish() finds the keys that nobody asked for.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include "base/instant.hpp"
#include "node/toml_document.hpp"

namespace tandem {

// What is wrong with a file. Only the first in the order of the file is kept.
class ConfigProblems {
public:
    void add(SourcePosition at, std::string text);
    const std::optional<SourceError> &first() const { return first_; }

    void warn(SourcePosition at, std::string text) { warnings_.push_back({at, std::move(text)}); }
    const std::vector<SourceError> &warnings() const { return warnings_; }

private:
    std::optional<SourceError> first_;
    std::vector<SourceError> warnings_;
};

// The word in `known` that `written` probably meant; empty: none is near.
std::string_view nearest_word(std::string_view written, const std::vector<std::string_view> &known);

class ConfigSection {
public:
    // `table` and `problems` outlive the section. `name` is how messages call it: "[sip]".
    ConfigSection(const TomlValue &table, std::string name, ConfigProblems &problems);

    // Each returns the value if the key is there and right, so that the caller can check more and point at it;
    // nullptr otherwise, with `out` unchanged. A key is asked for once.
    const TomlValue *text(std::string_view key, std::string &out);
    const TomlValue *flag(std::string_view key, bool &out);
    const TomlValue *number(std::string_view key, std::int64_t low, std::int64_t high, std::int64_t &out);
    const TomlValue *milliseconds(std::string_view key, std::int64_t low, std::int64_t high, Duration &out);
    const TomlValue *choice(std::string_view key, std::initializer_list<std::string_view> words, std::string &out);
    const TomlValue *texts(std::string_view key); // an array of strings; each item has its position
    const TomlValue *array(std::string_view key);
    const TomlValue *table(std::string_view key);

    // The key must be there: if not, says so at the head of the table.
    void require(std::string_view key);
    const TomlValue *required_text(std::string_view key, std::string &out);

    // Notes that what the user asks for is not there yet: "WHAT is not available in this version; RIGHT".
    void unavailable(SourcePosition at, std::string_view what, std::string_view right);

    void problem(SourcePosition at, std::string text) { problems_.add(at, std::move(text)); }
    void warn(SourcePosition at, std::string text) { problems_.warn(at, std::move(text)); }
    SourcePosition at() const { return table_.at; }
    const std::string &name() const { return name_; }

    void finish();

private:
    const TomlValue *get(std::string_view key, TomlValue::Kind kind);
    void wrong_type(std::string_view key, const TomlValue &value, std::string_view right);

    const TomlValue &table_;
    std::string name_;
    ConfigProblems &problems_;
    std::vector<std::string_view> known_;
};

} // namespace tandem
