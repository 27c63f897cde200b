// Asks decision servers over HTTP, and never waits: several are asked in turn, one that can not be reached is passed
// over, one that fails again and again is left alone, and what was decided for a while is not asked again.
// The rules are in circuit_breaker, server_choice, decision_cache and answer; this joins them with the HTTP client.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>
#include "base/random.hpp"
#include "call/decision.hpp"
#include "control/circuit_breaker.hpp"
#include "control/decision_cache.hpp"
#include "control/question_text.hpp"
#include "control/server_choice.hpp"
#include "net/http/http_client.hpp"
#include "net/loop.hpp"

namespace tandem {

struct ControlOptions {
    std::vector<std::string> urls;                     // at least one
    Duration timeout = std::chrono::milliseconds(500); // of a question, whatever is tried
    HttpClientOptions http;
    CircuitBreakerOptions breaker;
    DecisionCacheOptions cache;
};

// Who waits for the answers. Called from the loop, and never from within ask() or withdraw().
class ControlListener {
public:
    virtual ~ControlListener() = default;

    // Once for each question that is not withdrawn; null: there is no decision. What it answers says whether the
    // decision is worth keeping.
    virtual DecisionOutcome on_decided(QuestionId question, const Decision *decision) = 0;

    // A server is left alone from now on, or asked again. `are_others`: there is one that is asked as usual.
    virtual void on_server_change(const std::string &url, bool is_asked, bool are_others, const std::string &why) = 0;

    // An answer that was none. It may come with every call.
    virtual void on_wrong_answer(const std::string &url, const std::string &why) = 0;
};

struct ControlStatistics {
    std::uint64_t asked = 0; // questions, also those answered out of the cache
    std::uint64_t allowed = 0;
    std::uint64_t refused = 0; // redirections too
    std::uint64_t failed = 0;  // nobody answered, or not rightly
    std::uint64_t cached = 0;
    std::uint64_t aborted = 0; // the caller gave up
};

class ControlClient {
public:
    // All references outlive the client. Fails as HttpClient::open() does.
    static Result<std::unique_ptr<ControlClient>, Failure> open(const ControlOptions &options, Loop &loop,
                                                                Random &random, ControlListener &listener);

    void ask(const Question &question);
    void withdraw(QuestionId question); // on_decided() will not be called for it

    std::size_t pending() const { return pending_.size(); }
    const ControlStatistics &statistics() const { return statistics_; }

private:
    struct Pending {
        QuestionText text;
        std::vector<std::string> headers; // of each try: whoever gets two knows that they are one
        Instant deadline{};
        std::vector<std::size_t> tried{}; // servers, the present one last
        bool is_probe = false;            // of a server that had failed: no other question is there
        HttpRequestId request{};          // none: its decision was in the cache, or nobody can be asked
    };

    ControlClient(const ControlOptions &options, Loop &loop, Random &random, ControlListener &listener);

    bool try_next(QuestionId id, Pending &pending, Instant now);
    Duration connect_timeout(const Pending &pending, Instant now) const;
    void on_answer(QuestionId id, HttpAnswer answer);
    void note_health(const Pending &pending, const HttpAnswer &answer, Instant now);
    void decide(QuestionId id, const HttpAnswer &answer);
    void finish(QuestionId id, const std::shared_ptr<const Decision> &decision, Duration cache, std::size_t size);
    void finish_later(QuestionId id, std::shared_ptr<const Decision> decision);

    const ControlOptions options_;
    Loop &loop_;
    Random &random_;
    ControlListener &listener_;
    ServerChoice servers_;
    DecisionCache cache_;
    std::map<QuestionId, Pending> pending_;
    ControlStatistics statistics_;
    const std::shared_ptr<const bool> life_ = std::make_shared<const bool>(true); // of tasks that are posted
    std::unique_ptr<HttpClient> http_;
};

} // namespace tandem
