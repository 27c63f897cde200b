// What two people mean to do in one call, drawn by the seed before the call begins. What comes of it also depends
// on the network.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>
#include "base/instant.hpp"
#include "dialog/dialog_state.hpp"

namespace tandem::sim {

enum class Ending : std::uint8_t { answer, refuse, ring_for_ever, silence, no_route };

struct Ring { // one provisional response of the callee
    Duration after{};
    int status = 180;
    std::size_t fork = 0;
    bool has_body = false;
    bool is_reliable = false; // if the INVITE offers it (RFC 3262)
};

// Of the caller's INVITE: what it says of 100rel.
enum class Reliable : std::uint8_t { unknown, supported, required };

enum class ActionKind : std::uint8_t {
    reinvite,
    reinvite_without_offer,
    reinvite_then_cancel,
    update,
    update_without_offer,
    info,
};

struct Action { // inside the confirmed call
    Side side = Side::caller;
    Duration after{}; // the answer, as that side sees it
    ActionKind kind = ActionKind::info;
};

// Somebody else whom the route names, and who never gets the call.
enum class DecoyKind : std::uint8_t {
    refuse,
    redirect, // to the callee
    ring,     // until it is told to stop
    cross,    // the same, and then its answer crosses what tells it to stop
    silence,
};
enum class DecoyPlace : std::uint8_t {
    first_address, // of the name that leads to the callee
    before,
    beside, // rings together with the callee
    after,
};

struct DecoyPlan {
    DecoyKind kind = DecoyKind::refuse;
    DecoyPlace place = DecoyPlace::before;
    int refusal = 486;
    Duration after{};                   // the INVITE: the refusal
    std::optional<Duration> ring_after; // it says 180 or, with a body, 183
    bool has_body = false;
};

// What the host asks of the B2BUA while the call is there.
enum class Verb : std::uint8_t { hold, resume, transfer, end };

struct Command {
    Duration after{}; // the start
    Verb verb = Verb::hold;
};

// One of the two has somebody else take his place: by REFER, or the host of the B2BUA does it.
struct TransferPlan {
    Side from = Side::callee; // who goes
    bool is_command = false;
    Duration after{};        // the answer, as he sees it; of a command, the start of the call
    bool is_silent = false;  // he wants no NOTIFY (RFC 4488)
    int notify_status = 200; // what he says to a NOTIFY; 0: nothing
    // The target.
    int status = 200;                   // of its answer; 0: it rings for ever
    std::optional<Duration> ring_after; // the INVITE
    Duration answer_after{};            // the INVITE
    Duration talk{};
    bool hangs_up = false; // then
    Duration ring_timeout{};
};

// What one of the two knows of session timers (RFC 4028).
struct TimerPlan {
    bool is_known = false;
    Duration interval{};        // that it asks for; zero: it only takes what it gets
    Duration min_interval{};    // shorter ones get 422 inside the call
    const char *refresher = ""; // as its request says; empty: unsaid
    bool takes_it = false;      // it refreshes where that is left to it
    bool by_update = false;
    bool neglects = false; // it should refresh, and does not
    bool says_allow = false;
};

// What a resolver says of the callee's name.
enum class NamePlan : std::uint8_t { none, address, no_such_name, no_answer }; // none: the route has the address

struct Plan {
    std::size_t number = 0;
    Instant start{};
    Ending ending = Ending::answer;
    int refusal = 486;
    std::vector<Ring> rings;
    Duration answer_after{}; // or refuse: from the INVITE
    std::size_t answering_fork = 0;
    std::optional<Duration> second_answer_after; // of the other fork, from the first
    bool offers_late = false;
    bool never_acks = false;
    Duration ack_after{};
    std::optional<Duration> cancel_after;                  // from the INVITE
    std::optional<Duration> early_bye_after;               // from the first response with a tag
    std::array<std::optional<Duration>, 2> vanishes_after; // by Side: from the start, for ever
    Duration ring_timeout{};                               // of the route; zero: none
    Duration talk{};
    std::array<bool, 2> hangs_up{}; // by Side, when `talk` is over; the other waits long and then does it, too
    std::vector<Action> actions;
    std::array<std::uint16_t, 2> proxies{}; // by Side: they record the route
    bool is_behind_nat = false;             // the caller's Via shows an address that nobody reaches
    bool is_forgetful = false;              // the caller sends INFO long after the end
    Reliable reliable = Reliable::unknown;
    Duration prack_after{};
    std::optional<Duration> early_update_after; // the PRACK's answer, by the caller (RFC 3311)
    std::vector<DecoyPlan> decoys;              // in the order of their places
    NamePlan name = NamePlan::none;
    Duration lookup{}; // how long it takes
    std::vector<Command> commands;
    std::optional<TransferPlan> transfer;
    std::array<int, 2> bye_status = {200, 200}; // what each says to BYE, and goes all the same; 0: nothing
    std::array<TimerPlan, 2> timers{};
    Duration session_expires{}; // what the B2BUA asks for
    bool sees_one_fork = false; // the caller: all forks have one To tag
    bool is_challenged = false; // by the carrier that all of them have

    // The callee is not the only one who decides what becomes of the call.
    bool is_hunted() const { return !decoys.empty() || name != NamePlan::none; }
    bool is_redirected() const; // somebody else knows where the callee is
    Duration reach_max() const; // until the callee's INVITE when nothing is lost

    bool is_forked() const;
    bool has_timers() const { return timers[0].is_known || timers[1].is_known || session_expires > Duration(0); }
    bool has_own_offers() const { return !commands.empty() || transfer || has_timers(); } // the B2BUA makes some
    bool is_neglected() const { return timers[0].neglects || timers[1].neglects; }
    bool is_ended_by_command() const;
    bool anyone_vanishes() const { return vanishes_after[0] || vanishes_after[1]; }

    // So far apart, whatever the delays, that the answer is the only thing that can come of it.
    bool must_be_answered() const;
    bool must_be_cancelled() const;
    bool must_ring_out() const;
    bool must_be_refused() const;

    std::string to_string() const; // for findings
};

Plan draw_plan(std::uint64_t seed, std::size_t number);

// Answers that try the next target.
constexpr std::array<std::uint16_t, 7> hunt_on = {302, 404, 408, 480, 486, 500, 503};
bool is_hunted_on(int status);

constexpr Duration lifetime = std::chrono::minutes(15);            // of a call: the B2BUA's configuration
constexpr Duration min_session_expires = std::chrono::seconds(90); // the same; RFC 4028 section 4
Duration session_expires_of(std::uint64_t seed);                   // the same: of every other run
constexpr Duration timer_c = std::chrono::seconds(181);

} // namespace tandem::sim
