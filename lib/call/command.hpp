// What the host asks of a call, or for one. What comes of it comes as events (call_event.hpp) with the command's id.
//
// One command of a call at a time: a further one fails with conflict. Each ends once, at its deadline at the latest. A
// process that dies forgets its commands; the calls stay as they are.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>
#include "base/id.hpp"
#include "base/instant.hpp"
#include "call/router.hpp"

namespace tandem {

using CommandId = Id<struct CommandTag>; // unique among the engines of a process

enum class CommandKind : std::uint8_t { hold, resume, transfer, join, start };

constexpr Duration command_deadline = std::chrono::seconds(32);
constexpr Duration start_deadline = std::chrono::seconds(181); // two phones ring, one after the other

// A call that nobody has dialled (RFC 3725): the caller's phone is called first, then the callee's.
struct StartCommand {
    std::string_view caller; // a SIP, SIPS or tel URI, or a user: of EngineOptions::domain
    std::string_view callee;
    std::vector<RouteVariable> variables{}; // over those of the routes
    Duration deadline = start_deadline;
};

// A leg that a call is to be joined with, perhaps one of another engine of the process: what Engine::joinable() says
// of it there, for Engine::join() here.
struct JoinTarget {
    std::string call_id; // of the other leg of its call, which gives way, with its tags as we know them
    std::string local_tag;
    std::string remote_tag;
    std::string uri; // of the peer who stays
};

} // namespace tandem
