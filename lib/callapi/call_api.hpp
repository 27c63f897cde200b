// The Call API: ws://HOST:PORT/call-api. Programs of others start, hold, resume, transfer and end calls by JSON-RPC,
// and hear what comes of it. It has the names of OpenSIPS Call API; the errors are those of JSON-RPC.
//
// A command is answered {"event":"Started","cmd_id"} when it is understood; all else is notifications, the last of them
// Ended, at its deadline at the latest. Whoever asks hears of it; if he has gone, the command goes on and calls stay.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>
#include "base/random.hpp"
#include "callapi/bearer.hpp"
#include "callapi/call_host.hpp"
#include "callapi/call_notices.hpp"
#include "callapi/rpc_session.hpp"
#include "net/http/http_server.hpp"

namespace tandem {

struct CallApiOptions {
    std::string token;                                   // empty: everybody may
    std::size_t command_max = 4096;                      // under way, of all clients
    std::size_t client_command_max = 256;                // of one
    Duration deadline = std::chrono::seconds(32);        // of a command that names none; and of a question
    Duration start_deadline = std::chrono::seconds(181); // the same of CallStart: two phones ring
    Duration grace = std::chrono::seconds(3);            // after it, for the engine to say so itself
    RpcSession::Features more{};                         // that each session has beside the commands; none: nothing
};

struct CallApiStatistics {
    std::uint64_t commands = 0;
    std::uint64_t failed = 0;  // ended with an Error
    std::uint64_t overdue = 0; // of these: nothing was heard of it until its deadline
    std::uint64_t clients = 0; // so far
};

class CallApi final : public HttpHandler {
public:
    // `host` and `random` outlive the object, and random is used here alone.
    CallApi(const CallApiOptions &options, CallHost &host, Random &random, std::function<Instant()> now);
    ~CallApi() override;

    void on_request(HttpRequest request, HttpReply reply) override;
    Result<std::unique_ptr<WebSocketSession>, HttpResponse> on_upgrade(const HttpRequest &request) override;

    void on_event(const CallEvent &event); // of any command

    // Ends what is overdue; to be called when the next deadline has come.
    void advance();
    std::optional<Instant> next_deadline() const;

    const CallApiStatistics &statistics() const { return statistics_; }

private:
    struct Command {
        std::string cmd_id;
        std::string method;
        CallCommand asked; // of a CallEnd only the Call-ID
        std::weak_ptr<RpcChannel> client;
        Instant until{};
        CommandId id{}; // none: it is not accepted yet, or is a CallEnd
    };
    struct Question { // that is answered by its result
        RpcReply reply;
        Instant until{};
    };

    void add_methods(JsonRpc &rpc, const std::shared_ptr<RpcChannel> &channel);
    void take_command(CommandKind kind, RpcParams params, RpcReply reply, const std::weak_ptr<RpcChannel> &client);
    void take_end(RpcParams params, RpcReply reply, const std::weak_ptr<RpcChannel> &client);
    void take_echo(RpcParams params, RpcReply reply, const std::weak_ptr<RpcChannel> &client);
    void take_list(RpcParams params, RpcReply reply);
    void take_get(RpcParams params, RpcReply reply);
    std::optional<RpcError> has_no_room(const Command &command) const;
    void begin(Command command, RpcReply reply, std::function<void(std::uint64_t, const Command &)> run);
    void on_accepted(std::uint64_t number, const Result<AcceptedCommand> &accepted);
    void on_call_ended(std::uint64_t number, const Result<void> &ended);
    void fail(std::uint64_t number, std::string_view why);
    void finish(std::uint64_t number, bool has_failed);
    static void notify(const Command &command, const CallNotice &notice);
    std::optional<std::uint64_t> ask(RpcReply reply); // none: too many wait
    void answer(std::uint64_t question, Result<Json, RpcError> result);

    const CallApiOptions options_;
    CallHost &host_;
    Random &random_;
    const std::function<Instant()> now_;
    BearerGate gate_;
    std::map<std::uint64_t, Command> commands_; // by number, in order of their coming
    std::unordered_map<CommandId, std::uint64_t> accepted_;
    std::map<std::uint64_t, Question> questions_;
    std::uint64_t last_number_ = 0;
    CallApiStatistics statistics_;
};

Json to_json(const CallView &call, const WallClock &wall);

} // namespace tandem
