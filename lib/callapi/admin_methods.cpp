#include "callapi/admin_methods.hpp"
#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <initializer_list>
#include <limits>
#include <memory>
#include <optional>
#include <utility>
#include "callapi/admin_json.hpp"
#include "callapi/admin_params.hpp"

namespace tandem {
namespace {

RpcCode code_of(Error error) {
    switch (error) {
    case Error::not_found:
    case Error::no_profile: return RpcCode::not_found;
    case Error::invalid:
    case Error::too_large: return RpcCode::invalid_params;
    case Error::store_failed:
    case Error::store_renewed:
    case Error::config_invalid:
    case Error::io: return RpcCode::unavailable;
    case Error::full: return RpcCode::full;
    case Error::wrong_state: return RpcCode::wrong_state;
    default: return RpcCode::internal_error;
    }
}

RpcError error_of(const Failure &failure) {
    return {
        code_of(failure.error), failure.detail.empty() ? std::string(to_string(failure.error)) : failure.detail, {}};
}

// Whatever comes, what `render` makes of it goes on.
template <class T, class Render>
Answer<T> to_reply(RpcReply reply, Render render) {
    return [reply = std::make_shared<RpcReply>(std::move(reply)), render](Result<T, Failure> result) {
        result ? reply->succeed(render(*result)) : reply->fail(error_of(result.error()));
    };
}

Json page_of(Json items, std::uint64_t next) {
    return {{"items", std::move(items)}, {"next", next == 0 ? Json() : Json(std::to_string(next))}};
}

constexpr std::size_t page_bytes = 256 << 10; // of text; then a page ends: it is to stay below RpcSession::answer_max

template <class T>
using Ask = std::function<void(std::uint64_t cursor, std::size_t limit, Answer<AdminPage<T>> then)>;

// A page as it grows: its host is asked for a part at a time, so that it can end at any of them.
template <class T>
struct PageRun {
    Ask<T> ask;
    std::uint64_t cursor;
    std::size_t left; // that were asked for
    RpcReply reply;
    std::size_t part = 0; // the present one's size
    std::size_t bytes = 0;
    Json items = Json::array();
};

// Adds an item, and says how long its text is.
std::size_t add_item(Json &items, const DialogInfo &dialog) {
    return to_text(items.emplace_back(to_json(dialog))).size();
}

// A record whose row somebody has made unreadable is left out by the host, or here.
std::size_t add_item(Json &items, const std::string &text) {
    if (auto record = parse_json(text)) items.push_back(std::move(*record));
    return text.size();
}

template <class T>
void grow_page(std::shared_ptr<PageRun<T>> run);

template <class T>
void add_part(std::shared_ptr<PageRun<T>> run, const Result<AdminPage<T>, Failure> &part) {
    if (!part && run->items.empty()) return run->reply.fail(error_of(part.error()));
    if (part) {
        for (const T &item : part->items) run->bytes += add_item(run->items, item);
        run->cursor = part->next;
        run->left -= std::min(run->left, part->items.size());
        // A part that is not full has cost the host as much as a page may.
        const bool is_full = part->items.size() >= run->part;
        if (is_full && run->cursor != 0 && run->left > 0 && run->bytes < page_bytes) return grow_page(std::move(run));
    }
    run->reply.succeed(page_of(std::move(run->items), run->cursor));
}

template <class T>
void grow_page(std::shared_ptr<PageRun<T>> run) {
    run->part = std::min(run->left, admin_page);
    run->ask(run->cursor, run->part,
             [run](const Result<AdminPage<T>, Failure> &part) mutable { add_part<T>(std::move(run), part); });
}

template <class T>
void begin_page(Ask<T> ask, std::uint64_t cursor, std::size_t limit, RpcReply reply) {
    grow_page(std::make_shared<PageRun<T>>(PageRun<T>{std::move(ask), cursor, limit, std::move(reply)}));
}

Json bindings_json(const std::vector<BindingRecord> &bindings, const WallClock &wall) {
    Json items = Json::array();
    for (const BindingRecord &binding : bindings) items.push_back(to_json(binding, wall));
    return items;
}

using AdminMethod = void (*)(AdminHost &, RpcParams &, RpcReply);

// Each checks its parameters before it asks.

void count_dialogs(AdminHost &host, RpcParams &params, RpcReply reply) {
    allow_only(params, {});
    if (params.error()) return reply.fail(*params.error());
    host.count_dialogs(
        to_reply<DialogStatistics>(std::move(reply), [](const auto &counts) { return to_json(counts); }));
}

void list_dialogs(AdminHost &host, RpcParams &params, RpcReply reply) {
    allow_only(params, {"cursor", "limit", "filter"});
    DialogQuery query{read_filter(params), read_cursor(params), read_limit(params)};
    if (params.error()) return reply.fail(*params.error());
    const auto ask = [&host, filter = query.filter](std::uint64_t cursor, std::size_t limit,
                                                    Answer<AdminPage<DialogInfo>> then) {
        host.list_dialogs({filter, cursor, limit}, std::move(then));
    };
    begin_page<DialogInfo>(ask, query.cursor, query.limit, std::move(reply));
}

void get_dialog(AdminHost &host, RpcParams &params, RpcReply reply) {
    allow_only(params, {"id", "call-id"});
    DialogName name = read_dialog(params);
    if (params.error()) return reply.fail(*params.error());
    host.get_dialog(std::move(name),
                    to_reply<DialogInfo>(std::move(reply), [](const DialogInfo &one) { return to_json(one); }));
}

void get_variable(AdminHost &host, RpcParams &params, RpcReply reply) {
    allow_only(params, {"id", "call-id", "name"});
    DialogName dialog = read_dialog(params);
    const auto name = optional_text(params, "name");
    if (params.error()) return reply.fail(*params.error());
    host.get_dialog(std::move(dialog), to_reply<DialogInfo>(std::move(reply), [name](const DialogInfo &one) {
                        Json variables = to_json(one)["variables"];
                        if (!name) return variables;
                        const auto found = variables.find(*name);
                        return found == variables.end() ? Json() : *found;
                    }));
}

void set_variable(AdminHost &host, RpcParams &params, RpcReply reply) {
    allow_only(params, {"id", "call-id", "name", "value"});
    DialogName dialog = read_dialog(params);
    std::string name = params.text("name");
    std::optional<CdrVariable> value = read_value(params);
    if (params.error()) return reply.fail(*params.error());
    host.set_variable(std::move(dialog), std::move(name), std::move(value),
                      to_reply<RecordId>(std::move(reply), [](RecordId id) {
                          return Json{{"id", id.to_string()}};
                      }));
}

void end_dialog(AdminHost &host, RpcParams &params, RpcReply reply) {
    allow_only(params, {"id", "call-id", "reason"});
    DialogName name = read_dialog(params);
    const EndReason reason = read_reason(params);
    if (params.error()) return reply.fail(*params.error());
    host.end_dialog(std::move(name), reason, to_reply<EndedDialog>(std::move(reply), [](const EndedDialog &ended) {
                        return Json{{"id", ended.id.to_string()}, {"was_ending", ended.was_ending}};
                    }));
}

void list_profiles(AdminHost &host, RpcParams &params, RpcReply reply) {
    allow_only(params, {});
    if (params.error()) return reply.fail(*params.error());
    Json items = Json::array();
    for (const ProfileInfo &profile : host.profiles()) items.push_back(to_json(profile));
    reply.succeed(page_of(std::move(items), 0));
}

void get_profile_size(AdminHost &host, RpcParams &params, RpcReply reply) {
    allow_only(params, {"profile", "value"});
    std::string profile = params.text("profile");
    auto value = optional_text(params, "value");
    if (params.error()) return reply.fail(*params.error());
    host.get_profile_size(std::move(profile), std::move(value),
                          to_reply<std::uint32_t>(std::move(reply), [](std::uint32_t size) { return Json(size); }));
}

void list_profile(AdminHost &host, RpcParams &params, RpcReply reply) {
    allow_only(params, {"profile", "value", "cursor", "limit"});
    std::string profile = params.text("profile");
    ProfileQuery query{std::move(profile), optional_text(params, "value"), read_cursor(params), read_limit(params)};
    if (params.error()) return reply.fail(*params.error());
    const auto ask = [&host, query](std::uint64_t cursor, std::size_t limit, Answer<AdminPage<DialogInfo>> then) {
        host.list_profile({query.profile, query.value, cursor, limit}, std::move(then));
    };
    begin_page<DialogInfo>(ask, query.cursor, query.limit, std::move(reply));
}

void list_profile_values(AdminHost &host, RpcParams &params, RpcReply reply) {
    allow_only(params, {"profile", "cursor", "limit"});
    const std::string profile = params.text("profile");
    const std::uint64_t cursor = read_cursor(params);
    const std::size_t limit = read_limit(params);
    if (params.error()) return reply.fail(*params.error());
    const auto page = host.profile_values(profile, cursor, limit);
    if (!page && page.error() == Error::no_profile) {
        return reply.fail({RpcCode::not_found, fmt::format("no profile \"{}\" is declared", profile), {}});
    }
    if (!page) params.fail("profile", "has no values, or \"cursor\" is none of a page of its");
    if (params.error()) return reply.fail(*params.error());
    Json items = Json::array();
    for (const ProfileValueInfo &value : page->items) items.push_back(to_json(value));
    reply.succeed(page_of(std::move(items), page->next));
}

void audit(AdminHost &host, RpcParams &params, RpcReply reply) {
    allow_only(params, {});
    if (params.error()) return reply.fail(*params.error());
    host.audit(to_reply<NamedCounts>(std::move(reply), [](const NamedCounts &counts) {
        Json json = Json::object();
        for (const auto &[name, count] : counts) json[std::string(name)] = count;
        return json;
    }));
}

void list_cdrs(AdminHost &host, RpcParams &params, RpcReply reply) {
    allow_only(params, {"since", "limit", "cursor"});
    constexpr std::uint64_t latest = std::numeric_limits<std::int64_t>::max();
    const auto since = static_cast<std::int64_t>(params.number_or("since", 0, 0, latest));
    const CdrQuery query{since, read_cursor(params), read_limit(params)};
    if (params.error()) return reply.fail(*params.error());
    const auto ask = [&host, since](std::uint64_t cursor, std::size_t limit, Answer<AdminPage<std::string>> then) {
        host.list_cdrs({since, cursor, limit}, std::move(then));
    };
    begin_page<std::string>(ask, query.cursor, query.limit, std::move(reply));
}

void list_messages(AdminHost &host, RpcParams &params, RpcReply reply) {
    allow_only(params, {"caller", "callee"});
    std::array<std::string, 2> call_ids{optional_text(params, "caller").value_or(""),
                                        optional_text(params, "callee").value_or("")};
    if (call_ids[0].empty() && call_ids[1].empty()) params.fail("caller", "or \"callee\" must be the Call-ID of a leg");
    if (params.error()) return reply.fail(*params.error());
    host.list_messages(std::move(call_ids), to_reply<CallMessages>(std::move(reply), [](const CallMessages &messages) {
                           return to_json(messages);
                       }));
}

void list_trunks(AdminHost &host, RpcParams &params, RpcReply reply) {
    allow_only(params, {});
    if (params.error()) return reply.fail(*params.error());
    host.list_trunks(to_reply<std::vector<TrunkInfo>>(std::move(reply), [&host](const std::vector<TrunkInfo> &trunks) {
        Json items = Json::array();
        for (const TrunkInfo &trunk : trunks) items.push_back(to_json(trunk, host.wall()));
        return page_of(std::move(items), 0);
    }));
}

// The cursor is the last address-of-record of the page before: users keep their order.
void list_bindings(AdminHost &host, RpcParams &params, RpcReply reply) {
    allow_only(params, {"cursor", "limit", "aor"});
    const std::string behind = optional_text(params, "cursor").value_or("");
    const std::size_t limit = read_limit(params);
    const auto aor = optional_text(params, "aor");
    if (params.error()) return reply.fail(*params.error());
    if (aor) return reply.succeed(page_of(bindings_json(host.bindings_of(*aor), host.wall()), 0));
    const std::vector<BindingRecord> bindings = host.list_bindings(behind, limit);
    const Json next = bindings.size() < limit ? Json() : Json(bindings.back().aor);
    reply.succeed(Json{{"items", bindings_json(bindings, host.wall())}, {"next", next}});
}

void reload(AdminHost &host, RpcParams &params, RpcReply reply) {
    allow_only(params, {});
    if (params.error()) return reply.fail(*params.error());
    host.reload(to_reply<bool>(std::move(reply), [](bool) { return Json{{"reloaded", true}}; }));
}

} // namespace

void add_admin_methods(JsonRpc &rpc, AdminHost &host) {
    for (const auto &[name, method] :
         std::initializer_list<std::pair<const char *, AdminMethod>>{{"dlg.stats_active", count_dialogs},
                                                                     {"dlg.list", list_dialogs},
                                                                     {"dlg.get", get_dialog},
                                                                     {"dlg.get_var", get_variable},
                                                                     {"dlg.set_var", set_variable},
                                                                     {"dlg.end", end_dialog},
                                                                     {"dlg.profiles", list_profiles},
                                                                     {"dlg.profile_get_size", get_profile_size},
                                                                     {"dlg.profile_list", list_profile},
                                                                     {"dlg.profile_values", list_profile_values},
                                                                     {"dlg.messages", list_messages},
                                                                     {"dlg.audit", audit},
                                                                     {"cdr.list", list_cdrs},
                                                                     {"trunk.list", list_trunks},
                                                                     {"registrar.list", list_bindings},
                                                                     {"config.reload", reload}}) {
        rpc.add(name,
                [&host, method = method](RpcParams params, RpcReply reply) { method(host, params, std::move(reply)); });
    }
}

} // namespace tandem
