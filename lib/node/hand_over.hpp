// Brings each message to the worker whose it is, where a node has several. The kernel spreads datagrams by their
// addresses; a message belongs where its dialog is (sip/shard_map.hpp).
//
// A listener of connections is with one worker, and so are its connections: an answer has to go back on the one that
// the request came over, and whoever writes to a connection must be alone with it. The other workers send through it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>
#include "net/loop.hpp"
#include "net/transport.hpp"
#include "node/mailbox.hpp"
#include "sip/shard_map.hpp"

namespace tandem {

// The mailboxes of all workers of a node. Made before they run; they share it.
class Switchboard {
public:
    // One worker for each of `wakes`, which has the worker of that number look into its box.
    Switchboard(const KeyedHash &hash, std::vector<std::function<void()>> wakes, const MailboxOptions &options = {});

    const ShardMap &map() const { return map_; }
    void keep(std::string_view call_id, std::uint8_t worker) { map_.keep(call_id, worker); } // before they run
    std::uint8_t workers() const { return static_cast<std::uint8_t>(boxes_.size()); }
    Mailbox &box(std::uint8_t worker) { return *boxes_[worker]; }

private:
    ShardMap map_;
    std::vector<std::unique_ptr<Mailbox>> boxes_;
};

struct HandOverStatistics {
    std::uint64_t handed_over = 0; // to other workers
    std::uint64_t dropped = 0;     // their box was full
};

// One worker's end of it. All calls from that worker's thread.
class HandOver {
public:
    HandOver(Switchboard &board, std::uint8_t worker);

    // Passes on what belongs to others, and returns the rest in its order: valid until the next call.
    std::span<const Datagram> keep_own(std::span<const Datagram> batch, Instant now);

    // Offers a CANCEL that no INVITE here matches to the next worker, `asked` being the workers that had none before
    // this one: an INVITE that replaces a dialog is where that dialog is, and its CANCEL does not say so. False: all
    // have been asked.
    bool is_last(std::uint8_t asked) const { return asked + 1U >= board_.workers(); }
    void offer_to_next(const Endpoint &peer, std::string_view bytes, std::uint8_t asked);

    // Of a listener that this worker holds, for the others.
    void tell_not_sent(std::uint8_t worker, std::uint64_t owner, bool is_made);
    void tell_connection_lost(const ConnectionLoss &loss);

    // Sends on their way the letters of this round. After each round.
    void flush(Instant now);

    // The mail that has come, `mail` being empty before.
    bool take(Mail &mail) { return board_.box(worker_).take(mail); }

    const HandOverStatistics &statistics() const { return statistics_; }

private:
    Switchboard &board_;
    const std::uint8_t worker_;
    std::vector<Datagram> own_;
    std::vector<Mail> mail_; // by worker: of this round
    HandOverStatistics statistics_;
};

// A listener that another worker holds: what is sent here goes out there, and a failure comes back.
class BorrowedTransport final : public MessageTransport {
public:
    BorrowedTransport(Loop &loop, Switchboard &board, std::uint8_t worker, std::uint8_t holder, const Endpoint &local)
        : loop_(loop), board_(board), worker_(worker), holder_(holder), local_(local) {}

    // The worker and the word in the owner of a message that the holder sends for another: 0 is the holder itself.
    static std::uint64_t mark(std::uint64_t owner, std::uint8_t worker);
    static std::optional<std::uint8_t> lender_of(std::uint64_t owner);
    static std::uint64_t unmark(std::uint64_t owner);

    const Endpoint &local() const override { return local_; }
    void on_batch(BatchHandler) override {} // what comes is handed over
    void on_send_failed(SendFailedHandler handler) override { failed_handler_ = std::move(handler); }
    void send(std::span<const OutDatagram> batch) override;
    const TransportStatistics &statistics() const override { return statistics_; }

private:
    Loop &loop_;
    Switchboard &board_;
    const std::uint8_t worker_;
    const std::uint8_t holder_;
    const Endpoint local_;
    SendFailedHandler failed_handler_;
    Mail mail_;                      // empty between the calls
    TransportStatistics statistics_; // but for what found no room, the holder counts
};

} // namespace tandem
