// All transactions of one worker: RFC 3261 section 17 with RFC 6026, client and server, INVITE and not.
// Pure: messages and time come in; outgoing messages, events and the next deadline go out. Nothing calls back:
// after each receive(), advance() or failure the user takes every event, and acts by send_request(), respond(),
// cancel(). Outgoing messages wait in order until the worker takes them.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>
#include "base/connection_loss.hpp"
#include "base/hash_index.hpp"
#include "base/instant.hpp"
#include "base/random.hpp"
#include "base/recent_keys.hpp"
#include "base/result.hpp"
#include "base/slot_table.hpp"
#include "base/timer_wheel.hpp"
#include "sip/message.hpp"
#include "transaction/gate.hpp"
#include "transaction/machine.hpp"
#include "transaction/match.hpp"
#include "transaction/outgoing.hpp"
#include "transaction/transaction.hpp"
#include "transaction/transaction_event.hpp"

namespace tandem {

// What to do with a CANCEL that matches nothing here: another table of the process may have its INVITE.
enum class StrayCancel : std::uint8_t { answer, leave }; // with 481, or not at all

// A UDP listener, and the TCP listener that takes over what is too large for it.
struct ListenerTwin {
    std::uint8_t udp = 0; // as in Endpoint::listener
    std::uint8_t tcp = 0;
    std::string sent_by; // of the TCP listener
};

struct TransactionOptions {
    Duration t1 = std::chrono::milliseconds(500); // round trip estimate (RFC 3261 section 17.1.1.1)
    Duration t2 = std::chrono::seconds(4);        // longest interval between retransmissions
    Duration t4 = std::chrono::seconds(5);        // longest life of a message in the network
    Duration timer_d = std::chrono::seconds(32);  // wait for retransmitted refusals over UDP
    // Where a transaction only absorbs what comes late, its end is rounded up to a multiple of this, so that many share
    // one wake-up.
    Duration linger_slack = Duration::zero();
    std::uint32_t transaction_max = 262144; // beyond it a request gets 503 with Retry-After, statelessly
    std::vector<ListenerTwin> twins;        // none: everything stays on UDP
};

struct TransactionStatistics {
    std::uint64_t requests = 0;        // new requests handed up
    std::uint64_t responses = 0;       // responses handed up
    std::uint64_t absorbed = 0;        // retransmissions that went no further
    std::uint64_t retransmitted = 0;   // messages sent again by a timer or because the peer repeated itself
    std::uint64_t malformed = 0;       // requests answered 400, malformed responses and ACKs dropped
    std::uint64_t merged = 0;          // answered 482 (RFC 3261 section 8.2.2.2)
    std::uint64_t stray_responses = 0; // match no transaction: dropped
    std::uint64_t stray_cancels = 0;   // answered 481
    std::uint64_t timeouts = 0;        // timers B, F and H
    std::uint64_t refused_full = 0;    // answered 503 because transaction_max is reached
    std::uint64_t refused_at_gate = 0; // answered because the gate says so
    std::uint64_t dropped_at_gate = 0;
    std::uint64_t by_tcp = 0;      // requests too large for UDP (RFC 3261 section 18.1.1)
    std::uint64_t back_to_udp = 0; // of those: the peer has no TCP
};

struct ClientRequest {
    Method method = Method::unknown;
    std::string_view branch; // of the top Via in `bytes`, from append_branch()
    SharedBytes bytes;
    Endpoint to;
    std::uint64_t owner = 0;
    // What its responses must repeat (RFC 3261 section 8.2.6.2); without a Call-ID the branch alone counts.
    std::string_view call_id{};
    std::string_view from_tag{};
    std::uint32_t cseq = 0;
    // TLS: the name that led to the address, which the peer must prove (RFC 5922); empty: its address will do.
    std::string_view host{};
};

struct WaitingTransaction {
    TransactionId id;
    std::uint64_t owner = 0;
};

class TransactionTable {
public:
    // `random` outlives the table.
    TransactionTable(const TransactionOptions &options, Random &random, Instant now);

    // From now on it is asked; it outlives the table. Without one everybody may begin.
    void set_gate(Gate *gate) { gate_ = gate; }

    // A message from the network, parsed. Retransmissions, ACKs for refusals, malformed and merged requests are
    // dealt with here; what is left becomes events. The top Via of a new request is marked with the source.
    // False, and nothing has happened, if it is a CANCEL that matches nothing and `stray` says to leave it.
    bool receive(Message message, const Endpoint &source, Instant now, StrayCancel stray = StrayCancel::answer);

    // Appends a branch that no other transaction has, with the magic cookie of RFC 3261 section 8.1.1.7. It
    // ends with a token, so it carries the shard.
    void append_branch(std::string &out);

