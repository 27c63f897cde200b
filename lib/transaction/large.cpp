// Requests that are too large for a datagram go by TCP, and by UDP after all where the peer has no TCP (RFC 3261
// section 18.1.1). The user above has written them for UDP and hears nothing of it.
#include <algorithm>
#include <utility>
#include "base/text.hpp"
#include "transaction/transaction_table.hpp"

namespace tandem {
namespace {

constexpr std::size_t udp_size_max = 1300;                // where nobody knows the MTU of the path
constexpr std::size_t without_tcp_max = 1024;             // peers that are remembered
constexpr Duration without_tcp = std::chrono::minutes(1); // until TCP is tried again

// The first Via of a request that tandem has written: all of its line, without CRLF. Empty: there is none.
std::string_view top_via_line(std::string_view request) {
    constexpr std::string_view start = "\r\nVia: ";
    const std::size_t at = request.find(start);
    if (at == std::string_view::npos) return {};
    const std::string_view line = request.substr(at + 2);
    return line.substr(0, line.find("\r\n"));
}

// The request with another first Via.
void write_with_via(std::string &out, std::string_view request, std::string_view via) {
    const std::string_view old = top_via_line(request);
    const auto at = static_cast<std::size_t>(old.data() - request.data());
    out.assign(request.substr(0, at)).append(via).append(request.substr(at + old.size()));
}

} // namespace

// The way by TCP for a request that is written for UDP; none: it stays as it is.
std::optional<Way> TransactionTable::way_by_tcp(const Endpoint &to, std::string_view request) {
    if (request.size() <= udp_size_max || to.transport != Transport::udp) return std::nullopt;
    const auto twin = std::find_if(options_.twins.begin(), options_.twins.end(),
                                   [&](const ListenerTwin &candidate) { return candidate.udp == to.listener; });
    if (twin == options_.twins.end()) return std::nullopt;
    Way way{to, {}};
    way.to.transport = Transport::tcp;
    way.to.listener = twin->tcp;
    const auto known = without_tcp_.find(matcher_.peer(way.to));
    if (known != without_tcp_.end() && now_ < known->second) return std::nullopt;

    constexpr std::string_view by_udp = "Via: SIP/2.0/UDP ";
    const std::string_view via = top_via_line(request);
    const std::size_t params = via.find(';');
    if (via.substr(0, by_udp.size()) != by_udp || params == std::string_view::npos) return std::nullopt;
    std::string by_tcp = "Via: SIP/2.0/TCP " + twin->sent_by;
    by_tcp.append(via.substr(params));
    write_with_via(text_, request, by_tcp);
    way.bytes = SharedBytes(text_);
    ++statistics_.by_tcp;
    return way;
}

// The peer has no TCP: once more from the beginning. Where a connection was made it has, and its end is a failure.
void TransactionTable::go_back_to_udp(TransactionId id, Transaction &transaction, Instant now) {
    forget_connection(transaction);
    note_without_tcp(transaction.peer, now);
    const std::unique_ptr<Way> way = std::move(transaction.by_udp);
    if (!transaction.cancel.empty()) { // it waits for a provisional response, and was written for TCP
        write_with_via(text_, transaction.cancel.view(), top_via_line(way->bytes.view()));
        transaction.cancel = SharedBytes(text_);
    }
    transaction.peer = way->to;
    transaction.bytes = way->bytes;
    transaction.state = TransactionState::initial;
    run(id, transaction, Input::begin, now);
}

void TransactionTable::note_without_tcp(const Endpoint &peer, Instant now) {
    ++statistics_.back_to_udp;
    if (without_tcp_.size() >= without_tcp_max) without_tcp_.clear(); // each is tried once more
    without_tcp_[matcher_.peer(peer)] = now + without_tcp;
}

// An ACK for a 2xx has no transaction to tell when it is lost: while its INVITE's lasts, it is kept here.
void TransactionTable::keep_large_ack(TransactionId invite, std::string_view to_tag, const Endpoint &by_tcp,
                                      Way by_udp) {
    if (large_acks_.size() >= large_ack_max) large_acks_.erase(large_acks_.begin());
    large_acks_.push_back({invite, std::string(to_tag), by_tcp, std::move(by_udp)});
}

void TransactionTable::send_large_acks_by_udp(const Endpoint &lost, Instant now) {
    const auto is_over = [&](const LargeAck &ack) { return !transactions_.find(ack.invite); };
    std::erase_if(large_acks_, is_over);
    const auto first = std::stable_partition(large_acks_.begin(), large_acks_.end(),
                                             [&](const LargeAck &ack) { return ack.by_tcp != lost; });
    if (first == large_acks_.end()) return;
    note_without_tcp(lost, now);
    for (auto ack = first; ack != large_acks_.end(); ++ack) {
        for (SentAck &sent : *transactions_.find(ack->invite)->acks) {
            if (sent.to_tag == ack->to_tag) sent = {sent.to_tag, ack->by_udp.to, ack->by_udp.bytes, {}};
        }
        outgoing_.push_back({ack->by_udp.to, std::move(ack->by_udp.bytes), {}, {}});
    }
    large_acks_.erase(first, large_acks_.end());
}

} // namespace tandem
