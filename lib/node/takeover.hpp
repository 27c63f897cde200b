// The side of a takeover that faces Redis: it keeps copies of our calls there, says that we live, gives calls of nodes
// that are gone to us, and tells which of ours others have taken meanwhile. In a thread and over a connection of its
// own. What a call is, and what becomes of it, is the host's affair. storage/redis/README.md says what Redis keeps.
//
// A node is alive for a lease after its last beat. Who is cut off from Redis for longer loses his calls to the others,
// though he may go on with them until he hears of it; an outage of Redis itself costs nobody a call.
#pragma once
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>
#include "base/instant.hpp"
#include "node/log.hpp"
#include "storage/redis/redis_url.hpp"
#include "storage/redis/takeover_words.hpp"

namespace tandem {

struct CopyBatch {
    std::vector<CallCopy> copies;
    bool has_more = false;
};

// The calls' side. Every function is called on the thread of the Takeover and returns at once. They count in the order
// in which they are called. What is passed as `answer` or `done` is called once, on any thread, at any time: also in
// here, and also when the Takeover is gone.
class TakeoverHost {
public:
    virtual ~TakeoverHost() = default;

    // What has changed, the newest state of each call, at most `most`. Nobody asks again before it is answered.
    virtual void ask(std::size_t most, std::function<void(CopyBatch)> answer) = 0;

    // All living calls count as changed: Redis may have none of them.
    virtual void tell_again() = 0;

    // These are ours from now on. Each counts as changed, so that ask() tells it; one that can not be read as well: it
    // is told as over. One that the host has already stays as it is. No more come before `done`.
    virtual void adopt(std::vector<CallCopy> calls, std::function<void()> done) = 0;

    // Redis has copies of ours under these keys. Of those that the host does not have ask() tells that they are over.
    virtual void check(std::vector<std::string> keys) = 0;

    // Others have these: they go without BYE and without a record. After `done` ask() tells nothing more of them.
    virtual void drop(std::vector<std::string> keys, std::function<void()> done) = 0;
};

struct TakeoverOptions {
    RedisUrl url;
    std::string prefix;    // of all keys
    std::string addresses; // the set that is shared: only nodes with the same text take from each other
    std::string name;      // of this node, unique among them, of at most TakeoverNames::node_max bytes
    Duration lease = std::chrono::seconds(8); // the same for all of them

    Duration interval = std::chrono::milliseconds(20);       // from a wake() to ask(), and between two of them
    Duration answer_max = std::chrono::seconds(1);           // of Redis, at most a quarter of the lease
    Duration retry_min = std::chrono::milliseconds(100);     // after an outage has begun
    Duration retry_max = std::chrono::seconds(5);            // at most an eighth of the lease
    std::size_t batch = 64;                                  // calls at once, from 1 to 256
    std::size_t call_max = 1'000'000;                        // that start() reads; the host hears of the others later
    std::function<void(std::exception_ptr)> on_failure = {}; // what the thread has thrown: it ends with that
};

struct TakeoverStatistics {
    std::uint64_t kept = 0;        // copies that Redis has confirmed, also of calls that are over
    std::uint64_t refused = 0;     // others have the call
    std::uint64_t too_large = 0;   // not copied
    std::uint64_t adopted = 0;     // calls that we have been given
    std::uint64_t dropped = 0;     // calls of ours that others had
    std::uint64_t nodes_taken = 0; // of which we have at least one call
    std::uint64_t outages = 0;
    bool is_out = false;
};

// What is in Redis when we come back.
struct TakenAtStart {
    std::vector<std::string> taken; // others have these
    std::vector<CallCopy> own;      // texts only of those that we took from others and have never told ourselves
};

class Takeover {
public:
    // `host` and `log` outlive the object.
    Takeover(const TakeoverOptions &options, TakeoverHost &host, Log &log);
    ~Takeover(); // nothing is removed from Redis: who comes after us, or takes over from us, finds it there

    // Before anything is received: says that we live, and reads what Redis knows of us. Blocks its caller. None: there
    // was no answer in time; then the host hears of all that later, as after an outage.
    std::optional<TakenAtStart> start(Duration longest);

    // From now on the host is called. After a start() with an answer it tells by itself what Redis does not have.
    void go_on();

    // From any thread: ask() has something.
    void wake();

    // From any thread: these of TakenAtStart::taken are nobody's here any more. Until all are, nothing is taken over.
    void dropped(std::vector<std::string> keys);

    // From any thread: from now on no calls of others come, because we are about to end.
    void take_no_more();

    // At the end of the process: the host is not asked any more. Writes what it has told, and then `last`. Returns when
    // Redis has all, or is away, or after `patience`; nothing is done any more then.
    void end(std::vector<CallCopy> last, Duration patience);

    TakeoverStatistics statistics() const; // from any thread

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace tandem