    // Starts a client transaction. Above 1300 bytes it goes by TCP, where there is a twin, to the same address and
    // port; by UDP after all if the connection can not be made (RFC 3261 section 18.1.1). Fails with full, or invalid
    // for an ACK (send() it), a CANCEL (cancel() the INVITE), and a request without branch or bytes.
    Result<TransactionId> send_request(const ClientRequest &request, Instant now);

    // Sends CANCEL for an INVITE client transaction: at once if a provisional response has come, else when the
    // first one comes (RFC 3261 section 9.1). `extra` is whole header lines (Reason), or empty. The CANCEL's own
    // response raises no event; asking again changes nothing. Fails with not_found, wrong_state after a final
    // response, or invalid if the INVITE's bytes cannot be read.
    Result<void> cancel(TransactionId invite, std::string_view extra, Instant now);

    // INVITE transactions that a process had which died. Whether a provisional response came or went is not known: both
    // are taken for proceeding (RFC 3261 figures 5 and 7), and nothing is sent. `invite` has at least what a response
    // repeats, its top Via as mark_received() left it; ClientRequest::bytes at least what a CANCEL and an ACK repeat.
    // No event tells of it. Both fail with full, or invalid for what is no INVITE.
    Result<TransactionId> adopt_server(Message invite, const Endpoint &source, std::uint64_t owner, Instant now);
    Result<TransactionId> adopt_client(const ClientRequest &request, Instant now);

    // One whose refusal that process has acknowledged by `ack`, perhaps without effect: whenever it comes again that
    // is sent again (RFC 3261 section 17.1.1.2). Fails with full, or invalid for what is no ACK.
    Result<TransactionId> adopt_refused(const SharedBytes &ack, const Endpoint &to, Instant now);

    // Sends a response of a server transaction. After a 2xx to INVITE the transaction is accepted (RFC 6026
    // section 7.1): the user sends that 2xx again by this same call until the ACK comes.
    // Fails with not_found, wrong_state if another final response was sent before, or invalid for a status outside
    // 100 to 699.
    Result<void> respond(TransactionId server, std::uint16_t status, SharedBytes bytes, Instant now);

    // Sends the user's ACK for a 2xx with this To-tag, and again for each 2xx with it that still comes (RFC 3261
    // section 13.2.2.4): such a 2xx raises no further event. Sends it once if the INVITE's transaction is over, or
    // has more than ack_max forks acknowledged. `host` as in ClientRequest.
    void acknowledge(TransactionId invite, std::string_view to_tag, const Endpoint &to, SharedBytes ack,
                     SharedBytes host = {});

    // The same in advance, for a 2xx that may still come when its dialog is gone: a re-INVITE that a BYE overtook.
    // Its 2xx raises an event, and the user asks is_acknowledged().
    void acknowledge_when_answered(TransactionId invite, std::string_view to_tag, const Endpoint &to, SharedBytes ack,
                                   SharedBytes host = {});
    bool is_acknowledged(TransactionId invite, std::string_view to_tag) const;
    std::size_t acknowledged(TransactionId invite) const; // how many To-tags

    static constexpr std::size_t ack_max = 64;

    // The request of a server transaction, kept until its final response is sent; nullptr after that.
    const Message *request(TransactionId server) const;

    // The request of an INVITE client transaction as it was sent last, until its final response; empty after that.
    SharedBytes sent(TransactionId client) const;

    // The ACK of a refusal that may come again: over UDP, for as long as the transaction lives. Else empty.
    SharedBytes refusal_ack(TransactionId client) const;

    // For an audit: those that wait for their user, and would for ever, in the `max` slots from `cursor` on; appends.
    // The cursor is 0 at the end. forget() ends one that has no user any more, without a message and without an event.
    void list_waiting(std::uint64_t &cursor, std::size_t max, std::vector<WaitingTransaction> &waiting) const;
    void forget(TransactionId lost);

    // What events of this transaction carry from now on. False if it is over.
    bool set_owner(TransactionId transaction, std::uint64_t owner);

    // The transport could not send a message of this transaction (RFC 3261 section 17.1.4).
    void on_transport_failure(TransactionId transaction, Instant now);
    // Nor could it make the connection for it: what went by TCP for its size goes by UDP after all.
    void on_not_connected(TransactionId transaction, Instant now);

    // A connection to a peer, as in ClientRequest::to, has ended or could not be made: the client transactions that
    // wait for a final response from there end and tell transport_failed, at once and without a look at any other. An
    // INVITE that rings is cancelled too, by a new connection. What began after the loss goes by a new one, and stays.
    void on_connection_lost(const ConnectionLoss &loss, Instant now);

    void advance(Instant now);                           // runs every timer due
    std::optional<Instant> next_deadline() const;        // when advance() has something to do; may be early
    bool next_event(TransactionEvent &event);            // false: none left
    void take_outgoing(std::vector<Outgoing> &outgoing); // appends, in order, and forgets them

