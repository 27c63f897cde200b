#include "storage/redis/lease_words.hpp"
#include <utility>
#include "storage/redis/lease_scripts.hpp"
#include "storage/redis/redis_link.hpp"

namespace tandem {
namespace {

std::string memory_key(std::string_view prefix) { return std::string(prefix) + "memory"; }

std::string key_of(const std::string &text, std::string_view prefix) { return std::string(prefix) + text; }

// EVALSHA NAME COUNT KEYS; the arguments follow.
std::vector<std::string> call(LeaseScript script, const LeaseScriptNames &names, std::vector<std::string> keys) {
    std::vector<std::string> words{"EVALSHA", names[static_cast<std::size_t>(script)], std::to_string(keys.size())};
    words.insert(words.end(), std::make_move_iterator(keys.begin()), std::make_move_iterator(keys.end()));
    return words;
}

std::vector<std::string> reserve_words(const LeaseCommand &command, const LeaseScriptNames &names,
                                       std::string_view prefix) {
    std::vector<std::string> keys;
    for (const std::string &key : command.keys) keys.push_back(key_of(key, prefix));
    if (!command.memory.empty()) keys.push_back(memory_key(prefix));
    auto words = call(LeaseScript::reserve, names, std::move(keys));
    words.push_back(command.members.at(0).to_string());
    words.push_back(std::to_string(to_ms(command.lease)));
    words.push_back(command.memory);
    for (const std::uint32_t limit : command.limits) words.push_back(std::to_string(limit));
    return words;
}

// {text or number, number}
bool is_pair(const RedisValue &value, RedisValue::Kind first) {
    return value.kind == RedisValue::Kind::list && value.items.size() == 2 && value.items[0].kind == first &&
           value.items[1].kind == RedisValue::Kind::number;
}

} // namespace

std::string_view text_of(LeaseScript script) {
    switch (script) {
    case LeaseScript::hello: return hello_script;
    case LeaseScript::reserve: return reserve_script;
    case LeaseScript::renew: return renew_script;
    case LeaseScript::size: break;
    }
    return size_script;
}

std::vector<std::string> words_of(const LeaseCommand &command, const LeaseScriptNames &names, std::string_view prefix) {
    std::vector<std::string> words;
    switch (command.action) {
    case LeaseAction::hello:
        words = call(LeaseScript::hello, names, {memory_key(prefix)});
        words.push_back(command.memory);
        words.push_back(std::to_string(to_ms(command.lease)));
        words.emplace_back(command.has_lost ? "1" : command.may_have_lost ? "?" : "0");
        return words;
    case LeaseAction::reserve: return reserve_words(command, names, prefix);
    case LeaseAction::size: return call(LeaseScript::size, names, {key_of(command.keys.at(0), prefix)});
    case LeaseAction::renew:
        words = call(LeaseScript::renew, names, {key_of(command.keys.at(0), prefix)});
        words.push_back(std::to_string(to_ms(command.lease)));
        break;
    case LeaseAction::release: words = {"ZREM", key_of(command.keys.at(0), prefix)}; break;
    }
    for (const RecordId &member : command.members) words.push_back(member.to_string());
    return words;
}

std::string first_key(const LeaseCommand &command, std::string_view prefix) {
    return command.keys.empty() ? memory_key(prefix) : key_of(command.keys.front(), prefix);
}

LeaseAnswer read_answer(const LeaseCommand &command, const RedisValue &value) {
    LeaseAnswer answer;
    answer.id = command.id;
    if (value.is_error()) {
        answer.why = printable(value.text);
        return answer;
    }
    switch (command.action) {
    case LeaseAction::hello:
        answer.is_ok = is_pair(value, RedisValue::Kind::text);
        if (!answer.is_ok) break;
        answer.memory = value.items[0].text;
        answer.first = value.items[1].number;
        break;
    case LeaseAction::reserve:
    case LeaseAction::renew:
    case LeaseAction::size:
        answer.is_ok = is_pair(value, RedisValue::Kind::number);
        if (!answer.is_ok) break;
        answer.first = value.items[0].number;
        answer.second = value.items[1].number;
        break;
    case LeaseAction::release: answer.is_ok = value.kind == RedisValue::Kind::number; break;
    }
    if (!answer.is_ok) answer.why = "it does not answer as it should";
    return answer;
}

} // namespace tandem
