// An Engine between two phones, and what must hold whatever they send: each message that goes out is well-formed, each
// command comes to one end, and in the end nothing is left and each counted dialog set has one record.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string_view>
#include <vector>
#include "base/random.hpp"
#include "call/engine.hpp"
#include "fuzz/line.hpp"
#include "fuzz/phone.hpp"

namespace tandem::test {

// A fixed route: Bob, or what the options of a program say. A redirection may lead anywhere.
class FixedRoute final : public Router {
public:
    Route route(const Message &, const Endpoint &) override { return answer; }
    bool is_trusted(const IpAddress &) const override { return trusts; }
    std::optional<RouteTarget> target_of(std::string_view uri) override;
    Route answer;
    bool trusts = false;
};

struct RunOptions {
    EngineOptions engine;
    Route route;
    Endpoint alice;
    Endpoint bob;
    bool trusts = false;
};

RunOptions read_options(Line letters);

class EngineRun {
public:
    explicit EngineRun(const RunOptions &options);

    Phone &alice() { return alice_; }
    Phone &bob() { return bob_; }
    Engine &engine() { return engine_; }

    void send(std::string_view bytes, const Endpoint &source);
    void fail(std::uint32_t back); // the datagram that many before the last one that somebody wants to hear of
    void lose(const Phone &phone); // the connection to it
    // Answers the lookup that many before the last one, answered already or not; a letter for each address.
    void resolve(std::uint32_t back, std::string_view addresses);
    // What the host asks of the call of this message's leg.
    void command(char what, const Message &message);
    void wait(Duration span);
    void wait_for_deadline();

    // Lets time run until nothing is due any more.
    void finish();

private:
    void collect();
    void collect_records();
    void collect_lookups();
    void collect_events();
    void check(const Outgoing &outgoing, const Message &message) const;

    Instant now_ = at_ms(0);
    SeededRandom random_;
    FixedRoute router_;
    Phone alice_;
    Phone bob_;
    ProfileTable profiles_{random_};
    Engine engine_;
    std::vector<TransactionId> sent_; // of the datagrams that went out
    std::vector<LookupId> lookups_;
    std::size_t unanswered_ = 0;   // of those, from here on; some may have an answer all the same
    std::set<CommandId> commands_; // those that have not ended
    std::set<RecordId> ended_;
    std::uint64_t counted_ = 0; // of those, the sets that count
};

} // namespace tandem::test
