// What a simulation saw: every rule that was broken, a hash over every datagram, and the trace if one is asked for.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include "base/endpoint.hpp"
#include "base/instant.hpp"

namespace tandem::sim {

struct Finding {
    Instant when;
    std::optional<std::size_t> call; // none: of the whole run
    std::string text;                // who did what, and the rule that it breaks
};

struct TraceOptions {
    bool on = false;
    bool whole = false;              // every byte; else one line for a message
    std::optional<std::size_t> call; // this one only
};

class Journal {
public:
    explicit Journal(TraceOptions trace) : trace_(trace) {}

    void find(Instant when, std::optional<std::size_t> call, std::string text);

    // From now on hear() finds nothing: of a process that dies its peers hear what breaks the rules.
    void set_lenient(bool is_lenient) { is_lenient_ = is_lenient; }
    void hear(Instant when, std::optional<std::size_t> call, std::string text) {
        if (!is_lenient_) find(when, call, std::move(text));
    }

    // `fate`: what became of it: "lost", or after how many ms it arrives.
    void datagram(Instant when, const Endpoint &from, const Endpoint &to, std::string_view bytes,
                  std::string_view fate);
    void note(Instant when, std::size_t call, std::string_view text); // into the trace alone

    const std::vector<Finding> &findings() const { return findings_; }
    std::uint64_t hash() const { return hash_; }
    std::uint64_t datagrams() const { return datagrams_; }

private:
    bool traces(std::size_t call) const { return trace_.on && (!trace_.call || *trace_.call == call); }

    TraceOptions trace_;
    bool is_lenient_ = false;
    std::vector<Finding> findings_;
    std::uint64_t hash_ = 14695981039346656037U; // FNV-1a
    std::uint64_t datagrams_ = 0;
};

} // namespace tandem::sim
