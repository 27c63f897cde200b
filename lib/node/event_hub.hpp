// Where the events of all workers come together: one thread numbers them, keeps them for a while and gives them to who
// listens. As long as nobody does, and nobody did a moment ago, none are made.
//
// A part of that thread subscribes so:
//
//     id = hub.listen([this] { send_what_waits(); });                // may fail: full
//     hub.bus().subscribe(id, filter, ttl, since, now); hub.changed();
//     while (hub.bus().next(id, place)) ...                          // an event or a gap; when `ready` is called
//     hub.leave(id);
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>
#include "base/random.hpp"
#include "base/result.hpp"
#include "base/wall_clock.hpp"
#include "event/bus.hpp"
#include "net/loop.hpp"
#include "net/timer.hpp"
#include "node/event_source.hpp"

namespace tandem {

struct EventHubOptions {
    BusOptions bus;
    std::size_t events_per_turn = 1024; // then others of the loop get their turn
};

class EventHub {
public:
    // `loop` is that of the thread that distributes. All given by reference outlive the hub, which outlives every
    // thread that has a source of it.
    EventHub(const EventHubOptions &options, Loop &loop, const WallClock &wall, Random &random);
    ~EventHub();
    EventHub(const EventHub &) = delete;
    EventHub &operator=(const EventHub &) = delete;

    // Before the threads run. One for each thread that tells events.
    EventSource &add_source();

    // From any thread. Whoever looks for something, and would then wait for it, asks for the number before he looks, so
    // that nothing between is missed: see Bus::wait(). `then` is called in the hub's thread, once.
    std::uint64_t sequence() const { return sequence_.load(); }
    void wait(EventFilter filter, Duration timeout, std::uint64_t since, std::function<void(const Resumed &)> then);
    std::uint64_t lost() const; // events that found no room in their source

    // The rest is of the hub's thread, or before it runs. `ready` is called when something waits for the subscriber,
    // in a turn of its own, and again only for what comes after that.
    Result<SubscriberId> listen(std::function<void()> ready);
    void leave(SubscriberId id);
    Bus &bus() { return bus_; }
    void changed(); // after any change of the bus

private:
    using Then = std::function<void(const Resumed &)>;

    void read_sources();
    std::size_t read_source(EventSource &source, std::size_t max, Instant now);
    void record(Instant now);
    void distribute();
    void watch_interest(Instant now);
    void begin_wait(EventFilter filter, Duration timeout, std::uint64_t since, Then then);

    const EventHubOptions options_;
    Loop &loop_;
    const WallClock &wall_;
    Bus bus_;
    Timer timer_;
    std::vector<std::unique_ptr<EventSource>> sources_;
    std::unordered_map<SubscriberId, std::function<void()>> listeners_; // no more than the bus has subscribers
    std::unordered_map<std::uint64_t, Then> waits_;                     // by Resumed::owner; no more than the bus has
    std::uint64_t last_wait_ = 0;
    std::atomic<bool> is_wanted_{false};
    std::atomic<std::uint64_t> sequence_{0};
    bool is_recording_ = false;        // events are made since the last time that nobody wanted any
    Instant wanted_until_{};           // by nobody, but somebody may come back
    std::shared_ptr<EventHub *> self_; // for what is posted, and may find us gone
};

} // namespace tandem
