// Every SIP message that comes and goes, to a collector (HEP version 3), by a thread that nobody waits for: what it
// cannot follow is dropped and counted.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>
#include "base/instant.hpp"
#include "base/result.hpp"
#include "net/hep/packet_sender.hpp"
#include "net/loop.hpp"
#include "node/capture_tap.hpp"
#include "node/config.hpp"
#include "node/log.hpp"

namespace tandem {

struct CaptureStatistics {
    std::uint64_t sent = 0;
    std::uint64_t dropped = 0;   // found no room, because the thread is behind
    std::uint64_t failed = 0;    // refused by the kernel, or nobody was there for the one before
    std::uint64_t too_large = 0; // for a packet
};

class Capture {
public:
    // Of a configuration with a collector. `log` outlives the object, which outlives the threads of its taps. The
    // failure is one line.
    static Result<std::unique_ptr<Capture>, Failure> open(const CaptureConfig &config, Log &log);
    ~Capture(); // ends the thread
    Capture(const Capture &) = delete;
    Capture &operator=(const Capture &) = delete;

    CaptureTap &add_tap(); // before start(); one for each worker

    void start();
    void end(); // when the workers have ended: sends what is left

    CaptureStatistics statistics() const; // from any thread

private:
    Capture(const CaptureConfig &config, std::unique_ptr<PacketSender> sender, Log &log);
    void read_taps();
    bool gather();
    void send();
    void warn(int error);

    const CaptureConfig config_;
    const std::unique_ptr<PacketSender> sender_;
    Log &log_;
    Loop loop_;
    std::vector<std::unique_ptr<CaptureTap>> taps_;
    std::thread thread_;
    std::atomic<bool> is_ending_{false};

    // The thread's.
    std::vector<std::string> packets_; // at most batch_max; keep their memory
    std::size_t used_ = 0;             // of them
    std::size_t first_ = 0;            // of the taps, in turn
    std::optional<Instant> end_by_;
    Instant warned_at_{};
    std::atomic<std::uint64_t> sent_{0};
    std::atomic<std::uint64_t> failed_{0};
    std::atomic<std::uint64_t> too_large_{0};
};

} // namespace tandem
