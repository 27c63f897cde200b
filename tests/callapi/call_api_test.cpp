// The Call API over a node that does what the test says. The defects are those of OpenSIPS Call API (PEERS 3b).
#include <algorithm>
#include <deque>
#include <doctest/doctest.h>
#include "base/token.hpp"
#include "callapi/call_api.hpp"
#include "net/system_random.hpp"

using namespace tandem;

namespace {

struct FakeHost final : CallHost {
    struct Asked {
        CallCommand command;
        std::function<void(Result<AcceptedCommand>)> then;
    };
    void command(CallCommand command, std::function<void(Result<AcceptedCommand>)> then) override {
        if (at_once) return at_once(command, then);
        asked.push_back({std::move(command), std::move(then)});
    }
    void end_call(std::string call_id, std::function<void(Result<void>)> then) override {
        ended.push_back(call_id);
        then(call_id == "gone" ? Result<void>(Error::not_found) : Result<void>());
    }
    void find_call(std::string call_id, std::function<void(std::optional<CallView>)> then) override {
        if (call_id == "silent") return;
        then(call_id == "gone" ? std::nullopt : std::optional(view(call_id)));
    }
    void list_calls(std::uint64_t cursor, std::size_t max, std::function<void(CallPage)> then) override {
        CHECK(max == 2);
        then(cursor == 0 ? CallPage{{view("a"), view("b")}, 1ULL << 60} : CallPage{{view("c")}, 0});
    }
    const WallClock &wall() const override { return clock; }

    static CallView view(const std::string &call_id) {
        CallView view;
        view.caller_call_id = call_id;
        view.from_uri = "sip:alice@a.example";
        view.created = at_ms(1000);
        return view;
    }

    std::deque<Asked> asked;
    std::vector<std::string> ended;
    std::function<void(const CallCommand &, const std::function<void(Result<AcceptedCommand>)> &)> at_once;
    WallClock clock{at_ms(0), 1'000'000'000};
};

struct FakeSocket final : WebSocket {
    WebSocketSend offer(std::string_view text) override { return send(text); }
    WebSocketSend send(std::string_view text) override {
        if (closed) return WebSocketSend::closed;
        if (is_full) return WebSocketSend::full;
        sent.emplace_back(text);
        return WebSocketSend::queued;
    }
    void close(WebSocketClose code, std::string_view) override { closed = code; }
    std::size_t queued_bytes() const override { return 0; }
    const Endpoint &peer() const override { return endpoint; }

    std::vector<std::string> sent;
    bool is_full = false;
    std::optional<WebSocketClose> closed;
    Endpoint endpoint;
};

// "CallHold 1 CallHoldStart {...}" of a notification, an answer as it is.
std::string brief(const std::string &text) {
    const Json json = *parse_json(text);
    if (!json.contains("method")) return text;
    const Json &params = json["params"];
    std::string line = json["method"].get<std::string>() + " " + params["cmd_id"].get<std::string>() + " " +
                       params["event"].get<std::string>();
    if (params.contains("data")) line += " " + to_text(params["data"]);
    return line;
}

struct Server;

struct Client {
    explicit Client(CallApi &api) {
        HttpRequest request;
        request.target = "/call-api";
        auto made = api.on_upgrade(request);
        REQUIRE(made.ok());
        session = std::move(*made);
        session->on_open(socket);
    }
    void say(std::string_view text) { session->on_text(text); }
    void call(std::string_view method, std::string_view params, std::string_view id = "1") {
        say(R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"method":")" + std::string(method) + R"(","params":)" +
            std::string(params) + "}");
    }
    // What came since the last time.
    std::vector<std::string> heard() {
        std::vector<std::string> lines;
        for (; read < socket->sent.size(); ++read) lines.push_back(brief(socket->sent[read]));
        return lines;
    }
    void vanish() {
        session->on_closed(WebSocketClose::abnormal);
        session.reset();
    }

    std::shared_ptr<FakeSocket> socket = std::make_shared<FakeSocket>();
    std::unique_ptr<WebSocketSession> session;
    std::size_t read = 0;
};

struct Server {
    explicit Server(const CallApiOptions &options = {}) : api(options, host, random, [this] { return now; }) {}

