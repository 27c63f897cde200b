#include "node/config_section.hpp"
#include <algorithm>
#include <fmt/format.h>
#include <numeric>
#include <utility>

namespace tandem {
namespace {

constexpr std::size_t problem_size_max = 500;

// One line, whatever the file holds.
std::string one_line(std::string text) {
    for (char &c : text) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
    }
    if (text.size() > problem_size_max) text.replace(problem_size_max, std::string::npos, "...");
    return text;
}

// Levenshtein's distance.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i + 1);
        for (std::size_t j = 0; j < b.size(); ++j) {
            const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
            diagonal = std::exchange(row[j + 1], std::min({replaced, row[j] + 1, row[j + 1] + 1}));
        }
    }
    return row.back();
}

std::string list(const std::vector<std::string_view> &words) { return fmt::format("{}", fmt::join(words, ", ")); }

} // namespace

void ConfigProblems::add(SourcePosition at, std::string text) {
    if (first_ && first_->at <= at) return;
    first_ = SourceError{at, one_line(std::move(text))};
}

std::string_view nearest_word(std::string_view written, const std::vector<std::string_view> &known) {
    constexpr std::size_t word_size_max = 40;
    if (written.size() > word_size_max) return {};
    std::string_view nearest;
    std::size_t least = written.size() / 3 + 2; // this many letters differ: it is another word
    for (std::string_view word : known) {
        const std::size_t found = distance(written, word);
        if (found >= least) continue;
        least = found;
        nearest = word;
    }
    return nearest;
}

ConfigSection::ConfigSection(const TomlValue &table, std::string name, ConfigProblems &problems)
    : table_(table), name_(std::move(name)), problems_(problems) {}

void ConfigSection::wrong_type(std::string_view key, const TomlValue &value, std::string_view right) {
    problems_.add(value.at, fmt::format("\"{}\" in {} must be {}, not {}", key, name_, right, to_string(value.kind)));
}

const TomlValue *ConfigSection::get(std::string_view key, TomlValue::Kind kind) {
    known_.push_back(key);
    const TomlMember *member = table_.find(key);
    if (!member) return nullptr;
    if (member->value.kind == kind) return &member->value;
    wrong_type(key, member->value, kind == TomlValue::Kind::flag ? "true or false" : to_string(kind));
    return nullptr;
}

const TomlValue *ConfigSection::text(std::string_view key, std::string &out) {
    const TomlValue *value = get(key, TomlValue::Kind::text);
    if (!value) return nullptr;
    if (value->text.find('\0') != std::string::npos) {
        problem(value->at, fmt::format("\"{}\" in {} must not hold a NUL character", key, name_));
        return nullptr;
    }
    out = value->text;
    return value;
}

void ConfigSection::require(std::string_view key) {
    if (!table_.find(key)) problem(at(), fmt::format("{} needs \"{}\"", name_, key));
}

const TomlValue *ConfigSection::required_text(std::string_view key, std::string &out) {
    require(key);
    const TomlValue *value = text(key, out);
    if (!value || !value->text.empty()) return value;
    problem(value->at, fmt::format("\"{}\" in {} must not be empty", key, name_));
    return nullptr;
}

const TomlValue *ConfigSection::flag(std::string_view key, bool &out) {
    const TomlValue *value = get(key, TomlValue::Kind::flag);
    if (value) out = value->flag;
    return value;
}

const TomlValue *ConfigSection::number(std::string_view key, std::int64_t low, std::int64_t high, std::int64_t &out) {
    const TomlValue *value = get(key, TomlValue::Kind::integer);
    if (!value) return nullptr;
    if (value->integer < low || value->integer > high) {
        problem(value->at,
                fmt::format("\"{}\" in {} must be from {} to {}, not {}", key, name_, low, high, value->integer));
        return nullptr;
    }
    out = value->integer;
    return value;
}

const TomlValue *ConfigSection::milliseconds(std::string_view key, std::int64_t low, std::int64_t high, Duration &out) {
    std::int64_t ms = 0;
    const TomlValue *value = number(key, low, high, ms);
    if (value) out = std::chrono::milliseconds(ms);
    return value;
}

const TomlValue *ConfigSection::choice(std::string_view key, std::initializer_list<std::string_view> words,
                                       std::string &out) {
    std::string written;
    const TomlValue *value = text(key, written);
    if (!value) return nullptr;
    if (std::find(words.begin(), words.end(), written) == words.end()) {
        problem(value->at, fmt::format("\"{}\" in {} must be one of {}, not \"{}\"", key, name_, list(words), written));
        return nullptr;
    }
    out = std::move(written);
    return value;
}

const TomlValue *ConfigSection::texts(std::string_view key) {
    const TomlValue *value = get(key, TomlValue::Kind::array);
    if (!value) return nullptr;
    for (const TomlValue &item : value->items) {
        if (item.kind == TomlValue::Kind::text) continue;
        wrong_type(key, item, "an array of strings");
        return nullptr;
    }
    return value;
}

const TomlValue *ConfigSection::array(std::string_view key) { return get(key, TomlValue::Kind::array); }

const TomlValue *ConfigSection::table(std::string_view key) { return get(key, TomlValue::Kind::table); }

void ConfigSection::unavailable(SourcePosition at, std::string_view what, std::string_view right) {
    problem(at, fmt::format("{} is not available in this version; {}", what, right));
}

void ConfigSection::finish() {
    for (const TomlMember &member : table_.members) {
        if (std::find(known_.begin(), known_.end(), member.key) != known_.end()) continue;
        const std::string_view nearest = nearest_word(member.key, known_);
        const std::string right = nearest.empty() ? fmt::format("known keys are {}", list(known_))
                                                  : fmt::format("did you mean \"{}\"?", nearest);
        problem(member.at, fmt::format("unknown key \"{}\" in {}; {}", member.key, name_, right));
    }
}

} // namespace tandem
