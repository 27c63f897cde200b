#include "node/api_thread.hpp"
#include <algorithm>
#include <fmt/format.h>
#include <string>
#include <utility>
#include "net/system_clock.hpp"

namespace tandem {
namespace {

constexpr Duration end_patience = std::chrono::seconds(1); // for what is under way, at the end

} // namespace

struct ApiThread::Section final : HttpHandler {
    void on_request(HttpRequest request, HttpReply reply) override {
        if (!handler) return reply.send(text_response(503, "not there yet"));
        handler->on_request(std::move(request), std::move(reply));
    }
    Result<std::unique_ptr<WebSocketSession>, HttpResponse> on_upgrade(const HttpRequest &request) override {
        if (!handler) return text_response(503, "not there yet");
        return handler->on_upgrade(request);
    }

    std::string name;
    bool is_tls = false;
    HttpHandler *handler = nullptr; // none: not yet
    std::unique_ptr<HttpServer> server;
};

ApiThread::ApiThread() = default;

ApiThread::~ApiThread() { stop(); }

Result<void, Failure> ApiThread::open(std::string_view section, const ApiConfig &config,
                                      std::shared_ptr<const TlsContext> tls) {
    auto opened = std::make_unique<Section>();
    opened->name = section;
    opened->is_tls = config.is_tls;
    HttpServerOptions options;
    options.origins = config.origins;
    auto server = HttpServer::open(loop_, *config.listen, *opened, options, config.is_tls ? std::move(tls) : nullptr);
    if (!server) return Failure{server.error().error, fmt::format("[{}] {}", section, server.error().detail)};
    opened->server = std::move(*server);
    sections_.push_back(std::move(opened));
    return {};
}

ApiThread::Section *ApiThread::find(std::string_view name) const {
    const auto found =
        std::find_if(sections_.begin(), sections_.end(), [name](const auto &section) { return section->name == name; });
    return found == sections_.end() ? nullptr : found->get();
}

void ApiThread::serve(std::string_view section, HttpHandler &handler) {
    if (Section *found = find(section)) found->handler = &handler;
}

const HttpServer *ApiThread::server(std::string_view section) const {
    const Section *found = find(section);
    return found ? found->server.get() : nullptr;
}

void ApiThread::every(Duration interval, std::function<void()> task) {
    const auto place = timers_.size();
    timers_.push_back(std::make_unique<Timer>(loop_, [this, place, interval, task = std::move(task)] {
        timers_[place]->set(SystemClock::now() + interval);
        task();
    }));
    timers_[place]->set(SystemClock::now() + interval);
}

void ApiThread::start(std::function<void(std::exception_ptr)> failed) {
    thread_ = std::thread([this, failed = std::move(failed)] {
        try {
            loop_.run();
        } catch (...) {
            failed(std::current_exception());
        }
    });
}

void ApiThread::shut_down() {
    if (!std::exchange(is_shutting_down_, true)) loop_.post([this] { begin_end(); });
}

void ApiThread::stop() {
    if (thread_.joinable()) {
        shut_down();
        thread_.join();
    }
    // With the sessions of WebSockets, which refer to what may go next.
    for (const auto &section : sections_) section->server.reset();
}

void ApiThread::begin_end() {
    if (sections_.empty()) return loop_.stop();
    end_timer_ = std::make_unique<Timer>(loop_, [this] { loop_.stop(); });
    end_timer_->set(SystemClock::now() + end_patience);
    ending_ = sections_.size();
    for (const auto &section : sections_) {
        section->server->shut_down([this] {
            if (--ending_ == 0) loop_.stop();
        });
    }
}

void ApiThread::use(std::shared_ptr<const TlsContext> tls) {
    loop_.post([this, tls = std::move(tls)] {
        for (const auto &section : sections_) {
            if (section->is_tls) section->server->use(tls);
        }
    });
}

} // namespace tandem