    // The node takes the oldest command.
    void accept(std::uint64_t id, std::string destination = {}) {
        REQUIRE(!host.asked.empty());
        const auto asked = host.asked.front();
        host.asked.pop_front();
        asked.then(AcceptedCommand{CommandId(id), std::move(destination)});
    }
    void refuse(Error error) {
        const auto asked = host.asked.front();
        host.asked.pop_front();
        asked.then(error);
    }
    void tell(std::uint64_t id, CallEventKind kind, Side side = Side::caller, std::uint16_t status = 200,
              std::string text = {}) {
        CallEvent event;
        event.kind = kind;
        event.command = CommandId(id);
        event.side = side;
        event.status = status;
        event.text = std::move(text);
        event.call_id = "started";
        api.on_event(event);
    }
    void wait(Duration time) {
        now += time;
        api.advance();
    }

    FakeHost host;
    SystemRandom random;
    Instant now = at_ms(0);
    CallApi api;
};

using Lines = std::vector<std::string>;
using Kind = CallEventKind;

std::string started(std::string_view cmd_id, std::string_view id = "1") {
    return R"({"id":)" + std::string(id) + R"(,"jsonrpc":"2.0","result":{"cmd_id":")" + std::string(cmd_id) +
           R"(","event":"Started"}})";
}

int code_of(const std::string &answer) { return parse_json(answer)->at("error").at("code").get<int>(); }

constexpr std::string_view hold = R"({"callid":"c1","cmd_id":"x"})";

} // namespace

TEST_CASE("call api: CallHold and CallUnhold tell each leg, and end") {
    Server server;
    Client client(server.api);
    client.call("CallHold", hold);
    CHECK(client.heard() == Lines{started("x")});
    CHECK(server.host.asked[0].command.kind == CommandKind::hold);
    CHECK(server.host.asked[0].command.call_id == "c1");
    server.accept(7);
    server.tell(7, Kind::command_accepted);
    for (const Side side : {Side::caller, Side::callee}) {
        server.tell(7, Kind::command_started, side);
        server.tell(7, Kind::command_succeeded, side);
    }
    server.tell(7, Kind::command_ended);
    CHECK(client.heard() == Lines{"CallHold x CallHolding", R"(CallHold x CallHoldStart {"leg":"caller"})",
                                  R"(CallHold x CallHoldSuccessful {"leg":"caller"})",
                                  R"(CallHold x CallHoldStart {"leg":"callee"})",
                                  R"(CallHold x CallHoldSuccessful {"leg":"callee"})", "CallHold x Ended"});
    client.call("CallUnhold", hold, "\"two\"");
    server.accept(8);
    server.tell(8, Kind::command_accepted);
    server.tell(8, Kind::command_started, Side::callee);
    server.tell(8, Kind::command_succeeded, Side::callee);
    server.tell(8, Kind::command_ended);
    CHECK(client.heard() == Lines{started("x", "\"two\""), "CallUnhold x CallUnholding",
                                  R"(CallUnhold x CallUnholdStart {"leg":"callee"})",
                                  R"(CallUnhold x CallUnholdSuccessful {"leg":"callee"})", "CallUnhold x Ended"});
}

TEST_CASE("call api: both transfers tell where to, how it goes on, and that it is over") {
    Server server;
    Client client(server.api);
    client.call("CallBlindTransfer",
                R"({"cmd_id":"b","callid":"c1","leg":"callee","destination":"sip:carol@c.example"})");
    client.heard();
    CHECK(server.host.asked[0].command.leg == Side::callee);
    CHECK(server.host.asked[0].command.uri == "sip:carol@c.example");
    server.accept(1);
    server.tell(1, Kind::command_accepted);
    server.tell(1, Kind::command_started);
    server.tell(1, Kind::command_pending, Side::caller, 180, "SIP/2.0 180 Ringing");
    server.tell(1, Kind::command_succeeded);
    server.tell(1, Kind::command_ended);
    const std::string data = R"({"callid":"c1","destination":"sip:carol@c.example")";
    CHECK(client.heard() == Lines{R"(CallBlindTransfer b Transferring {"destination":"sip:carol@c.example"})",
                                  "CallBlindTransfer b TransferStart " + data + "}",
                                  "CallBlindTransfer b TransferPending " + data + R"(,"extra":"SIP/2.0 180 Ringing"})",
                                  "CallBlindTransfer b TransferSuccessful " + data + "}", "CallBlindTransfer b Ended"});

    client.call("CallAttendedTransfer",
                R"({"cmd_id":"a","callidA":"c1","legA":"caller","callidB":"c2","legB":"callee"})");
    client.heard();
    CHECK(server.host.asked[0].command.other_call_id == "c2");
    CHECK(server.host.asked[0].command.other_leg == Side::callee);
    server.accept(2, "sip:dave@d.example");
    server.tell(2, Kind::command_accepted);
    server.tell(2, Kind::command_succeeded);
    server.tell(2, Kind::command_ended);
    CHECK(client.heard() ==
          Lines{R"(CallAttendedTransfer a Transferring {"destination":"sip:dave@d.example"})",
                R"(CallAttendedTransfer a TransferSuccessful {"callid":"c1","destination":"sip:dave@d.example"})",
                "CallAttendedTransfer a Ended"});
}

