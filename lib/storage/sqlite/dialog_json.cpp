#include "storage/sqlite/dialog_json.hpp"
#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

namespace tandem {
namespace {

using nlohmann::json;

constexpr std::size_t text_max = 1 << 20;                  // far more than the tracker's own limits allow
constexpr std::int64_t time_end = 253'402'300'800'000'000; // the year 10000

std::string dump(const json &value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

void add_rare(json &out, const ForkRecord &fork) {
    if (fork.leaver) out["leaver"] = to_string(*fork.leaver);
    if (fork.is_doubtful) out["is_doubtful"] = true;
}

// None: no JSON, or no list or object, whatever is asked for.
std::optional<json> parse(std::string_view text, json::value_t type) {
    if (text.size() > text_max) return std::nullopt;
    json value = json::parse(text, nullptr, false);
    return value.type() == type ? std::optional(std::move(value)) : std::nullopt;
}

const json *find(const json &object, const char *name) {
    const auto found = object.find(name);
    return found == object.end() ? nullptr : &*found;
}

// The following give false for a member of the wrong type, and leave `out` alone where there is none.

bool read(const json &object, const char *name, TextArena &arena, std::string_view &out) {
    const json *member = find(object, name);
    if (!member) return true;
    const auto *text = member->get_ptr<const std::string *>();
    if (text) out = arena.keep(*text);
    return text != nullptr;
}

bool read(const json &object, const char *name, bool &out) {
    const json *member = find(object, name);
    if (!member) return true;
    if (!member->is_boolean()) return false;
    out = member->get<bool>();
    return true;
}

bool read(const json &object, const char *name, std::int64_t &out) {
    const json *member = find(object, name);
    if (!member) return true;
    if (!member->is_number_integer()) return false;
    out = member->get<std::int64_t>();
    return true;
}

bool read(const json &object, const char *name, std::uint32_t &out) {
    std::int64_t number = out;
    if (!read(object, name, number)) return false;
    if (number < 0 || number > std::numeric_limits<std::uint32_t>::max()) return false;
    out = static_cast<std::uint32_t>(number);
    return true;
}

bool read(const json &object, const char *name, std::optional<std::uint32_t> &out) {
    return !find(object, name) || read(object, name, out.emplace());
}

// A word of an enumeration, as `parse_word` knows it.
template <class Enum, class Parse>
bool read_word(const json &object, const char *name, Parse parse_word, Enum &out) {
    const json *member = find(object, name);
    if (!member) return true;
    const auto *text = member->get_ptr<const std::string *>();
    const auto word = text ? parse_word(*text) : std::nullopt;
    if (word) out = *word;
    return word.has_value();
}

bool read_rare(const json &object, ForkRecord &fork) {
    return read_word(object, "state", parse_dialog_state, fork.state) &&
           read_word(object, "leaver", parse_side, fork.leaver) && read(object, "is_doubtful", fork.is_doubtful);
}

bool read_fork(const json &object, const WallClock &wall, TextArena &arena, ForkRecord &fork) {
    std::int64_t answered_us = 0;
    const bool is_read = object.is_object() && read(object, "tag", arena, fork.to_tag) &&
                         read(object, "contact", arena, fork.callee_target) &&
                         read(object, "route_set", arena, fork.callee_route_set) &&
                         read(object, "caller_cseq", fork.last_cseq[index(Side::caller)]) &&
                         read(object, "callee_cseq", fork.last_cseq[index(Side::callee)]) &&
                         read(object, "caller_bye_cseq", fork.bye_cseq[index(Side::caller)]) &&
                         read(object, "callee_bye_cseq", fork.bye_cseq[index(Side::callee)]) &&
                         read(object, "is_acked", fork.is_acked) && read(object, "answered_us", answered_us) &&
                         is_time(answered_us) && read_rare(object, fork);
    if (is_read && find(object, "answered_us")) fork.answered = wall.instant(answered_us);
    return is_read && find(object, "tag") && find(object, "state");
}

bool read_timeouts(const json &object, DialogRecord &record) {
    if (!object.is_object()) return false;
    for (std::size_t i = 0; i < record.timeouts.size(); ++i) {
        const std::string name(to_string(static_cast<DialogTimer>(i)));
        std::int64_t us = 0;
        if (!read(object, name.c_str(), us) || us < 0) return false;
        if (find(object, name.c_str())) record.timeouts[i] = Duration(us);
    }
    return true;
}

} // namespace

bool is_time(std::int64_t utc_us) { return utc_us >= 0 && utc_us < time_end; }

std::string forks_json(const DialogRecord &record, const WallClock &wall) {
    if (record.forks.size() < 2) return {};
    json list = json::array();
    for (std::size_t i = 1; i < record.forks.size(); ++i) {
        const ForkRecord &fork = record.forks[i];
        json one = {{"tag", fork.to_tag},
                    {"state", to_string(fork.state)},
                    {"contact", fork.callee_target},
                    {"route_set", fork.callee_route_set},
                    {"caller_cseq", fork.last_cseq[index(Side::caller)]},
                    {"callee_cseq", fork.last_cseq[index(Side::callee)]},
                    {"is_acked", fork.is_acked}};
        add_rare(one, fork);
        if (fork.state >= DialogState::confirmed) one["answered_us"] = wall.utc_us(fork.answered);
        if (const auto &bye = fork.bye_cseq[index(Side::caller)]) one["caller_bye_cseq"] = *bye;
        if (const auto &bye = fork.bye_cseq[index(Side::callee)]) one["callee_bye_cseq"] = *bye;
        list.push_back(std::move(one));
    }
    return dump(list);
}

std::string cseq_maps_json(const DialogRecord &record) {
    if (record.cseq_maps.empty()) return {};
    json list = json::array();
    for (const CseqMapRecord &entry : record.cseq_maps) {
        list.push_back({{entry.is_branch ? "branch" : "tag", entry.name}, {"map", entry.map}});
    }
    return dump(list);
}

// What has its default is not written: of nearly all dialogs nothing is.
std::string details_json(const DialogRecord &record) {
    const bool has_timeout = std::any_of(record.timeouts.begin(), record.timeouts.end(),
                                         [](const auto &timeout) { return timeout.has_value(); });
    const ForkRecord *fork = record.forks.empty() ? nullptr : &record.forks.front();
    const bool is_fork_rare = fork && (fork->state != record.state || fork->leaver || fork->is_doubtful);
    if (!has_timeout && !is_fork_rare) return {};
    json details = json::object();
    for (std::size_t i = 0; i < record.timeouts.size(); ++i) {
        const auto &timeout = record.timeouts[i];
        if (timeout) details["timeouts_us"][std::string(to_string(static_cast<DialogTimer>(i)))] = timeout->count();
    }
    if (is_fork_rare) {
        details["fork"]["state"] = to_string(fork->state);
        add_rare(details["fork"], *fork);
    }
    return dump(details);
}

bool read_forks(std::string_view text, const WallClock &wall, TextArena &arena, DialogRecord &record) {
    if (text.empty()) return true;
    const auto list = parse(text, json::value_t::array);
    if (!list || record.forks.empty()) return false;
    return std::all_of(list->begin(), list->end(),
                       [&](const json &one) { return read_fork(one, wall, arena, record.forks.emplace_back()); });
}

bool read_cseq_maps(std::string_view text, TextArena &arena, DialogRecord &record) {
    if (text.empty()) return true;
    const auto list = parse(text, json::value_t::array);
    return list && std::all_of(list->begin(), list->end(), [&](const json &one) {
               CseqMapRecord &entry = record.cseq_maps.emplace_back();
               std::string_view map;
               entry.is_branch = one.is_object() && find(one, "branch");
               const bool is_read = one.is_object() &&
                                    read(one, entry.is_branch ? "branch" : "tag", arena, entry.name) &&
                                    read(one, "map", arena, map);
               entry.map = map;
               return is_read;
           });
}

bool read_details(std::string_view text, DialogRecord &record) {
    if (text.empty()) return true;
    const auto details = parse(text, json::value_t::object);
    if (!details) return false;
    const json *timeouts = find(*details, "timeouts_us");
    const json *fork = find(*details, "fork");
    if (timeouts && !read_timeouts(*timeouts, record)) return false;
    return !fork || (fork->is_object() && !record.forks.empty() && read_rare(*fork, record.forks.front()));
}

} // namespace tandem
