#include "node/log.hpp"
#include <atomic>
#include <fmt/format.h>
#include <iterator>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <string>
#include <utility>

namespace tandem {
namespace {

spdlog::level::level_enum spdlog_level(LogLevel level) {
    switch (level) {
    case LogLevel::debug: return spdlog::level::debug;
    case LogLevel::info: return spdlog::level::info;
    case LogLevel::warn: return spdlog::level::warn;
    case LogLevel::error: return spdlog::level::err;
    case LogLevel::off: return spdlog::level::off;
    }
    return spdlog::level::info;
}

std::string_view name(LogLevel level) {
    switch (level) {
    case LogLevel::debug: return "debug";
    case LogLevel::info: return "info";
    case LogLevel::warn: return "warn";
    case LogLevel::error: return "error";
    case LogLevel::off: return "off";
    }
    return "info";
}

// One line, whatever text from elsewhere it quotes; in JSON also a whole string.
std::string escaped(std::string_view text, LogFormat format) {
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
        const auto code = static_cast<unsigned char>(c);
        if (format == LogFormat::json && (c == '"' || c == '\\')) {
            out.append({'\\', c});
        } else if (code >= 0x20 && code != 0x7f) {
            out.push_back(c);
        } else if (format == LogFormat::json) {
            fmt::format_to(std::back_inserter(out), "\\u{:04x}", code);
        } else {
            fmt::format_to(std::back_inserter(out), "\\x{:02x}", code);
        }
    }
    return out;
}

} // namespace

struct Log::Impl {
    explicit Impl(spdlog::sink_ptr sink) : logger("tandem", std::move(sink)) {}

    spdlog::logger logger;
    std::atomic<LogFormat> format = LogFormat::text; // changes while workers write
};

Log::Log(const LogConfig &config) : impl_(std::make_unique<Impl>(std::make_shared<spdlog::sinks::stderr_sink_mt>())) {
    configure(config);
}

Log::Log(const LogConfig &config, std::ostream &out)
    : impl_(std::make_unique<Impl>(std::make_shared<spdlog::sinks::ostream_sink_mt>(out))) {
    configure(config);
}

Log::~Log() = default;

void Log::configure(const LogConfig &config) {
    impl_->format = config.format;
    impl_->logger.set_level(spdlog_level(config.level));
    impl_->logger.set_formatter(std::make_unique<spdlog::pattern_formatter>(
        config.format == LogFormat::json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ",%v})" : "%Y-%m-%dT%H:%M:%S.%eZ %v",
        spdlog::pattern_time_type::utc));
    impl_->logger.flush_on(spdlog::level::trace);
}

void Log::write(LogLevel level, std::string_view text) {
    const auto at = spdlog_level(level);
    if (!impl_->logger.should_log(at)) return;
    const std::string safe = escaped(text, impl_->format);
    impl_->logger.log(at, impl_->format == LogFormat::json
                              ? fmt::format(R"("level":"{}","text":"{}")", name(level), safe)
                              : fmt::format("{} {}", name(level), safe));
}

} // namespace tandem
