// One transaction table with a clock of numbers, and everything that it says, with the millisecond it was said at.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>
#include "base/random.hpp"
#include "transaction/transaction_table.hpp"

namespace tandem::test {

using Statuses = std::vector<std::uint16_t>;

// What a message is made of, for a test to change one thing.
struct Text {
    std::string branch = "z9hG4bKnashds8";
    std::string sent_by = "192.0.2.1:5060";
    std::string via_params = ";rport";
    std::string uri = "sip:bob@example.com";
    std::string from_tag = "1928301774";
    std::string to_tag;
    std::string call_id = "a84b4c76e66710";
    std::uint32_t cseq = 314159;
    std::string extra; // whole header lines
};

std::string request(std::string_view method, const Text &text = {});
std::string response(std::uint16_t status, std::string_view method, const Text &text = {});

Endpoint udp(std::string_view address = "192.0.2.1", std::uint16_t port = 5060);
Endpoint tcp();

struct Sent {
    std::int64_t at_ms;
    Endpoint to;
    std::string bytes;
    TransactionId transaction;

    std::string_view first_line() const { return std::string_view(bytes).substr(0, bytes.find('\r')); }
    bool has(std::string_view line) const; // a whole header line
};

struct Told {
    std::int64_t at_ms;
    TransactionEvent event;
};

class Harness {
public:
    explicit Harness(Endpoint peer = udp(), TransactionOptions options = {});

    // The peer says this.
    void receive(const std::string &bytes);
    void receive(const std::string &bytes, const Endpoint &source);

    // The user does this. A request has the branch that branch() names afterwards.
    TransactionId send(std::string_view method, Text text = {}, std::uint64_t owner = 0);
    Result<void> respond(TransactionId server, std::uint16_t status, Text text = {.to_tag = "bob"});

    // A response to the request that send() made.
    std::string answer(std::uint16_t status, std::string_view method, Text text = {.to_tag = "bob"}) const;

    // Lets the time pass, from deadline to deadline, as a worker does.
    void run_to(std::int64_t ms);
    void collect();

    std::vector<std::int64_t> times(std::string_view first_word) const; // of what was sent and begins with it
    std::size_t count(TransactionEventKind kind) const;
    TransactionId last_request() const; // the transaction of the last request event
    bool is_over() const { return table.size() == 0 && !table.next_deadline(); }

    SeededRandom random;
    TransactionTable table;
    Endpoint peer;
    std::int64_t now_ms = 0;
    std::string branch;
    std::vector<Sent> sent;
    std::vector<Told> told;
};

} // namespace tandem::test
