// The emulated network in virtual time: it delays, loses, duplicates and reorders datagrams by a seed, and runs the
// alarms that the simulated peers set. Time does not pass: it jumps to the next event.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>
#include "base/endpoint.hpp"
#include "base/instant.hpp"
#include "sim/dice.hpp"
#include "sim/journal.hpp"

namespace tandem::sim {

struct Weather {
    double loss = 0;           // probability per datagram
    double duplication = 0.05; // it arrives twice, each copy with its own delay
    double straggling = 0.03;  // it is overtaken by many
    std::int64_t delay_min_ms = 1;
    std::int64_t delay_max_ms = 40;
    std::int64_t straggler_max_ms = 700; // far below T4, the longest life of a message (RFC 3261 section 17.1.2.2)
};

class Network {
public:
    using Receiver = std::function<void(const Endpoint &to, const Endpoint &from, const std::string &bytes)>;

    Network(const Weather &weather, std::uint64_t seed, Journal &journal, Instant now);

    void set_receiver(Receiver receiver) { receiver_ = std::move(receiver); }
    void send(const Endpoint &from, const Endpoint &to, std::string bytes);
    void at(Instant when, std::function<void()> action);
    void after(Duration span, std::function<void()> action) { at(now_ + span, std::move(action)); }

    Instant now() const { return now_; }
    std::optional<Instant> next() const; // none: nothing is under way

    // Goes to `when`, which is not after next(), and lets everything happen that is due.
    void run_until(Instant when);

private:
    struct Event {
        Instant when;
        std::uint64_t order;
        std::function<void()> action;
    };
    static bool later(const Event &a, const Event &b) { return a.when != b.when ? a.when > b.when : a.order > b.order; }
    Dice &dice_of(std::size_t call);
    void dispatch(const Endpoint &from, const Endpoint &to, std::string bytes, Duration delay);

    Weather weather_;
    std::uint64_t seed_;
    Journal &journal_;
    Instant now_;
    Receiver receiver_;
    std::vector<Event> events_; // a heap, the earliest first
    std::uint64_t order_ = 0;
    std::vector<Dice> dice_; // by call: what happens to one does not depend on the others
};

} // namespace tandem::sim
