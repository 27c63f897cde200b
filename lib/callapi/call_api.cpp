#include "callapi/call_api.hpp"
#include <algorithm>
#include <utility>
#include "base/text.hpp"
#include "base/token.hpp"
#include "dialog/dialog_state.hpp"

namespace tandem {
namespace {

constexpr std::string_view path = "/call-api";
constexpr std::size_t cmd_id_max = 128;
constexpr std::uint64_t deadline_max_ms = 600'000;
constexpr std::size_t question_max = 128; // that wait for the node: each is a part of a turn of a loop
constexpr std::size_t page_max = 500;     // calls; their text has room in a client's queue

std::string read_cmd_id(RpcParams &params, Random &random) {
    std::string given = params.text_or("cmd_id", {}, cmd_id_max);
    return given.empty() ? make_token(random) : given;
}

Side read_leg(RpcParams &params, std::string_view name) {
    const auto side = parse_side(params.text(name));
    if (!side) params.fail(name, "must be \"caller\" or \"callee\"");
    return side.value_or(Side::caller);
}

CallCommand read_command(CommandKind kind, RpcParams &params) {
    CallCommand command{.kind = kind};
    switch (kind) {
    case CommandKind::hold:
    case CommandKind::resume: command.call_id = params.text("callid"); break;
    case CommandKind::transfer:
        command.call_id = params.text("callid");
        command.leg = read_leg(params, "leg");
        command.uri = params.text("destination");
        break;
    case CommandKind::join:
        command.call_id = params.text("callidA");
        command.leg = read_leg(params, "legA");
        command.other_call_id = params.text("callidB");
        command.other_leg = read_leg(params, "legB");
        break;
    case CommandKind::start:
        command.caller = params.text("caller");
        command.callee = params.text("callee");
        break;
    }
    return command;
}

Json started(const std::string &cmd_id) { return {{"event", "Started"}, {"cmd_id", cmd_id}}; }

bool is_same(const std::weak_ptr<RpcChannel> &a, const std::weak_ptr<RpcChannel> &b) {
    return !a.owner_before(b) && !b.owner_before(a);
}

void send_notice(const std::weak_ptr<RpcChannel> &client, std::string_view method, const std::string &cmd_id,
                 const CallNotice &notice) {
    const auto channel = client.lock();
    if (!channel) return; // he has gone: the command goes on
    Json params{{"cmd_id", cmd_id}, {"event", notice.event}};
    if (!notice.data.is_null()) params["data"] = notice.data;
    channel->deliver(rpc_notification(method, params));
}

} // namespace

CallApi::CallApi(const CallApiOptions &options, CallHost &host, Random &random, std::function<Instant()> now)
    : options_(options), host_(host), random_(random), now_(std::move(now)), gate_(options.token, random) {}

CallApi::~CallApi() = default;

void CallApi::on_request(HttpRequest request, HttpReply reply) {
    if (request.path() != path) return reply.send(text_response(404, "the Call API is at /call-api"));
    HttpResponse response = text_response(426, "the Call API is spoken over WebSocket");
    response.fields.push_back({"Upgrade", "websocket"});
    reply.send(std::move(response));
}

Result<std::unique_ptr<WebSocketSession>, HttpResponse> CallApi::on_upgrade(const HttpRequest &request) {
    if (request.path() != path) return text_response(404, "the Call API is at /call-api");
    if (auto refusal = gate_.refuse(request, now_())) return std::move(*refusal);
    ++statistics_.clients;
    auto session = std::make_unique<RpcSession>(choose_protocol(request));
    session->use([this](JsonRpc &rpc, const std::shared_ptr<RpcChannel> &channel) {
        add_methods(rpc, channel);
        return options_.more ? options_.more(rpc, channel) : std::vector<std::unique_ptr<RpcFeature>>();
    });
    return std::unique_ptr<WebSocketSession>(std::move(session));
}

void CallApi::add_methods(JsonRpc &rpc, const std::shared_ptr<RpcChannel> &channel) {
    const std::weak_ptr<RpcChannel> client = channel;
    for (const CommandKind kind :
         {CommandKind::start, CommandKind::hold, CommandKind::resume, CommandKind::transfer, CommandKind::join}) {
        rpc.add(std::string(call_method(kind)), [this, kind, client](RpcParams params, RpcReply reply) {
            take_command(kind, std::move(params), std::move(reply), client);
        });
    }
    rpc.add("CallEnd", [this, client](RpcParams params, RpcReply reply) {
        take_end(std::move(params), std::move(reply), client);
    });
    rpc.add("Echo", [this, client](RpcParams params, RpcReply reply) {
        take_echo(std::move(params), std::move(reply), client);
    });
    rpc.add("CallList", [this](RpcParams params, RpcReply reply) { take_list(std::move(params), std::move(reply)); });
    rpc.add("CallGet", [this](RpcParams params, RpcReply reply) { take_get(std::move(params), std::move(reply)); });
}

void CallApi::take_command(CommandKind kind, RpcParams params, RpcReply reply,
                           const std::weak_ptr<RpcChannel> &client) {
    const bool is_start = kind == CommandKind::start;
    const auto usual = static_cast<std::uint64_t>(to_ms(is_start ? options_.start_deadline : options_.deadline));
    Command command{.cmd_id = read_cmd_id(params, random_), .method = std::string(call_method(kind)), .client = client};
    command.asked = read_command(kind, params);
    const std::uint64_t deadline_ms = params.number_or("deadline-ms", usual, 1, deadline_max_ms);
    if (const auto &wrong = params.error()) return reply.fail(*wrong);
    command.asked.deadline = std::chrono::milliseconds(deadline_ms);
    begin(std::move(command), std::move(reply), [this](std::uint64_t number, const Command &begun) {
        host_.command(begun.asked,
                      [this, number](const Result<AcceptedCommand> &accepted) { on_accepted(number, accepted); });
    });
}

void CallApi::take_end(RpcParams params, RpcReply reply, const std::weak_ptr<RpcChannel> &client) {
    Command command{.cmd_id = read_cmd_id(params, random_), .method = "CallEnd", .client = client};
    command.asked.call_id = params.text("callid");
    command.asked.deadline = options_.deadline;
    if (const auto &wrong = params.error()) return reply.fail(*wrong);
    begin(std::move(command), std::move(reply), [this](std::uint64_t number, const Command &begun) {
        host_.end_call(begun.asked.call_id,
                       [this, number](const Result<void> &ended) { on_call_ended(number, ended); });
    });
}

void CallApi::take_echo(RpcParams params, RpcReply reply, const std::weak_ptr<RpcChannel> &client) {
    std::string cmd_id = read_cmd_id(params, random_);
    if (const auto &wrong = params.error()) return reply.fail(*wrong);
    Json result = started(cmd_id);
    reply.succeed(std::move(result), [client, cmd_id, same = params.all()] {
        send_notice(client, "Echo", cmd_id, {"Reply", same});
        send_notice(client, "Echo", cmd_id, {"Ended", nullptr});
    });
}

std::optional<RpcError> CallApi::has_no_room(const Command &command) const {
    std::size_t own = 0;
    for (const auto &[number, other] : commands_) {
        if (!is_same(other.client, command.client)) continue;
        ++own;
        if (other.cmd_id == command.cmd_id) {
            return RpcError{RpcCode::conflict, "another command of yours with this \"cmd_id\" is under way", {}};
        }
    }
    if (own < options_.client_command_max && commands_.size() < options_.command_max) return std::nullopt;
    return RpcError{RpcCode::full, "too many commands are under way", {}};
}

// It begins when the client has its answer: so nothing that he hears of it comes before.
void CallApi::begin(Command command, RpcReply reply, std::function<void(std::uint64_t, const Command &)> run) {
    if (const auto full = has_no_room(command)) return reply.fail(*full);
    ++statistics_.commands;
    const std::uint64_t number = ++last_number_;
    command.until = now_() + command.asked.deadline + options_.grace;
    Json result = started(command.cmd_id);
    commands_.emplace(number, std::move(command));
    reply.succeed(std::move(result), [this, number, run = std::move(run)] {
        // A copy: the host may answer at once.
        if (const auto found = commands_.find(number); found != commands_.end()) run(number, Command(found->second));
    });
}

void CallApi::on_accepted(std::uint64_t number, const Result<AcceptedCommand> &accepted) {
    const auto found = commands_.find(number);
    if (found == commands_.end()) return; // its time was up
    if (!accepted) return fail(number, call_error_text(accepted.error()));
    found->second.id = accepted->id;
    if (found->second.asked.kind == CommandKind::join) found->second.asked.uri = accepted->destination;
    accepted_[accepted->id] = number;
}

void CallApi::on_call_ended(std::uint64_t number, const Result<void> &ended) {
    const auto found = commands_.find(number);
    if (found == commands_.end()) return;
    if (!ended) return fail(number, call_error_text(ended.error()));
    notify(found->second, {"Ended", nullptr});
    finish(number, false);
}

void CallApi::on_event(const CallEvent &event) {
    if (event.kind == CallEventKind::dtmf) return;
    const auto number = accepted_.find(event.command);
    if (number == accepted_.end()) return; // of somebody else, or its time was up
    const Command &command = commands_.at(number->second);
    for (const CallNotice &notice : call_notices(command.asked, event)) notify(command, notice);
    if (event.kind == CallEventKind::command_ended) finish(number->second, event.status >= 300);
}

void CallApi::fail(std::uint64_t number, std::string_view why) {
    const Command &command = commands_.at(number);
    notify(command, {"Error", std::string(why)});
    notify(command, {"Ended", nullptr});
    finish(number, true);
}

void CallApi::finish(std::uint64_t number, bool has_failed) {
    const auto found = commands_.find(number);
    if (has_failed) ++statistics_.failed;
    accepted_.erase(found->second.id);
    commands_.erase(found);
}

void CallApi::notify(const Command &command, const CallNotice &notice) {
    send_notice(command.client, command.method, command.cmd_id, notice);
}

void CallApi::take_list(RpcParams params, RpcReply reply) {
    const std::uint64_t max = params.number_or("limit", 100, 1, page_max);
    const auto cursor = parse_number(params.text_or("cursor", "0", 20));
    if (!cursor) params.fail("cursor", "must be what a page has given");
    if (const auto &wrong = params.error()) return reply.fail(*wrong);
    const auto question = ask(std::move(reply));
    if (!question) return;
    host_.list_calls(*cursor, max, [this, number = *question](const CallPage &page) {
        Json calls = Json::array();
        for (const CallView &call : page.calls) calls.push_back(to_json(call, host_.wall()));
        Json result{{"calls", std::move(calls)}};
        if (page.next != 0) result["cursor"] = std::to_string(page.next); // a number that not every reader can hold
        answer(number, std::move(result));
    });
}

void CallApi::take_get(RpcParams params, RpcReply reply) {
    const std::string call_id = params.text("callid");
    if (const auto &wrong = params.error()) return reply.fail(*wrong);
    const auto question = ask(std::move(reply));
    if (!question) return;
    host_.find_call(call_id, [this, number = *question](const std::optional<CallView> &call) {
        if (!call) return answer(number, RpcError{RpcCode::not_found, "no such call", {}});
        answer(number, to_json(*call, host_.wall()));
    });
}

std::optional<std::uint64_t> CallApi::ask(RpcReply reply) {
    if (questions_.size() >= question_max) {
        reply.fail({RpcCode::full, "too many questions are under way", {}});
        return std::nullopt;
    }
    questions_.emplace(++last_number_, Question{std::move(reply), now_() + options_.deadline});
    return last_number_;
}

void CallApi::answer(std::uint64_t question, Result<Json, RpcError> result) {
    auto node = questions_.extract(question);
    if (node.empty()) return; // its time was up
    RpcReply reply = std::move(node.mapped().reply);
    result ? reply.succeed(std::move(*result)) : reply.fail(result.error());
}

void CallApi::advance() {
    const Instant now = now_();
    std::vector<std::uint64_t> overdue;
    for (const auto &[number, command] : commands_) {
        if (command.until <= now) overdue.push_back(number);
    }
    for (const std::uint64_t number : overdue) {
        ++statistics_.overdue;
        fail(number, "nothing was heard of it in time");
    }
    while (!questions_.empty() && questions_.begin()->second.until <= now) {
        answer(questions_.begin()->first, RpcError{RpcCode::timed_out, "no answer in time", {}});
    }
}

std::optional<Instant> CallApi::next_deadline() const {
    Instant next = questions_.empty() ? never : questions_.begin()->second.until;
    for (const auto &[number, command] : commands_) next = std::min(next, command.until);
    return next == never ? std::nullopt : std::optional(next);
}

Json to_json(const CallView &call, const WallClock &wall) {
    const auto utc_us = [&wall](const std::optional<Instant> &at) { return at ? wall.utc_us(*at) : 0; };
    return {{"id", call.record.to_string()},
            {"callid", call.caller_call_id},
            {"callee_callid", call.callee_call_id},
            {"from_uri", call.from_uri},
            {"to_uri", call.to_uri},
            {"request_uri", call.request_uri},
            {"source", call.source},
            {"trunk", call.trunk},
            {"state", to_string(call.state)},
            {"init_ts", utc_us(call.created)},
            {"ringing_ts", utc_us(call.ringing)},
            {"start_ts", utc_us(call.answered)},
            {"held", call.is_held},
            {"busy", call.is_busy},
            {"ending", call.is_ending}};
}

} // namespace tandem
