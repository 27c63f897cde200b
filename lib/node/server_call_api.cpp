// The Call API's part of a server.
#include "callapi/event_feed.hpp"
#include "net/system_clock.hpp"
#include "node/event_hub.hpp"
#include "node/server.hpp"

namespace tandem {
namespace {

class HubPort final : public EventPort {
public:
    explicit HubPort(EventHub &hub) : hub_(hub) {}

    Result<SubscriberId> listen(std::function<void()> ready) override { return hub_.listen(std::move(ready)); }
    void leave(SubscriberId id) override { hub_.leave(id); }
    Bus &bus() override { return hub_.bus(); }
    void changed() override { hub_.changed(); }

private:
    EventHub &hub_;
};

} // namespace

void Server::make_event_port() { event_port_ = std::make_unique<HubPort>(*events_); }

std::vector<std::unique_ptr<RpcFeature>> Server::make_features(JsonRpc &rpc,
                                                               const std::shared_ptr<RpcChannel> &channel) {
    std::vector<std::unique_ptr<RpcFeature>> features;
    features.push_back(std::make_unique<EventFeed>(rpc, channel, *event_port_, SystemClock::now));
    return features;
}

void Server::make_call_api() {
    if (!api_.server("call_api")) return;
    std::vector<NodeCommands::Part> workers;
    for (const auto &station : stations_) workers.push_back({&station->loop, station->worker.get()});
    commands_ = std::make_unique<NodeCommands>(std::move(workers), wall_, api_.loop());
    CallApiOptions options;
    options.token = config_.call_api.token;
    options.more = [this](JsonRpc &rpc, const std::shared_ptr<RpcChannel> &channel) {
        return make_features(rpc, channel);
    };
    call_api_ = std::make_unique<CallApi>(options, *commands_, api_random_, SystemClock::now);
    commands_->on_event([this](const CallEvent &event) { call_api_->on_event(event); });
    api_.every(std::chrono::seconds(1), [this] { call_api_->advance(); });
    api_.serve("call_api", *call_api_);
}

} // namespace tandem