TEST_CASE("call api: CallEnd ends, whichever leg's Call-ID names the call; an unknown one is an Error, then Ended") {
    Server server;
    Client client(server.api);
    client.call("CallEnd", R"({"callid":"c1","cmd_id":"e"})");
    CHECK(client.heard() == Lines{started("e"), "CallEnd e Ended"});
    client.call("CallEnd", R"({"callid":"gone","cmd_id":"e"})");
    CHECK(client.heard() ==
          Lines{started("e"), "CallEnd e Error \"no such call, or no way to whom it names\"", "CallEnd e Ended"});
    CHECK(server.host.ended == Lines{"c1", "gone"});
}

TEST_CASE("call api: Echo says the same, CallGet and CallList say how things are") {
    Server server;
    Client client(server.api);
    client.call("Echo", R"({"cmd_id":"1","a":"b"})");
    CHECK(client.heard() == Lines{started("1"), R"(Echo 1 Reply {"a":"b","cmd_id":"1"})", "Echo 1 Ended"});
    client.call("CallGet", R"({"callid":"a"})");
    const Json call = parse_json(client.heard().at(0))->at("result");
    CHECK(call["callid"] == "a");
    CHECK(call["from_uri"] == "sip:alice@a.example");
    CHECK(call["init_ts"] == 1'001'000'000);
    CHECK(call["start_ts"] == 0);
    client.call("CallGet", R"({"callid":"gone"})");
    CHECK(code_of(client.heard().at(0)) == -32001);
    client.call("CallList", R"({"limit":2})");
    Json page = parse_json(client.heard().at(0))->at("result");
    CHECK(page["calls"].size() == 2);
    CHECK(page["cursor"] == "1152921504606846976"); // beyond what a double holds
    client.call("CallList", R"({"limit":2,"cursor":"1152921504606846976"})");
    page = parse_json(client.heard().at(0))->at("result");
    CHECK(page["calls"].size() == 1);
    CHECK(!page.contains("cursor"));
}

TEST_CASE("call api: a command without a cmd_id gets one, and one in use is a conflict of that client alone") {
    Server server;
    Client client(server.api), other(server.api);
    client.call("CallHold", R"({"callid":"c1"})");
    CHECK(parse_json(client.heard().at(0))->at("result").at("cmd_id").get<std::string>().size() == token_size);
    client.call("CallHold", hold);
    client.call("CallUnhold", hold);
    CHECK(code_of(client.heard().at(1)) == -32002);
    other.call("CallHold", hold);
    CHECK(other.heard() == Lines{started("x")});
}

TEST_CASE("call api: what is missing or wrong is -32602 with its name, and nothing is begun") {
    Server server;
    Client client(server.api);
    const auto error = [&](std::string_view method, std::string_view params) {
        client.call(method, params);
        const Json answer = *parse_json(client.heard().at(0));
        CHECK(answer["error"]["code"] == -32602);
        return answer["error"]["message"].get<std::string>();
    };
    CHECK(error("CallHold", "{}") == "\"callid\" is missing: a string");
    CHECK(error("CallHold", R"({"callid":7})") == "\"callid\" must be a string");
    CHECK(error("CallHold", R"({"callid":"a\r\nX: y"})") == "\"callid\" has control characters");
    CHECK(error("CallHold", R"({"callid":"a","cmd_id":7})") == "\"cmd_id\" must be a string");
    CHECK(error("CallHold", R"({"callid":"a","deadline-ms":0})") ==
          "\"deadline-ms\" must be a whole number from 1 to 600000");
    CHECK(error("CallBlindTransfer", R"({"callid":"a","leg":"both","destination":"sip:a"})") ==
          "\"leg\" must be \"caller\" or \"callee\"");
    CHECK(error("CallBlindTransfer", R"({"callid":"a","leg":"caller"})") == "\"destination\" is missing: a string");
    CHECK(error("CallStart", R"({"caller":"sip:a"})") == "\"callee\" is missing: a string");
    CHECK(error("CallList", R"({"cursor":"x"})") == "\"cursor\" must be what a page has given");
    CHECK(server.host.asked.empty());
    CHECK(server.api.statistics().commands == 0);
}

TEST_CASE("call api: each client hears of what it has asked for") {
    Server server;
    Client one(server.api), two(server.api);
    one.call("CallHold", R"({"callid":"c1","cmd_id":"x"})");
    two.call("CallHold", R"({"callid":"c2","cmd_id":"x"})");
    server.accept(1);
    server.accept(2);
    one.heard(), two.heard();
    server.tell(2, Kind::command_accepted);
    CHECK(one.heard().empty());
    CHECK(two.heard() == Lines{"CallHold x CallHolding"});
    server.tell(1, Kind::command_ended);
    CHECK(one.heard() == Lines{"CallHold x Ended"});
    CHECK(two.heard().empty());
}

TEST_CASE("call api: a client that vanishes leaves its commands and calls as they are (W1)") {
    Server server;
    {
        Client client(server.api);
        client.call("CallHold", hold);
        client.vanish();
    }
    server.accept(1);
    server.tell(1, Kind::command_accepted);
    server.tell(1, Kind::command_ended);
    CHECK(server.host.ended.empty());
    CHECK(!server.api.next_deadline());
}

TEST_CASE("call api: who does not read what he has asked for is closed, 1013 (W2)") {
    Server server;
    Client client(server.api);
    client.call("CallHold", hold);
    server.accept(1);
    client.socket->is_full = true;
    server.tell(1, Kind::command_accepted);
    CHECK(client.socket->closed == WebSocketClose::try_again_later);
    server.tell(1, Kind::command_ended);
    CHECK(!server.api.next_deadline());
}

TEST_CASE("call api: commands and calls without an answer have a bound") {
    Server server({.command_max = 3, .client_command_max = 2});
    Client one(server.api), two(server.api);
    for (Client *client : {&one, &one, &one, &two, &two}) client->call("CallHold", R"({"callid":"c"})");
    CHECK(code_of(one.heard().at(2)) == -32004);
    CHECK(code_of(two.heard().at(1)) == -32004);
    CHECK(server.host.asked.size() == 3);
    for (std::size_t i = 0; i <= RpcSession::unanswered_max; ++i) one.call("CallGet", R"({"callid":"silent"})");
    CHECK(one.socket->closed == WebSocketClose::policy);
    two.call("CallGet", R"({"callid":"silent"})");
    server.wait(std::chrono::seconds(33));
    CHECK(code_of(two.heard().at(0)) == -32006);
}

TEST_CASE("call api: a command that contradicts one at work is told of the conflict (H5)") {
    Server server;
    Client client(server.api);
    client.call("CallHold", hold);
    client.call("CallUnhold", R"({"callid":"c1","cmd_id":"y"})");
    server.accept(1);
    server.refuse(Error::conflict);
    client.heard();
    CHECK(client.socket->sent.size() == 4);
    CHECK(brief(client.socket->sent[2]) == "CallUnhold y Error \"another command is at work on this call\"");
    CHECK(brief(client.socket->sent[3]) == "CallUnhold y Ended");
}

TEST_CASE("call api, defect 1: a leg that fails is an Error with its reason, then Ended, not a pending for ever") {
    Server server;
    Client client(server.api);
    client.call("CallBlindTransfer", R"({"cmd_id":"b","callid":"c","leg":"caller","destination":"sip:x"})");
    server.accept(1);
    server.tell(1, Kind::command_ended, Side::caller, 486, "Busy Here");
    CHECK(client.heard() ==
          Lines{started("b"), "CallBlindTransfer b Error \"486 Busy Here\"", "CallBlindTransfer b Ended"});
    CHECK(server.api.statistics().failed == 1);
}

TEST_CASE("call api, defect 2: events of another call do not complete a command") {
    Server server;
    Client client(server.api);
    client.call("CallHold", hold);
    server.accept(1);
    client.heard();
    for (const Kind kind : {Kind::command_succeeded, Kind::command_ended, Kind::dtmf}) server.tell(99, kind);
    CHECK(client.heard().empty());
    CHECK(server.api.next_deadline());
}

TEST_CASE("call api, defect 3: a hold with one leg to be asked ends") {
    Server server;
    Client client(server.api);
    client.call("CallHold", hold);
    server.accept(1);
    server.tell(1, Kind::command_succeeded, Side::callee);
    server.tell(1, Kind::command_ended);
    CHECK(client.heard().back() == "CallHold x Ended");
}

TEST_CASE("call api, defect 4: a client that was quiet for an hour hears of its commands") {
    Server server;
    Client client(server.api);
    for (int i = 0; i < 60; ++i) server.wait(std::chrono::minutes(1));
    client.call("CallHold", hold);
    server.accept(1);
    server.tell(1, Kind::command_accepted);
    CHECK(client.heard().back() == "CallHold x CallHolding");
}

TEST_CASE("call api, defect 5: of a command that was refused nothing is left") {
    Server server;
    Client client(server.api);
    client.call("CallBlindTransfer", R"({"cmd_id":"b","callid":"c","leg":"caller","destination":"x"})");
    server.refuse(Error::invalid);
    CHECK(client.heard().back() == "CallBlindTransfer b Ended");
    CHECK(!server.api.next_deadline());
    client.call("CallHold", R"({"callid":"c","cmd_id":"b"})"); // the name is free
    CHECK(client.heard() == Lines{started("b")});
}

TEST_CASE(
    "call api, defect 6: Started comes before the first notification, also of a batch and however quick the node") {
    Server server;
    Client client(server.api);
    server.host.at_once = [&](const CallCommand &, const std::function<void(Result<AcceptedCommand>)> &then) {
        then(AcceptedCommand{CommandId(1), {}});
        server.tell(1, Kind::command_accepted);
        server.tell(1, Kind::command_ended);
    };
    client.call("CallHold", hold);
    CHECK(client.heard() == Lines{started("x"), "CallHold x CallHolding", "CallHold x Ended"});
    client.say(R"([{"jsonrpc":"2.0","id":1,"method":"CallHold","params":{"callid":"c","cmd_id":"x"}},
                   {"jsonrpc":"2.0","id":2,"method":"CallGet","params":{"callid":"silent"}}])");
    CHECK(client.heard().empty());
    server.wait(std::chrono::seconds(33));
    const Lines heard = client.heard();
    REQUIRE(heard.size() == 3);
    CHECK(heard[0].starts_with("["));
    CHECK(heard[1] == "CallHold x CallHolding");
}

