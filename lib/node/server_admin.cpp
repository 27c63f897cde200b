// What administration asks of the server.
#include <atomic>
#include <fmt/format.h>
#include <memory>
#include <utility>
#include "node/event_hub.hpp"
#include "node/server.hpp"

namespace tandem {
namespace {

std::string uri_of(const TargetConfig &trunk) {
    const std::string params = trunk.params.empty() ? "" : ";" + trunk.params;
    return fmt::format("{}:{}{}", trunk.is_secure ? "sips" : "sip", trunk.host_port, params);
}

// Messages are kept while one of these lives, of who has a WebSocket open. On the thread of the API alone.
class TraceWatch final : public RpcFeature {
public:
    TraceWatch(std::size_t &watchers, std::atomic<bool> &is_traced) : watchers_(watchers), is_traced_(is_traced) {
        if (watchers_++ == 0) is_traced_ = true;
    }
    ~TraceWatch() override {
        if (--watchers_ == 0) is_traced_ = false;
    }

private:
    std::size_t &watchers_;
    std::atomic<bool> &is_traced_;
};

} // namespace

void Server::make_admin() {
    if (!api_.server("admin")) return;
    if (config_.admin.is_traced) { // like one who never leaves
        ++trace_watchers_;
        is_traced_ = true;
    }
    admin_ = std::make_unique<NodeAdmin>(admin_parts(), api_.loop());
    admin_handler_ = std::make_unique<AdminHandler>(*admin_, config_.admin.token, admin_random_);
    admin_handler_->offer([this](JsonRpc &rpc, const std::shared_ptr<RpcChannel> &channel) {
        auto features = make_features(rpc, channel);
        features.push_back(std::make_unique<TraceWatch>(trace_watchers_, is_traced_));
        return features;
    });
    api_.serve("admin", *admin_handler_);
}

AdminParts Server::admin_parts() {
    AdminParts parts;
    for (const auto &station : stations_) parts.workers.push_back({&station->loop, station->worker.get()});
    parts.profiles = &profiles_;
    parts.registrar = &registrar_;
    parts.wall = &wall_;
    parts.store = config_.store.path;
    parts.audit = [this](std::function<void(const AuditReport &)> then) { audit(std::move(then)); };
    parts.reload = [this](std::function<void(const Result<void, Failure> &)> then) { reload(std::move(then)); };
    parts.trunks = [this] { return list_trunks(); };
    parts.numbers = [this](std::function<void(NodeNumbers)> then) { collect_numbers(std::move(then)); };
    parts.readiness = [this]() -> Result<void, Failure> {
        if (is_draining_) return Failure{Error::wrong_state, "draining: no new calls are taken"};
        if (store_health_.is_lost()) return Failure{Error::store_failed, "the store is lost: new calls are refused"};
        return {};
    };
    parts.api = [this] {
        ApiNumbers numbers;
        for (const char *section : {"admin", "call_api"}) {
            if (const HttpServer *server = api_.server(section)) {
                numbers.servers.emplace_back(section, server->statistics());
            }
        }
        if (call_api_) numbers.call_api = call_api_->statistics();
        numbers.events = events_->bus().statistics();
        numbers.events_lost = events_->lost();
        return numbers;
    };
    return parts;
}

std::vector<TrunkInfo> Server::list_trunks() const {
    const std::vector<TrunkStatus> states = trunks_.list();
    std::vector<TrunkInfo> trunks;
    for (const TargetConfig &trunk : config_.trunks) {
        TrunkInfo &info = trunks.emplace_back(TrunkInfo{trunk.trunk, uri_of(trunk), std::nullopt});
        for (const TrunkStatus &state : states) {
            if (state.trunk == trunk.trunk) info.status = state;
        }
    }
    return trunks;
}

void Server::collect_numbers(std::function<void(NodeNumbers)> then) {
    collect_statistics([this, then = std::move(then)](std::vector<WorkerStatistics> workers) {
        NodeNumbers numbers;
        numbers.workers = std::move(workers);
        numbers.registrar = registrar_.statistics();
        numbers.trunks = trunks_.list();
        numbers.audit = audit_statistics_;
        if (cdr_stream_) numbers.cdr_stream = cdr_stream_->statistics();
        if (capture_) numbers.capture = capture_->statistics();
        if (takeover_) numbers.takeover = takeover_->statistics();
        numbers.has_store = store_thread_ != nullptr;
        numbers.has_cluster = config_.redis.url.has_value();
        numbers.is_draining = is_draining_;
        numbers.start_s = start_s_;
        then(std::move(numbers));
    });
}

} // namespace tandem
