#include "call/call_copy.hpp"
#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>
#include "call/object_text.hpp"

namespace tandem {
namespace {

using Json = nlohmann::json;

constexpr std::size_t legs_max = 2;
constexpr std::size_t forks_max = 64;                       // of a leg; more than a tracker keeps
constexpr std::uint64_t time_end = 253'402'300'800'000'000; // the year 10000

// The texts of a record and its forks by name, written and read in the same order.
struct NamedText {
    const char *name;
    std::string_view DialogRecord::*text;
};
constexpr NamedText record_texts[] = {{"call_id", &DialogRecord::call_id},
                                      {"from_tag", &DialogRecord::from_tag},
                                      {"from_uri", &DialogRecord::from_uri},
                                      {"to_uri", &DialogRecord::to_uri},
                                      {"request_uri", &DialogRecord::request_uri},
                                      {"caller_target", &DialogRecord::caller_target},
                                      {"caller_route_set", &DialogRecord::caller_route_set},
                                      {"source", &DialogRecord::source},
                                      {"trunk", &DialogRecord::trunk},
                                      {"callee_call_id", &DialogRecord::callee_call_id}};
struct NamedForkText {
    const char *name;
    std::string_view ForkRecord::*text;
};
constexpr NamedForkText fork_texts[] = {{"to_tag", &ForkRecord::to_tag},
                                        {"target", &ForkRecord::callee_target},
                                        {"route_set", &ForkRecord::callee_route_set}};

// A list of objects, each written by `write`.
template <class List, class F>
void append_list(ObjectText &object, const char *name, const List &list, F write) {
    if (list.empty()) return;
    std::string &out = object.name(name);
    out.push_back('[');
    for (const auto &item : list) {
        if (out.back() != '[') out.push_back(',');
        ObjectText one(out);
        write(one, item);
        one.end();
    }
    out.push_back(']');
}

void write_time(ObjectText &object, const char *name, std::optional<Instant> at, const WallClock &wall) {
    if (at) object.number(name, static_cast<std::uint64_t>(std::max<std::int64_t>(wall.utc_us(*at), 1)));
}

void write_fork(ObjectText &object, const ForkRecord &fork, const WallClock &wall) {
    for (const NamedForkText &one : fork_texts) object.text(one.name, fork.*one.text);
    object.text("state", to_string(fork.state));
    object.number("caller_cseq", fork.last_cseq[index(Side::caller)]);
    object.number("callee_cseq", fork.last_cseq[index(Side::callee)]);
    object.number("caller_bye_cseq", fork.bye_cseq[index(Side::caller)].value_or(0));
    object.number("callee_bye_cseq", fork.bye_cseq[index(Side::callee)].value_or(0));
    if (fork.state >= DialogState::confirmed) write_time(object, "answered_us", fork.answered, wall);
    if (fork.leaver) object.text("leaver", to_string(*fork.leaver));
    object.flag("is_acked", fork.is_acked);
    object.flag("is_doubtful", fork.is_doubtful);
}

void write_variable(ObjectText &object, const VariableView &variable) {
    const VariableValue &value = variable.value;
    const bool is_number = value.type == VariableType::integer || value.type == VariableType::boolean;
    object.text("name", variable.name);
    object.text("type", to_string(value.type));
    object.text("value", is_number ? std::to_string(value.integer) : std::string(value.text));
}

void write_leg(ObjectText &object, const DialogRecord &record, const WallClock &wall) {
    object.text("id", record.id.to_string());
    if (record.leg_of) object.text("leg_of", record.leg_of.to_string());
    if (record.local_side) object.text("local_side", to_string(*record.local_side));
    object.text("state", to_string(record.state));
    for (const NamedText &one : record_texts) object.text(one.name, record.*one.text);
    object.number("invite_cseq", record.invite_cseq);
    object.number("sip_code", record.sip_code);
    object.text("end_reason", to_string(record.end_reason));
    object.number("q850", record.q850);
    write_time(object, "created_us", record.created, wall);
    write_time(object, "ringing_us", record.ringing, wall);
    write_time(object, "answered_us", record.answered, wall);
    write_time(object, "timer_start_us", record.timer_start, wall);
    if (record.deadline != never) write_time(object, "deadline_us", record.deadline, wall);
    write_time(object, "session_expires_us", record.session_expires, wall);
    object.flag("is_cancelled", record.is_cancelled);
    object.flag("is_ending", record.is_ending);
    object.flag("is_due", record.is_due);
    ObjectText timeouts(object.name("timeouts_us"));
    for (std::size_t i = 0; i < record.timeouts.size(); ++i) {
        const std::optional<Duration> &timeout = record.timeouts[i];
        if (!timeout) continue;
        const auto us = static_cast<std::uint64_t>(timeout->count()) + 1; // 0 is one, too, and would not be written
        timeouts.number(to_string(static_cast<DialogTimer>(i)), us);
    }
    timeouts.end();
    append_list(object, "forks", record.forks,
                [&wall](ObjectText &one, const ForkRecord &fork) { write_fork(one, fork, wall); });
    append_list(object, "cseq_maps", record.cseq_maps, [](ObjectText &one, const CseqMapRecord &map) {
        one.flag("is_branch", map.is_branch);
        one.text("name", map.name);
        one.text("map", map.map);
    });
    append_list(object, "variables", record.variables, write_variable);
    append_list(object, "profiles", record.profiles, [](ObjectText &one, const ProfileView &profile) {
        one.text("profile", profile.profile);
        one.text("value", profile.value);
        one.flag("has_value", profile.has_value);
    });
    object.text("leg", record.leg);
}

// Nothing for a member that is no list.
std::span<const Json> list_in(const Json &object, const char *name) {
    const auto found = object.find(name);
    if (found == object.end() || !found->is_array()) return {};
    return found->get_ref<const Json::array_t &>();
}

std::optional<Instant> time_in(const Json &object, const char *name, const WallClock &wall) {
    const std::uint64_t us = number_in(object, name, time_end);
    return us == 0 ? std::nullopt : std::optional(wall.instant(static_cast<std::int64_t>(us)));
}

} // namespace

// Of one leg: each function says whether all was there.
class LegReader {
public:
    LegReader(CallCopyReader &copy, const WallClock &wall) : copy_(copy), wall_(wall) {}