TEST_CASE("call api, defect 7: parallel commands get their own answers, in any order") {
    Server server;
    Client client(server.api);
    for (int i = 0; i < 10; ++i) {
        client.call("CallHold", R"({"callid":"c)" + std::to_string(i) + R"(","cmd_id":")" + std::to_string(i) + "\"}",
                    std::to_string(i));
    }
    for (std::uint64_t i = 0; i < 10; ++i) server.accept(i + 1);
    client.heard();
    for (std::uint64_t i = 10; i > 0; --i) server.tell(i, Kind::command_ended);
    Lines expected;
    for (int i = 9; i >= 0; --i) expected.push_back("CallHold " + std::to_string(i) + " Ended");
    CHECK(client.heard() == expected);
}

TEST_CASE("call api, defect 8: each method of the contract is known by its name") {
    Server server;
    Client client(server.api);
    for (const char *method : {"CallStart", "CallHold", "CallUnhold", "CallBlindTransfer", "CallAttendedTransfer",
                               "CallEnd", "CallList", "CallGet", "Echo"}) {
        client.call(method, R"({"limit":0})");
        const Lines heard = client.heard();
        CHECK_MESSAGE((heard[0].find("-32601") == std::string::npos), method);
    }
    client.call("Test", "{}");
    CHECK(code_of(client.heard().at(0)) == -32601);
}

