// EventSubscribe, EventUnsubscribe and the notifications Event: what happens in the node, as a client has asked for it.
// What he does not read in time waits in the bus, which drops the oldest and says so by a gap; nobody else waits.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include "base/instant.hpp"
#include "base/result.hpp"
#include "callapi/rpc_session.hpp"
#include "event/bus.hpp"

namespace tandem {

// Where the events of the node come together, in the API's thread.
class EventPort {
public:
    virtual ~EventPort() = default;

    virtual Result<SubscriberId> listen(std::function<void()> ready) = 0; // full
    virtual void leave(SubscriberId id) = 0;
    virtual Bus &bus() = 0;
    virtual void changed() = 0; // after any change of the bus
};

class EventFeed final : public RpcFeature {
public:
    // Adds the methods. `port` outlives the object.
    EventFeed(JsonRpc &rpc, std::shared_ptr<RpcChannel> channel, EventPort &port, std::function<Instant()> now);
    ~EventFeed() override;

    void on_room() override { send_waiting(); }

private:
    void subscribe(RpcParams params, RpcReply reply);
    void renew(SubscriptionId id, Duration ttl, RpcReply reply);
    void unsubscribe(RpcParams params, RpcReply reply);
    bool is_ours(SubscriptionId id) const;
    std::function<void()> hold(); // nothing is sent until the result is called: an answer comes first
    void send_waiting();

    const std::shared_ptr<RpcChannel> channel_;
    EventPort &port_;
    const std::function<Instant()> now_;
    std::optional<SubscriberId> id_; // none: nothing was subscribed yet
    std::string unsent_;             // the next, for which there was no room; empty: none
    int held_ = 0;                   // answers that have not gone
    std::shared_ptr<EventFeed *> self_ = std::make_shared<EventFeed *>(this); // for what may find us gone
};

} // namespace tandem
