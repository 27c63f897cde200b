// One of several workers: what others leave for it, and what it has counted.
#include <algorithm>
#include "net/system_clock.hpp"
#include "node/worker.hpp"

namespace tandem {

void Worker::join(Switchboard &board) { hand_over_.emplace(board, options_.engine.dialogs.shard); }

void Worker::receive(const Endpoint &peer, std::string_view bytes, std::uint8_t asked, Instant arrived, Instant now) {
    const bool is_last = !hand_over_ || hand_over_->is_last(asked);
    const bool is_taken =
        engine_.receive(bytes, peer, now, is_last ? StrayCancel::answer : StrayCancel::leave, arrived);
    if (!is_taken) hand_over_->offer_to_next(peer, bytes, asked);
    take_outgoing(now);
}

// Of the mail at hand, or else of the box.
bool Worker::has_mail() {
    if (letters_read_ < mail_.letters().size()) return true;
    mail_.clear();
    letters_read_ = 0;
    return hand_over_->take(mail_);
}

void Worker::on_mail() {
    if (reads_on_) return; // a turn is to come already, and takes this too
    const Instant now = SystemClock::now();
    if (!has_mail()) return;
    watch_load(std::max(now - mail_.since(), Duration::zero()), now);
    const std::size_t end = std::min(mail_.letters().size(), letters_read_ + options_.letters_per_turn);
    while (letters_read_ < end) read(mail_.letters()[letters_read_++], now);
    settle(now);
    // The box wakes nobody while something is in it, so it is left empty.
    reads_on_ = has_mail();
    if (!reads_on_) return;
    loop_.post([this] {
        reads_on_ = false;
        on_mail();
    });
}

void Worker::read(const Letter &letter, Instant now) {
    switch (letter.kind) {
    case LetterKind::received: return receive(letter.peer, mail_.bytes_of(letter), letter.asked, letter.at, now);
    case LetterKind::to_send: pass_on(letter); break;
    case LetterKind::not_sent:
        letter.is_made ? engine_.on_send_failed(TransactionId(letter.owner), now)
                       : engine_.on_not_connected(TransactionId(letter.owner), now);
        break;
    case LetterKind::connection_lost:
        // Only now have all REGISTERs been applied here that came over it.
        if (options_.engine.registrar) options_.engine.registrar->on_flow_lost(letter.peer, letter.at);
        engine_.on_connection_lost({letter.peer, letter.at, letter.is_made}, now);
        break;
    }
    take_outgoing(now);
}

void Worker::pass_on(const Letter &letter) {
    outbox_.ready()
        .at(letter.peer.listener)
        .push_back({letter.peer, SharedBytes(mail_.bytes_of(letter)), letter.owner,
                    letter.host.empty() ? SharedBytes() : SharedBytes(letter.host)});
}

void Worker::send_for_others() {
    if (!hand_over_) return;
    while (has_mail()) {
        const Letter &letter = mail_.letters()[letters_read_++];
        if (letter.kind == LetterKind::to_send) pass_on(letter); // the rest would only begin what nobody ends
    }
    send_ready();
}

WorkerStatistics Worker::statistics() const {
    WorkerStatistics all;
    all.calls = engine_.calls();
    all.transactions = engine_.transactions();
    all.dialogs = engine_.dialogs();
    all.engine = engine_.statistics();
    all.transaction = engine_.transaction_statistics();
    all.dialog = engine_.tracker().statistics();
    for (const auto &transport : transports_) {
        const auto kind = static_cast<std::size_t>(transport->local().transport);
        add_counters(all.transport, transport->statistics());
        add_counters(all.by_transport.at(kind), transport->statistics());
    }
    if (hand_over_) all.hand_over = hand_over_->statistics();
    if (journal_) all.journal = journal_->statistics();
    if (cluster_) all.cluster = cluster_->statistics();
    if (control_) all.control = control_->statistics();
    return all;
}

} // namespace tandem