TEST_CASE("call api, defect 9: CallStart asks the node for a call, and no phone for a REFER") {
    Server server;
    Client client(server.api);
    client.call("CallStart", R"({"cmd_id":"s","caller":"sip:alice@a.example","callee":"sip:bob@b.example"})");
    CHECK(server.host.asked[0].command.kind == CommandKind::start);
    server.accept(1);
    server.tell(1, Kind::command_accepted);
    server.tell(1, Kind::command_answered);
    server.tell(1, Kind::command_started);
    server.tell(1, Kind::command_pending, Side::callee, 180, "SIP/2.0 180 Ringing");
    server.tell(1, Kind::command_succeeded);
    server.tell(1, Kind::command_ended);
    const std::string both = R"("callee":"sip:bob@b.example","caller":"sip:alice@a.example")";
    const std::string data = R"("callee":"sip:bob@b.example","caller":"sip:alice@a.example","callid":"started")";
    CHECK(client.heard() ==
          Lines{started("s"), "CallStart s CallerAnswered {" + both + "}",
                R"(CallStart s Transferring {"caller":"sip:alice@a.example","destination":"sip:bob@b.example"})",
                "CallStart s TransferStart {" + data + "}",
                "CallStart s TransferPending {" + data + R"(,"extra":"SIP/2.0 180 Ringing"})",
                "CallStart s CalleeAnswered {" + data + "}", "CallStart s Ended"});
}

