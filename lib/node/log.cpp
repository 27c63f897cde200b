#include "node/log.hpp"
#include <atomic>
#include <fmt/format.h>
#include <iterator>
#include <mutex>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/ostream_sink.h>
#include <string>
#include <unistd.h>
#include <utility>
#include "node/log_writer.hpp"

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

class WriterSink final : public spdlog::sinks::base_sink<std::mutex> {
public:
    explicit WriterSink(LogWriter &writer) : writer_(writer) {}

private:
    void sink_it_(const spdlog::details::log_msg &message) override {
        spdlog::memory_buf_t line;
        formatter_->format(message, line);
        writer_.write(fmt::to_string(line));
    }
    void flush_() override {}

    LogWriter &writer_;
};

} // namespace

struct Log::Impl {
    explicit Impl(int fd)
        : writer(std::make_unique<LogWriter>(fd)), logger("tandem", std::make_shared<WriterSink>(*writer)) {}
    explicit Impl(std::ostream &out) : logger("tandem", std::make_shared<spdlog::sinks::ostream_sink_mt>(out)) {}

    void write(LogLevel level, std::string_view text);

    std::unique_ptr<LogWriter> writer; // none: a stream of a test
    spdlog::logger logger;
    std::atomic<LogFormat> format = LogFormat::text; // changes while workers write
    std::atomic<std::uint64_t> lost_told = 0;
};

Log::Log(const LogConfig &config) : Log(config, STDERR_FILENO) {}

Log::Log(const LogConfig &config, int fd) : impl_(std::make_unique<Impl>(fd)) { configure(config); }

Log::Log(const LogConfig &config, std::ostream &out) : impl_(std::make_unique<Impl>(out)) { configure(config); }

Log::~Log() = default;

void Log::configure(const LogConfig &config) {
    impl_->format = config.format;
    impl_->logger.set_level(spdlog_level(config.level));
    impl_->logger.set_formatter(std::make_unique<spdlog::pattern_formatter>(
        config.format == LogFormat::json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ",%v})" : "%Y-%m-%dT%H:%M:%S.%eZ %v",
        spdlog::pattern_time_type::utc));
    impl_->logger.flush_on(spdlog::level::trace);
}

bool Log::writes(LogLevel level) const { return impl_->logger.should_log(spdlog_level(level)); }

void Log::Impl::write(LogLevel level, std::string_view text) {
    const auto at = spdlog_level(level);
    if (!logger.should_log(at)) return;
    const LogFormat as = format;
    const std::string safe = escaped(text, as);
    logger.log(at, as == LogFormat::json ? fmt::format(R"("level":"{}","text":"{}")", name(level), safe)
                                         : fmt::format("{} {}", name(level), safe));
}

void Log::write(LogLevel level, std::string_view text) {
    const std::uint64_t lost = impl_->writer ? impl_->writer->lost() : 0;
    impl_->write(level, text);
    if (lost == impl_->lost_told || impl_->writer->lost() != lost) return;
    impl_->write(LogLevel::warn,
                 fmt::format("log: {} lines before this one are lost: nobody took them", lost - impl_->lost_told));
    if (impl_->writer->lost() == lost) impl_->lost_told = lost;
}

} // namespace tandem
