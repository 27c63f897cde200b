// What a Takeover does on its loop: beats at their time, and of everything else one thing after the other, so that no
// state of a call overtakes another, and nothing is told of a call that is being dropped.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>
#include "base/instant.hpp"
#include "net/loop.hpp"
#include "node/log.hpp"
#include "node/takeover.hpp"
#include "node/takeover_link.hpp"
#include "node/takeover_start.hpp"

namespace tandem {

// The way for what other threads have to say, until it is shut: they may be late.
class LoopDoor {
public:
    explicit LoopDoor(Loop &loop) : loop_(&loop) {}
    void post(std::function<void()> task);
    void shut();

private:
    std::mutex mutex_;
    Loop *loop_; // by mutex_
};

class TakeoverWork {
public:
    // All outlive the object. Everything else is called by the loop, but statistics() from any thread.
    TakeoverWork(Loop &loop, const TakeoverOptions &options, TakeoverHost &host, Log &log);
    ~TakeoverWork(); // when the loop runs no more

    // False: nobody waits for it any more.
    using OnRead = std::function<bool(TakenAtStart)>;
    void read(OnRead on_read);
    void give_up_reading();
    void go_on();
    void wake();
    void dropped(std::vector<std::string> keys);
    void take_no_more() { takes_ = false; }
    void end(std::vector<CallCopy> last, Duration patience); // then the loop is stopped
    void advance(Instant now);

    TakeoverStatistics statistics() const;

private:
    // A node that is gone, and what we have of its calls.
    struct Gone {
        Duration silent{};
        std::uint64_t calls = 0;
        std::string cursor = "0";
        bool is_due = false;
        bool is_spoilt = false; // Redis has said why it can not be taken: so has the log
    };
    // What Redis has of ours, compared with what the host has.
    struct Sweep {
        std::string cursor = "0";
        bool is_listed = false;               // all keys have come
        std::vector<std::string> unconfirmed; // to be adopted
    };
    using Handler = std::function<bool(const RedisValue &answer, Instant now)>;

    void on_connected(Instant now);
    void on_lost();
    void arm(Instant now);
    void beat(Instant now);
    bool on_beat(const RedisValue &value, bool is_first);
    void note_gone(const std::vector<GoneNode> &gone);
    void send(TakeoverCommand what, std::vector<std::string> words, Handler handler, Instant now);
    std::function<void(CopyBatch)> when_told();
    std::function<void()> when_done(std::vector<std::string> forgotten = {});

    void work(Instant now);
    bool work_in_turn(Instant now);
    bool read_next(Instant now);
    bool forget_some(Instant now);
    bool drop_some(Instant now);
    bool keep_some(Instant now);
    void send_held(Instant now);
    void on_batch(CopyBatch batch, Instant now);
    void hold(std::vector<CallCopy> copies);
    bool sweep_some(Instant now);
    void sweep_texts(Instant now);
    bool take_some(Instant now);
    bool on_taken(const std::string &node, const RedisValue &value);
    void adopt(std::vector<CallCopy> calls);
    void note_taken(const std::string &node, const Gone &gone);

    Loop &loop_;
    const TakeoverOptions &options_;
    TakeoverHost &host_;
    Log &log_;
    const std::shared_ptr<LoopDoor> door_;
    const TakeoverWords words_;

    bool is_on_ = false;
    bool takes_ = true;             // calls of others
    std::optional<Instant> end_at_; // nothing new is begun: what is held is told until then
    bool is_asking_redis_ = false;  // something else than a beat
    bool is_asking_host_ = false;
    unsigned turn_ = 0;

    Instant beat_at_{};
    bool is_beating_ = false;
    bool is_greeted_ = false; // this connection has answered a beat

    OnRead on_read_;
    std::optional<TakeoverStart> start_;
    bool has_taken_ = false; // others have calls of ours
    std::string taken_cursor_ = "0";
    std::vector<std::string> forgotten_; // the host has dropped these
    std::uint64_t dropped_now_ = 0;      // since there was something to drop
    bool must_tell_again_ = true;        // this and what follows: unless start() has an answer
    std::optional<Sweep> sweep_ = Sweep();
    bool has_more_ = true;       // that the host has to tell
    Instant ask_at_{};           // not before
    std::vector<CallCopy> held_; // what it told, until Redis has it
    std::map<std::string, Gone> gone_;

    std::atomic<std::uint64_t> kept_ = 0;
    std::atomic<std::uint64_t> refused_ = 0;
    std::atomic<std::uint64_t> too_large_ = 0;
    std::atomic<std::uint64_t> adopted_ = 0;
    std::atomic<std::uint64_t> dropped_ = 0;
    std::atomic<std::uint64_t> nodes_taken_ = 0;

    TakeoverLink link_; // after all that its events use
};

} // namespace tandem