    bool read(const Json &object, DialogRecord &record) {
        const bool is_read = object.is_object() && read_names(object, record) && read_times(object, record) &&
                             read_forks(object, record) && read_extras(object, record);
        return is_read && record.state == DialogState::confirmed && !record.forks.empty(); // only such calls are told
    }

private:
    std::string_view keep(std::string text) { return copy_.texts_.emplace_back(std::move(text)); }

    bool read_names(const Json &object, DialogRecord &record) {
        const auto id = RecordId::parse(text_in(object, "id"));
        const std::string leg_of = text_in(object, "leg_of");
        const auto of = leg_of.empty() ? std::optional(RecordId()) : RecordId::parse(leg_of);
        const auto state = parse_dialog_state(text_in(object, "state"));
        const auto reason = parse_end_reason(text_in(object, "end_reason"));
        record.local_side = parse_side(text_in(object, "local_side"));
        if (!id || !of || !state || !reason || !record.local_side) return false;
        record.id = *id;
        record.leg_of = *of;
        record.state = *state;
        record.end_reason = *reason;
        for (const NamedText &one : record_texts) record.*one.text = keep(text_in(object, one.name));
        record.invite_cseq = number_in<std::uint32_t>(object, "invite_cseq");
        record.sip_code = number_in<std::uint16_t>(object, "sip_code");
        record.q850 = number_in<std::uint16_t>(object, "q850");
        record.is_cancelled = flag_in(object, "is_cancelled");
        record.is_ending = flag_in(object, "is_ending");
        record.is_due = flag_in(object, "is_due");
        record.leg = text_in(object, "leg");
        return true;
    }