    std::size_t size() const { return transactions_.size(); }               // live transactions, lingering ones too
    std::uint64_t vacant_bytes() const { return transactions_.vacant_bytes(); } // memory of those that are gone
    std::optional<TransactionState> state(TransactionId transaction) const; // none: it is over
    const TransactionStatistics &statistics() const { return statistics_; }

private:
    // receive.cpp: what came from the network finds its transaction.
    bool receive_request(Message message, const Endpoint &source, StrayCancel stray, Instant now);
    void receive_ack(Message message, const Endpoint &source, const ServerMatch &match, Instant now);
    bool receive_cancel(Message message, const Endpoint &source, const ServerMatch &match, StrayCancel stray,
                        Instant now);
    bool send_ack_again(const Transaction &transaction, const Message &response);
    void receive_response(Message message, const Endpoint &source, Instant now);
    void receive_new(Message message, const Endpoint &source, const ServerMatch &match, Instant now);
    bool is_admitted(Message &request, const Endpoint &source, const ServerMatch &match, Instant now);
    bool is_judged(Message &request, const Endpoint &source, Instant now);
    void refuse(Message &request, const Endpoint &source, const ServerMatch &match, Instant now);
    void answer(Message &request, const Endpoint &source, std::uint16_t status, std::string_view reason = {},
                std::string_view extra = {}); // without a transaction
    template <class Predicate>
    TransactionId find_server(const ServerMatch &match, Predicate predicate) const;

    // transaction_table.cpp: a machine is asked, and what it says is done.
    Result<TransactionId> add_server(const Message &request, const Endpoint &source, const ServerMatch &match);
    Result<TransactionId> add_client(Method method, const MatchKey &key, const Endpoint &peer, SharedBytes bytes,
                                     Instant now);
    Action run(TransactionId id, Transaction &transaction, Input input, Instant now, const Message &message = {},
               const Endpoint &source = {});
    void perform(Action action, TransactionId id, Transaction &transaction, Input input, Instant now,
                 const Message &message, const Endpoint &source);
    void send_kept(TransactionId id, const Transaction &transaction, bool is_again);
    void send_cancel(Transaction &invite, Instant now);
    void tell(TransactionEventKind kind, TransactionId id, const Transaction &transaction, const Message &message = {},
              const Endpoint &source = {}, const SharedBytes &sent = {});
    void on_timer(TransactionId id, Instant now);

    // connection.cpp
    void watch_connection(TransactionId id, Transaction &transaction, Instant since);
    void forget_connection(Transaction &transaction);

    // large.cpp
    std::optional<Way> way_by_tcp(const Endpoint &to, std::string_view request);
    void go_back_to_udp(TransactionId id, Transaction &transaction, Instant now);
    void note_without_tcp(const Endpoint &peer, Instant now);
    void keep_large_ack(TransactionId invite, std::string_view to_tag, const Endpoint &by_tcp, Way by_udp);
    void send_large_acks_by_udp(const Endpoint &lost, Instant now);

    // transaction_table.cpp
    bool set_timer(TransactionId id, Transaction &transaction, const Step &step, Instant now);
    Duration duration_of(End end, bool reliable) const;
    void forget_merge(TransactionId id, Transaction &transaction);
    void erase(TransactionId id, Transaction &transaction);

    struct Watch { // of a client transaction, over its connection
        TransactionId transaction;
        Instant since;
    };
    struct LargeAck {
        TransactionId invite;
        std::string to_tag;
        Endpoint by_tcp; // where it was sent
        Way by_udp;      // what it was written as
    };
    static constexpr std::size_t large_ack_max = 64;

    TransactionOptions options_;
    Random &random_;
    Gate *gate_ = nullptr;
    Matcher matcher_;
    SlotTable<Transaction, TransactionTag> transactions_;
    TimerWheel<TransactionId> timers_;
    HashIndex<TransactionId> clients_;                                  // by Transaction::key
    HashIndex<TransactionId> servers_;                                  // by Transaction::key
    HashIndex<TransactionId> merges_;                                   // by Transaction::merge_key
    std::unordered_map<std::uint64_t, std::vector<Watch>> connections_; // by Matcher::peer(); see `place`
    std::unordered_map<std::uint64_t, Instant> without_tcp_;            // by Matcher::peer(); until TCP is tried again
    RecentKeys refused_; // without a transaction, by the index of their keys
    std::vector<LargeAck> large_acks_;
    Instant now_{}; // of the last input that had a time
    std::vector<TransactionEvent> events_;
    std::size_t events_taken_ = 0;
    std::vector<Outgoing> outgoing_;
    std::string text_; // one buffer for everything that is written here
    TransactionStatistics statistics_;
};

} // namespace tandem
