// The log of a node: lines of text or JSON, on standard error. What stands in a line is never a secret, and never
// per message: a call that goes well leaves no line. Nobody waits for who reads it: what he does not take in time is
// lost, counted, and told when he takes lines again. From any thread.
#pragma once
#include <iosfwd>
#include <memory>
#include <string_view>
#include "node/config.hpp"

namespace tandem {

class Log {
public:
    explicit Log(const LogConfig &config);           // standard error
    Log(const LogConfig &config, int fd);            // the same for a descriptor, which stays the caller's
    Log(const LogConfig &config, std::ostream &out); // at once, for tests; `out` outlives the log
    ~Log();
    Log(const Log &) = delete;
    Log &operator=(const Log &) = delete;

    void configure(const LogConfig &config);
    bool writes(LogLevel level) const; // else a line of it is made for nothing

    void debug(std::string_view text) { write(LogLevel::debug, text); }
    void info(std::string_view text) { write(LogLevel::info, text); }
    void warn(std::string_view text) { write(LogLevel::warn, text); }
    void error(std::string_view text) { write(LogLevel::error, text); }

private:
    void write(LogLevel level, std::string_view text);

    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace tandem
