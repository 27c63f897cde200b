#include "sim/network.hpp"
#include <algorithm>
#include <utility>
#include "sim/address.hpp"

namespace tandem::sim {

Network::Network(const Weather &weather, std::uint64_t seed, Journal &journal, Instant now)
    : weather_(weather), seed_(seed), journal_(journal), now_(now) {}

Dice &Network::dice_of(std::size_t call) {
    while (dice_.size() <= call) dice_.emplace_back(seed_, 'n', dice_.size());
    return dice_[call];
}

void Network::send(const Endpoint &from, const Endpoint &to, std::string bytes) {
    auto &dice = dice_of(call_at(is_engine(from) ? to : from));
    const int copies = dice.chance(weather_.duplication) ? 2 : 1;
    for (int i = 0; i < copies; ++i) {
        auto delay = dice.between(weather_.delay_min_ms, weather_.delay_max_ms);
        if (dice.chance(weather_.straggling)) delay += dice.between(0, weather_.straggler_max_ms);
        const bool is_lost = dice.chance(weather_.loss);
        journal_.datagram(now_, from, to, bytes, is_lost ? "lost" : "+" + std::to_string(delay));
        if (!is_lost) dispatch(from, to, bytes, std::chrono::milliseconds(delay));
    }
}

void Network::dispatch(const Endpoint &from, const Endpoint &to, std::string bytes, Duration delay) {
    after(delay, [this, from, to, kept = std::move(bytes)] { receiver_(to, from, kept); });
}

void Network::at(Instant when, std::function<void()> action) {
    events_.push_back({when, ++order_, std::move(action)});
    std::push_heap(events_.begin(), events_.end(), later);
}

std::optional<Instant> Network::next() const {
    if (events_.empty()) return std::nullopt;
    return events_.front().when;
}

void Network::run_until(Instant when) {
    now_ = when;
    while (!events_.empty() && events_.front().when <= now_) {
        std::pop_heap(events_.begin(), events_.end(), later);
        const auto action = std::move(events_.back().action);
        events_.pop_back();
        action();
    }
}

} // namespace tandem::sim
