#include "storage/redis/takeover_words.hpp"
#include <algorithm>
#include <initializer_list>
#include <utility>
#include "storage/redis/takeover_scripts.hpp"

namespace tandem {
namespace {

using Kind = RedisValue::Kind;

enum class Script : std::size_t { beat, take, keep, own, texts };

// EVALSHA NAME COUNT KEYS; the arguments follow.
std::vector<std::string> call(const TakeoverWords::Scripts &scripts, Script script,
                              std::initializer_list<std::string> keys) {
    std::vector<std::string> words{"EVALSHA", scripts.at(static_cast<std::size_t>(script)),
                                   std::to_string(keys.size())};
    words.insert(words.end(), keys);
    return words;
}

bool is_text(const RedisValue &value, std::size_t most) {
    return value.kind == Kind::text && value.text.size() <= most;
}

bool is_name(const RedisValue &value, std::size_t most) { return is_text(value, most) && !value.text.empty(); }

// A list of pairs after `head` other items.
bool has_pairs(const RedisValue &value, std::size_t head) {
    return value.kind == Kind::list && value.items.size() >= head && (value.items.size() - head) % 2 == 0;
}

constexpr std::size_t cursor_max = 20; // a number of 64 bits
constexpr std::int64_t silent_max_ms = 1'000'000'000'000;

} // namespace

std::vector<std::string> takeover_scripts() {
    std::vector<std::string> all;
    for (const auto text : {beat_script, take_script, keep_script, own_script, texts_script}) all.emplace_back(text);
    return all;
}

TakeoverWords::TakeoverWords(TakeoverNames names)
    : names_(std::move(names)), lease_ms_(std::to_string(to_ms(names_.lease))), nodes_(key_of("nodes", {})),
      up_(key_of("up", {})), calls_(key_of("calls:", names_.node)), taken_(key_of("taken:", names_.node)) {}

std::string TakeoverWords::key_of(std::string_view what, std::string_view node) const {
    std::string key = names_.prefix + "{" + names_.addresses + "}";
    return key.append(what).append(node);
}

std::vector<std::string> TakeoverWords::beat(const Scripts &scripts) const {
    auto words = call(scripts, Script::beat, {nodes_, up_, taken_, calls_});
    words.insert(words.end(), {names_.node, lease_ms_});
    return words;
}

std::vector<std::string> TakeoverWords::take(const Scripts &scripts, std::string_view node, std::size_t most,
                                             std::string_view cursor) const {
    auto words =
        call(scripts, Script::take, {nodes_, up_, calls_, taken_, key_of("calls:", node), key_of("taken:", node)});
    words.insert(words.end(),
                 {names_.node, std::string(node), lease_ms_, std::to_string(most), std::to_string(CallCopy::text_max),
                  std::string(cursor), std::to_string(CallCopy::key_max)});
    return words;
}

std::vector<std::string> TakeoverWords::keep(const Scripts &scripts, std::span<const CallCopy> copies) const {
    auto words = call(scripts, Script::keep, {calls_, taken_});
    for (const CallCopy &copy : copies) words.insert(words.end(), {copy.key, copy.text});
    return words;
}

std::vector<std::string> TakeoverWords::own(const Scripts &scripts, std::size_t about, std::string_view cursor) const {
    auto words = call(scripts, Script::own, {calls_});
    words.insert(words.end(), {std::string(cursor), std::to_string(about)});
    return words;
}

std::vector<std::string> TakeoverWords::texts(const Scripts &scripts, std::span<const std::string> keys) const {
    auto words = call(scripts, Script::texts, {calls_});
    words.push_back(std::to_string(CallCopy::text_max));
    words.insert(words.end(), keys.begin(), keys.end());
    return words;
}

std::vector<std::string> TakeoverWords::taken(std::size_t about, std::string_view cursor) const {
    return {"HSCAN", taken_, std::string(cursor), "COUNT", std::to_string(about)};
}

std::vector<std::string> TakeoverWords::dropped(std::span<const std::string> keys) const {
    std::vector<std::string> words{"HDEL", taken_};
    words.insert(words.end(), keys.begin(), keys.end());
    return words;
}

std::optional<BeatAnswer> TakeoverWords::read_beat(const RedisValue &value) {
    if (!has_pairs(value, 2)) return std::nullopt;
    const auto &items = value.items;
    if (items[0].kind != Kind::number || items[1].kind != Kind::number) return std::nullopt;
    BeatAnswer answer;
    answer.was_missing = items[0].number != 0;
    answer.has_taken = items[1].number > 0;
    for (std::size_t i = 2; i < items.size(); i += 2) {
        if (items[i].kind != Kind::text || items[i + 1].kind != Kind::number) return std::nullopt;
        if (!is_name(items[i], TakeoverNames::node_max)) continue; // none of us: a shell has put it there
        const auto silent_ms = std::clamp<std::int64_t>(items[i + 1].number, 0, silent_max_ms);
        answer.gone.push_back({items[i].text, std::chrono::milliseconds(silent_ms)});
    }
    return answer;
}

std::optional<TakeAnswer> TakeoverWords::read_take(const RedisValue &value) {
    if (!has_pairs(value, 2)) return std::nullopt;
    const auto &items = value.items;
    if (items[0].kind != Kind::number || !is_name(items[1], cursor_max)) return std::nullopt;
    TakeAnswer answer;
    answer.is_refused = items[0].number < 0;
    answer.left = items[0].number;
    answer.cursor = items[1].text;
    for (std::size_t i = 2; i < items.size(); i += 2) {
        if (!is_name(items[i], CallCopy::key_max) || !is_text(items[i + 1], CallCopy::text_max)) return std::nullopt;
        answer.calls.push_back({items[i].text, items[i + 1].text});
    }
    return answer;
}

std::optional<std::vector<std::string>> TakeoverWords::read_keep(const RedisValue &value) {
    if (value.kind != Kind::list) return std::nullopt;
    std::vector<std::string> refused;
    for (const RedisValue &item : value.items) {
        if (!is_name(item, CallCopy::key_max)) return std::nullopt;
        refused.push_back(item.text);
    }
    return refused;
}

std::optional<KeySlice> TakeoverWords::read_own(const RedisValue &value) {
    if (!has_pairs(value, 1) || !is_name(value.items[0], cursor_max)) return std::nullopt;
    KeySlice slice;
    slice.cursor = value.items[0].text;
    for (std::size_t i = 1; i < value.items.size(); i += 2) {
        const RedisValue &key = value.items[i];
        if (key.kind != Kind::text || !is_text(value.items[i + 1], 1)) return std::nullopt;
        if (!is_name(key, CallCopy::key_max)) continue; // not of us
        (value.items[i + 1].text.empty() ? slice.keys : slice.unconfirmed).push_back(key.text);
    }
    return slice;
}

std::optional<std::vector<std::string>> TakeoverWords::read_texts(const RedisValue &value, std::size_t asked) {
    if (value.kind != Kind::list || value.items.empty() || value.items.size() > asked) return std::nullopt;
    std::vector<std::string> texts;
    for (const RedisValue &item : value.items) {
        if (!is_text(item, CallCopy::text_max)) return std::nullopt;
        texts.push_back(item.text);
    }
    return texts;
}

std::optional<KeySlice> TakeoverWords::read_taken(const RedisValue &value) {
    if (value.kind != Kind::list || value.items.size() != 2) return std::nullopt;
    if (!is_name(value.items[0], cursor_max) || !has_pairs(value.items[1], 0)) return std::nullopt;
    KeySlice slice;
    slice.cursor = value.items[0].text;
    const auto &items = value.items[1].items;
    for (std::size_t i = 0; i < items.size(); i += 2) {
        if (items[i].kind != Kind::text) return std::nullopt;
        if (is_name(items[i], CallCopy::key_max)) slice.keys.push_back(items[i].text); // else not of us
    }
    return slice;
}

} // namespace tandem