TEST_CASE("call api, defect 10: each command ends at its deadline, whatever the node does") {
    Server server;
    Client client(server.api);
    client.call("CallHold", R"({"callid":"c1","cmd_id":"x","deadline-ms":5000})");
    client.heard();
    CHECK(server.host.asked[0].command.deadline == std::chrono::seconds(5));
    server.wait(std::chrono::milliseconds(7999)); // the engine has three seconds more to say it
    CHECK(client.heard().empty());
    server.wait(std::chrono::milliseconds(1));
    CHECK(client.heard() == Lines{"CallHold x Error \"nothing was heard of it in time\"", "CallHold x Ended"});
    server.accept(1); // too late
    server.tell(1, Kind::command_accepted);
    CHECK(client.heard().empty());
    CHECK(server.api.statistics().overdue == 1);
}

TEST_CASE("call api, defect 11: batches are answered, notifications are not, a parse error has a null id") {
    Server server;
    Client client(server.api);
    client.say("[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"CallGet\",\"params\":{\"callid\":\"gone\"}},"
               "{\"jsonrpc\":\"2.0\",\"method\":\"CallHold\",\"params\":{\"callid\":\"c\",\"cmd_id\":\"n\"}}]");
    const Lines heard = client.heard();
    REQUIRE(heard.size() == 1);
    CHECK(parse_json(heard[0])->size() == 1);
    server.accept(1);
    server.tell(1, Kind::command_ended);
    CHECK(client.heard() == Lines{"CallHold n Ended"}); // it was carried out all the same
    client.say("{");
    const Json answer = *parse_json(client.heard().at(0));
    CHECK(answer["error"]["code"] == -32700);
    CHECK(answer["id"].is_null());
}

TEST_CASE("call api: it is at /call-api, for who has the token; without an upgrade it says what is needed") {
    Server server({.token = "secret"});
    HttpRequest request;
    request.target = "/call-api";
    CHECK(server.api.on_upgrade(request).error().status == 401);
    request.fields = {{"Authorization", "Bearer secret"}};
    CHECK(server.api.on_upgrade(request).ok());
    request.fields = {{"Sec-WebSocket-Protocol", "bearer.c2VjcmV0, call-api"}};
    auto session = server.api.on_upgrade(request);
    REQUIRE(session.ok());
    CHECK((*session)->protocol() == "call-api");
    request.target = "/other";
    CHECK(server.api.on_upgrade(request).error().status == 404);
    unsigned status = 0;
    request.target = "/call-api?x";
    server.api.on_request(request, HttpReply([&](const HttpResponse &response) { status = response.status; }));
    CHECK(status == 426);
}
