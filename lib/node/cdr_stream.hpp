// Sends every record of a call to a stream of Redis, at least once: XADD KEY MAXLEN ~ N * id ID cdr JSON. A record that
// comes twice has the same id. In a thread and over a connection of its own, so that neither calls nor the store wait.
//
// It takes the oldest records from a source, sends them all, and when Redis has answered each it says so to the source
// and takes the next. While Redis is away, or refuses, they stay where they are.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>
#include "base/instant.hpp"
#include "net/loop.hpp"
#include "node/cdr_source.hpp"
#include "node/log.hpp"
#include "storage/redis/redis_link.hpp"

namespace tandem {

struct CdrStreamOptions {
    RedisUrl url;
    std::string key;
    std::uint32_t length_max = 100'000;                      // of the stream, about: the oldest go
    std::size_t batch = 256;                                 // records that have no answer yet
    Duration interval = std::chrono::milliseconds(50);       // between two looks at the source, unless there is more
    Duration answer_max = std::chrono::seconds(5);           // that Redis takes for one; then it is an outage
    Duration retry_min = std::chrono::milliseconds(100);     // after an outage has begun
    Duration retry_max = std::chrono::seconds(5);            //
    std::function<void(std::exception_ptr)> on_failure = {}; // what the thread has thrown: it ends with that
};

struct CdrStreamStatistics {
    std::uint64_t sent = 0;    // that Redis has confirmed, since the start
    std::uint64_t resent = 0;  // sent once more, because there was no answer
    std::uint64_t waiting = 0; // now
    std::uint64_t lost = 0;    // never to be sent: too many for the memory, or taken out of the store by somebody
    std::uint64_t outages = 0; // of Redis
};

class CdrStream {
public:
    // `source` and `log` outlive the object.
    CdrStream(const CdrStreamOptions &options, CdrSource &source, Log &log);
    ~CdrStream(); // end(), without patience

    // Sends what the source has from a former process, and goes on.
    void start();

    // From any thread: the source has got so many more.
    void wake(std::uint64_t records);

    // Returns when all is sent, Redis is away, or after `patience`. Nothing is sent any more.
    void end(Duration patience);

    CdrStreamStatistics statistics() const; // from any thread

private:
    struct Record {
        UnsentCdr cdr;
        bool was_sent = false;
        bool is_done = false;
    };

    void run();
    void advance(Instant now);
    void arm(Instant now);
    bool is_idle() const;
    void ask(Instant now);
    void on_exchanged(bool is_done, Instant now);
    void send_all(Instant now);
    void send(std::size_t index);
    void on_added(std::size_t index, const RedisValue &answer, Instant now);
    void settle(std::size_t index, Instant now);
    void on_connected(Instant now);
    void on_lost(const std::string &why, Instant now);
    void note_back(Instant now);

    const CdrStreamOptions options_;
    CdrSource &source_;
    Log &log_;
    Loop loop_;

    // Of the loop.
    std::shared_ptr<UnsentCdrs> exchange_ = std::make_shared<UnsentCdrs>(); // the source's while is_asking_
    bool is_asking_ = false;
    bool has_more_ = true; // that the source knows of, as far as we know
    Instant ask_at_{};     // not before
    std::vector<Record> records_;
    std::size_t unanswered_ = 0; // of them
    bool is_connecting_ = false;
    Instant answer_until_{}; // while it connects, or something is unanswered
    Instant retry_at_{};
    Duration retry_after_;
    std::optional<Instant> out_since_; // an outage
    std::optional<Instant> end_at_;    // it is to end

    std::atomic<bool> is_woken_ = false;
    std::atomic<std::uint64_t> sent_ = 0;
    std::atomic<std::uint64_t> resent_ = 0;
    std::atomic<std::uint64_t> waiting_ = 0;
    std::atomic<std::uint64_t> gone_ = 0;
    std::atomic<std::uint64_t> outages_ = 0;

    std::optional<RedisLink> link_; // of the loop; after all that its events use
    std::thread thread_;
};

} // namespace tandem