    bool read_times(const Json &object, DialogRecord &record) const {
        const auto created = time_in(object, "created_us", wall_);
        if (!created) return false;
        record.created = *created;
        record.ringing = time_in(object, "ringing_us", wall_);
        record.answered = time_in(object, "answered_us", wall_);
        record.timer_start = time_in(object, "timer_start_us", wall_).value_or(*created);
        record.deadline = time_in(object, "deadline_us", wall_).value_or(never);
        record.session_expires = time_in(object, "session_expires_us", wall_);
        const Json &timeouts = object_in(object, "timeouts_us");
        for (std::size_t i = 0; i < record.timeouts.size(); ++i) {
            const std::string name(to_string(static_cast<DialogTimer>(i)));
            const std::uint64_t us = number_in(timeouts, name.c_str(), time_end);
            if (us != 0) record.timeouts[i] = Duration(us - 1);
        }
        return true;
    }

    bool read_forks(const Json &object, DialogRecord &record) {
        const std::span<const Json> forks = list_in(object, "forks");
        return forks.size() <= forks_max && std::all_of(forks.begin(), forks.end(), [&](const Json &one) {
                   return one.is_object() && read_fork(one, record.forks.emplace_back());
               });
    }

    bool read_fork(const Json &object, ForkRecord &fork) {
        const auto state = parse_dialog_state(text_in(object, "state"));
        if (!state) return false;
        fork.state = *state;
        for (const NamedForkText &one : fork_texts) fork.*one.text = keep(text_in(object, one.name));
        for (const Side side : {Side::caller, Side::callee}) {
            const std::string name(to_string(side));
            fork.last_cseq[index(side)] = number_in<std::uint32_t>(object, (name + "_cseq").c_str());
            const auto bye = number_in<std::uint32_t>(object, (name + "_bye_cseq").c_str());
            if (bye != 0) fork.bye_cseq[index(side)] = bye;
        }
        fork.answered = time_in(object, "answered_us", wall_).value_or(Instant());
        fork.leaver = parse_side(text_in(object, "leaver"));
        fork.is_acked = flag_in(object, "is_acked");
        fork.is_doubtful = flag_in(object, "is_doubtful");
        return true;
    }

    bool read_extras(const Json &object, DialogRecord &record) {
        for (const Json &one : list_in(object, "cseq_maps")) {
            if (!one.is_object()) return false;
            record.cseq_maps.push_back({flag_in(one, "is_branch"), keep(text_in(one, "name")), text_in(one, "map")});
        }
        for (const Json &one : list_in(object, "variables")) {
            if (!one.is_object() || !read_variable(one, record.variables.emplace_back())) return false;
        }
        for (const Json &one : list_in(object, "profiles")) {
            if (!one.is_object()) return false;
            record.profiles.push_back(
                {keep(text_in(one, "profile")), keep(text_in(one, "value")), flag_in(one, "has_value")});
        }
        return true;
    }

    bool read_variable(const Json &object, VariableView &variable) {
        variable.name = keep(text_in(object, "name"));
        const std::string type = text_in(object, "type");
        const std::string_view value = keep(text_in(object, "value"));
        for (const VariableType known :
             {VariableType::text, VariableType::integer, VariableType::boolean, VariableType::bytes}) {
            if (type == to_string(known)) variable.value.type = known;
        }
        if (type != to_string(variable.value.type)) return false;
        variable.value.text = value;
        if (variable.value.type == VariableType::text || variable.value.type == VariableType::bytes) return true;
        variable.value.text = {};
        const auto end = std::from_chars(value.data(), value.data() + value.size(), variable.value.integer);
        return end.ec == std::errc() && end.ptr == value.data() + value.size();
    }

    CallCopyReader &copy_;
    const WallClock &wall_;
};

std::string call_to_text(std::span<const DialogRecord> legs, const WallClock &wall) {
    std::string out = "[";
    for (const DialogRecord &leg : legs) {
        if (out.back() != '[') out.push_back(',');
        ObjectText object(out);
        write_leg(object, leg, wall);
        object.end();
    }
    out.push_back(']');
    return out;
}

std::optional<CallCopyReader> CallCopyReader::parse(std::string_view text, const WallClock &wall) {
    const Json list = Json::parse(text, nullptr, false);
    if (!list.is_array() || list.empty() || list.size() > legs_max) return std::nullopt;
    CallCopyReader copy;
    copy.legs_.reserve(list.size());
    LegReader reader(copy, wall);
    for (const Json &one : list) {
        if (!reader.read(one, copy.legs_.emplace_back())) return std::nullopt;
    }
    return copy;
}

} // namespace tandem
