#include "net/stream_connection.hpp"
#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

namespace tandem {

StreamConnection::StreamConnection(asio::io_context &io, StreamOwner &owner, OwnedDescriptor fd,
                                   std::unique_ptr<StreamChannel> channel, const Endpoint &peer, bool is_ours,
                                   std::string_view host, Instant now)
    : owner_(owner), fd_(std::move(fd)), readable_(io), channel_(std::move(channel)), peer_(peer), host_(host),
      is_ours_(is_ours), entered_(now), used_(now) {}

AsioError StreamConnection::watch() { return readable_.open(fd_.get(), shared_from_this()); }

void StreamConnection::close() {
    state_ = StreamState::closed;
    readable_.close();
    fd_.close();
}

void StreamConnection::enter(StreamState state, Instant now) {
    state_ = state;
    entered_ = now;
    used_ = now;
}

void StreamConnection::on_read(bool is_progress, Instant now) {
    used_ = now;
    if (is_progress) has_spoken_ = true;
    pinged_ = never;
    if (!framer_.is_unfinished()) {
        begun_ = never;
    } else if (is_progress || begun_ == never) {
        begun_ = now;
    }
}

void StreamConnection::enqueue(OutDatagram datagram, Instant now) {
    if (queued_bytes_ == 0) blocked_ = now;
    queued_bytes_ += datagram.bytes.view().size();
    queue_.push_back(std::move(datagram));
}

bool StreamConnection::owes_pong() const { return queued_bytes_ > 0 && queue_.back().bytes.view() == pong; }

ChannelResult StreamConnection::send_queued(Instant now) {
    std::array<iovec, 64> parts;
    std::size_t done = 0;
    while (queued_bytes_ > 0) {
        std::size_t count = 0;
        for (std::size_t i = first_; i < queue_.size() && count < parts.size(); ++i) {
            const std::string_view bytes = queue_[i].bytes.view().substr(i == first_ ? first_sent_ : 0);
            parts[count++] = {const_cast<char *>(bytes.data()), bytes.size()}; // it is only read
        }
        const ChannelResult result = channel_->write(std::span(parts.data(), count));
        if (result.status != ChannelStatus::done) return {result.status, done, result.error};
        used_ = blocked_ = now;
        done += forget_sent(result.size);
    }
    blocked_ = never;
    return {ChannelStatus::done, done, 0};
}

// How many messages are done with.
std::size_t StreamConnection::forget_sent(std::size_t size) {
    std::size_t done = 0;
    queued_bytes_ -= size;
    first_sent_ += size;
    while (first_ < queue_.size() && first_sent_ >= queue_[first_].bytes.view().size()) {
        first_sent_ -= queue_[first_].bytes.view().size();
        queue_[first_++] = {};
        ++done;
    }
    if (first_ == queue_.size()) {
        constexpr std::size_t kept = 64;
        queue_.clear();
        if (queue_.capacity() > kept) queue_.shrink_to_fit();
        first_ = 0;
    } else if (first_ > queue_.size() / 2) {
        queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(first_));
        first_ = 0;
    }
    return done;
}

std::vector<OutDatagram> StreamConnection::take_queue() {
    std::vector<OutDatagram> queue = std::exchange(queue_, {});
    queue.erase(queue.begin(), queue.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = first_sent_ = queued_bytes_ = 0;
    return queue;
}

Instant StreamConnection::deadline(const StreamOptions &options) const {
    const auto after = [](Instant since, Duration patience) { return since == never ? never : since + patience; };
    switch (state_) {
    case StreamState::connecting: return entered_ + options.connect_timeout;
    case StreamState::handshaking: return entered_ + options.handshake_timeout;
    case StreamState::refusing: return entered_ + options.refuse_timeout;
    case StreamState::closed: return never;
    case StreamState::open: break;
    }
    // Keep-alives prolong nothing for a stranger, who could stay by them alone for ever.
    const bool is_known = is_ours_ || has_spoken_;
    const Instant idle = is_known ? used_ + options.idle_timeout : entered_ + options.silent_timeout;
    return std::min({idle, after(begun_, options.message_timeout), after(blocked_, options.send_timeout),
                     after(pinged_, options.pong_timeout)});
}

Instant StreamConnection::next_check(const StreamOptions &options) const {
    const Instant due = deadline(options);
    const bool may_ping = state_ == StreamState::open && is_ours_ && options.ping_interval != Duration::zero();
    return may_ping && pinged_ == never ? std::min(due, used_ + options.ping_interval) : due;
}

bool StreamConnection::wants_ping(const StreamOptions &options, Instant now) const {
    return state_ == StreamState::open && is_ours_ && options.ping_interval != Duration::zero() && pinged_ == never &&
           queued_bytes_ == 0 && now >= used_ + options.ping_interval;
}

} // namespace tandem
