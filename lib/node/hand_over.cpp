#include "node/hand_over.hpp"
#include <cerrno>
#include "net/system_clock.hpp"
#include "transaction/transaction_id.hpp"

namespace tandem {

Switchboard::Switchboard(const KeyedHash &hash, std::vector<std::function<void()>> wakes, const MailboxOptions &options)
    : map_(static_cast<std::uint32_t>(wakes.size()), hash) {
    for (auto &wake : wakes) boxes_.push_back(std::make_unique<Mailbox>(std::move(wake), options));
}

HandOver::HandOver(Switchboard &board, std::uint8_t worker) : board_(board), worker_(worker), mail_(board.workers()) {}

std::span<const Datagram> HandOver::keep_own(std::span<const Datagram> batch, Instant now) {
    own_.clear();
    for (const Datagram &datagram : batch) {
        const std::uint8_t shard = board_.map().shard_of(datagram.bytes, worker_);
        if (shard == worker_) {
            own_.push_back(datagram);
        } else {
            mail_[shard].add({.kind = LetterKind::received, .peer = datagram.peer, .at = now}, datagram.bytes);
        }
    }
    flush(now); // first: the others begin at once
    return own_;
}

void HandOver::offer_to_next(const Endpoint &peer, std::string_view bytes, std::uint8_t asked) {
    const auto next = static_cast<std::size_t>((worker_ + 1) % board_.workers());
    const auto now_asked = static_cast<std::uint8_t>(asked + 1);
    mail_[next].add({.kind = LetterKind::received, .asked = now_asked, .peer = peer}, bytes);
}

void HandOver::tell_not_sent(std::uint8_t worker, std::uint64_t owner, bool is_made) {
    mail_[worker].add({.kind = LetterKind::not_sent, .owner = owner, .is_made = is_made}, {});
}

void HandOver::tell_connection_lost(const ConnectionLoss &loss) {
    for (std::size_t worker = 0; worker < mail_.size(); ++worker) {
        if (worker == worker_) continue;
        mail_[worker].add(
            {.kind = LetterKind::connection_lost, .peer = loss.peer, .at = loss.at, .is_made = loss.is_made}, {});
    }
}

void HandOver::flush(Instant now) {
    for (std::size_t worker = 0; worker < mail_.size(); ++worker) {
        Mail &mail = mail_[worker];
        if (mail.empty()) continue;
        const std::size_t letters = mail.letters().size();
        board_.box(static_cast<std::uint8_t>(worker)).put(mail, now);
        const std::size_t left = mail.letters().size();
        statistics_.handed_over += letters - left;
        statistics_.dropped += left;
        mail.clear();
    }
}

std::uint64_t BorrowedTransport::mark(std::uint64_t owner, std::uint8_t worker) {
    return owner == 0 ? 0 : TransactionId(owner).with_shard(static_cast<std::uint8_t>(worker + 1)).value();
}

std::optional<std::uint8_t> BorrowedTransport::lender_of(std::uint64_t owner) {
    const std::uint8_t shard = TransactionId(owner).shard();
    if (shard == 0) return std::nullopt;
    return static_cast<std::uint8_t>(shard - 1);
}

std::uint64_t BorrowedTransport::unmark(std::uint64_t owner) { return TransactionId(owner).with_shard(0).value(); }

void BorrowedTransport::send(std::span<const OutDatagram> batch) {
    for (const OutDatagram &datagram : batch) {
        mail_.add({.kind = LetterKind::to_send,
                   .peer = datagram.to,
                   .owner = mark(datagram.owner, worker_),
                   .host = std::string(datagram.host.view())},
                  datagram.bytes.view());
    }
    board_.box(holder_).put(mail_, SystemClock::now());
    statistics_.send_failed += mail_.letters().size();
    // No handler is called from inside send().
    for (const Letter &letter : mail_.letters()) {
        loop_.post([this, to = letter.peer, owner = unmark(letter.owner)] {
            if (failed_handler_) failed_handler_({to, {}, owner, {}}, {ENOBUFS});
        });
    }
    mail_.clear();
}

} // namespace tandem
