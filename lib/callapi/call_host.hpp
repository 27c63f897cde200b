// What the Call API asks of the node. Each answer comes once, in the API's thread, or not at all when the node ends;
// whoever asks has a deadline of his own.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>
#include "base/result.hpp"
#include "base/wall_clock.hpp"
#include "call/call_event.hpp"
#include "call/call_view.hpp"
#include "call/command.hpp"

namespace tandem {

struct CallCommand {
    CommandKind kind = CommandKind::hold;
    std::string call_id;       // of either leg; not of a start
    Side leg = Side::caller;   // of a transfer and a join: the peer who stays
    std::string uri;           // of a transfer: whom he is to talk to
    std::string other_call_id; // of a join: the call that is joined
    Side other_leg = Side::caller;
    std::string caller; // of a start
    std::string callee;
    Duration deadline{};
};

struct AcceptedCommand {
    CommandId id;
    std::string destination; // of a join: the peer of the other call who stays
};

struct CallPage {
    std::vector<CallView> calls;
    std::uint64_t next = 0; // cursor of the next page; 0: this was the last one
};

class CallHost {
public:
    virtual ~CallHost() = default;

    // The errors of Engine: not_found, conflict, wrong_state, invalid, limit, full. What comes of it goes to
    // CallApi::on_event(), after this answer.
    virtual void command(CallCommand command, std::function<void(Result<AcceptedCommand>)> then) = 0;

    virtual void end_call(std::string call_id, std::function<void(Result<void>)> then) = 0; // not_found
    virtual void find_call(std::string call_id, std::function<void(std::optional<CallView>)> then) = 0;
    virtual void list_calls(std::uint64_t cursor, std::size_t max, std::function<void(CallPage)> then) = 0;

    virtual const WallClock &wall() const = 0;
};

} // namespace tandem
