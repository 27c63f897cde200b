#include "node/capture.hpp"
#include <fmt/format.h>
#include <utility>
#include "net/hep/hep_packet.hpp"
#include "net/system_clock.hpp"
#include "sip/call_id.hpp"

namespace tandem {
namespace {

constexpr std::size_t batch_max = 64;                        // messages of one system call
constexpr Duration warn_interval = std::chrono::seconds(60); // of lines about a collector that takes nothing
constexpr Duration end_patience = std::chrono::seconds(2);   // for what waits at the end; the rest nobody gets

std::string error_line(int error) { return std::generic_category().message(error); }

} // namespace

Result<std::unique_ptr<Capture>, Failure> Capture::open(const CaptureConfig &config, Log &log) {
    auto sender = open_packet_sender(*config.collector);
    if (!sender) return Failure{sender.error().error, fmt::format("[capture] {}", sender.error().detail)};
    return std::unique_ptr<Capture>(new Capture(config, std::move(*sender), log));
}

Capture::Capture(const CaptureConfig &config, std::unique_ptr<PacketSender> sender, Log &log)
    : config_(config), sender_(std::move(sender)), log_(log), packets_(batch_max) {}

Capture::~Capture() { end(); }

CaptureTap &Capture::add_tap() {
    return *taps_.emplace_back(std::make_unique<CaptureTap>([this] { loop_.post([this] { read_taps(); }); }));
}

void Capture::start() {
    thread_ = std::thread([this] { loop_.run(); });
}

void Capture::end() {
    if (!thread_.joinable()) return;
    is_ending_ = true;
    loop_.post([this] { read_taps(); });
    loop_.stop();
    thread_.join();
}

void Capture::read_taps() {
    for (const auto &tap : taps_) tap->begin_reading();
    while (gather()) {
        send();
        if (!is_ending_) continue;
        const Instant now = SystemClock::now();
        if (!end_by_) end_by_ = now + end_patience;
        if (now > *end_by_) return;
    }
}

// The next messages of each worker, as packets; false: there are none.
bool Capture::gather() {
    used_ = 0;
    CapturedMessage message;
    std::string_view bytes;
    for (std::size_t i = 0; i < taps_.size(); ++i) {
        CaptureTap *const tap = taps_[(first_ + i) % taps_.size()].get();
        while (used_ < batch_max && tap->peek(message, bytes)) {
            std::string &packet = packets_[used_];
            packet.clear();
            const HepPacket hep{message.from,     message.to,        message.at_us, config_.agent,
                                config_.password, call_id_of(bytes), bytes};
            append_hep(packet, hep) ? ++used_ : std::size_t{++too_large_};
            tap->release();
        }
    }
    ++first_; // one that is always full leaves room for the others
    return used_ > 0;
}

void Capture::send() {
    const auto sent = sender_->send({packets_.data(), used_});
    sent_ += sent.taken;
    failed_ += sent.lost;
    if (sent.lost > 0) warn(sent.error);
}

void Capture::warn(int error) {
    const Instant now = SystemClock::now();
    if (warned_at_ != Instant() && now < warned_at_ + warn_interval) return;
    warned_at_ = now;
    const CaptureStatistics all = statistics();
    log_.warn(fmt::format("capture: {} takes nothing: {}; {} messages were lost since the start, {} were dropped",
                          config_.collector->to_string(), error_line(error), all.failed, all.dropped));
}

CaptureStatistics Capture::statistics() const {
    CaptureStatistics all;
    all.sent = sent_.load();
    all.failed = failed_.load();
    all.too_large = too_large_.load();
    for (const auto &tap : taps_) all.dropped += tap->dropped();
    return all;
}

} // namespace tandem
