// What a worker tells of its calls to who listens, what its calls wait for, and its messages for who looks at them.
#include <string>
#include <utility>
#include "event/event_names.hpp"
#include "net/system_clock.hpp"
#include "node/capture_tap.hpp"
#include "node/event_hub.hpp"
#include "node/worker.hpp"

namespace tandem {
namespace {

Waited waited_of(Resumed::Why why) {
    switch (why) {
    case Resumed::Why::event: return Waited::event;
    case Resumed::Why::gap: return Waited::gap;
    case Resumed::Why::timeout: break;
    }
    return Waited::timeout;
}

} // namespace

// The answer comes in a later turn.
void Worker::begin_waits() {
    engine_.take_waits(waits_);
    for (WantedEvent &wanted : waits_) {
        auto tell = [self = std::weak_ptr(self_), id = wanted.id](Waited how) {
            if (const auto worker = self.lock()) (*worker)->on_waited(id, how);
        };
        if (!options_.hub) {
            loop_.post([tell] { tell(Waited::timeout); });
            continue;
        }
        options_.hub->wait(std::move(wanted.wait.filter), wanted.wait.timeout, wanted.wait.since,
                           [tell, &loop = loop_](const Resumed &resumed) {
                               loop.post([tell, how = waited_of(resumed.why)] { tell(how); });
                           });
    }
    waits_.clear();
}

void Worker::on_waited(EventWaitId wait, Waited how) {
    const Instant now = SystemClock::now();
    engine_.on_waited(wait, how, now);
    settle(now);
}

void Worker::tell_record(const DialogRecord &record) {
    const Cdr cdr = make_cdr(record, wall_);
    EventDraft draft{event_name::cdr};
    draft.fields.add(event_key::call_id, cdr.call_id);
    draft.fields.add(event_key::call, cdr.caller_call_id);
    draft.fields.add(event_key::id, cdr.id.to_string());
    draft.fields.add(event_key::from, cdr.from_uri);
    draft.fields.add(event_key::to, cdr.to_uri);
    draft.fields.add(event_key::trunk, cdr.trunk);
    draft.fields.add(event_key::reason, to_string(cdr.end_reason));
    if (cdr.sip_code != 0) draft.fields.add(event_key::status, std::to_string(cdr.sip_code));
    draft.data = to_json(cdr);
    options_.events->tell(std::move(draft), record.ended.value_or(record.created));
}

void Worker::tell_trunk(const TrunkStatus &status, Instant now) {
    EventDraft draft{event_name::trunk};
    draft.fields.add(event_key::trunk, status.trunk);
    draft.fields.add(event_key::state, status.is_gone ? "gone" : to_string(status.registration.state));
    if (status.registration.status != 0) {
        draft.fields.add(event_key::status, std::to_string(status.registration.status));
    }
    options_.events->tell(std::move(draft), now);
}

bool Worker::shows_messages() const {
    return options_.capture || (options_.is_traced && options_.is_traced->load(std::memory_order_relaxed));
}

// Before anybody else is given them: each message is seen by the worker whose socket it came by.
void Worker::show_received(std::span<const Datagram> batch) {
    const std::int64_t at_us = SystemClock::utc_us();
    for (const Datagram &datagram : batch) {
        const Endpoint &local = transports_[datagram.peer.listener]->local();
        show({datagram.peer, local, at_us}, false, datagram.bytes);
    }
}

// What goes by a listener that another worker holds is seen there.
void Worker::show_sent(std::size_t listener, std::span<const OutDatagram> batch) {
    if (dynamic_cast<const BorrowedTransport *>(transports_[listener].get())) return;
    const std::int64_t at_us = SystemClock::utc_us();
    const Endpoint &local = transports_[listener]->local();
    for (const OutDatagram &datagram : batch) show({local, datagram.to, at_us}, true, datagram.bytes.view());
}

void Worker::show(const CapturedMessage &message, bool is_sent, std::string_view bytes) {
    if (options_.capture) options_.capture->put(message, bytes);
    if (!options_.is_traced || !options_.is_traced->load(std::memory_order_relaxed)) return;
    if (!trails_) trails_ = std::make_unique<MessageTrails>(options_.trails, random_);
    trails_->put(message.at_us, is_sent, is_sent ? message.to : message.from, bytes);
}

CallMessages Worker::messages_of(const std::array<std::string, 2> &call_ids) const {
    CallMessages messages;
    for (const Side leg : {Side::caller, Side::callee}) {
        const std::string &call_id = call_ids[index(leg)];
        const Trail *trail = trails_ && !call_id.empty() ? trails_->find(call_id) : nullptr;
        if (!trail) continue;
        messages.dropped += trail->dropped;
        for (const TrailMessage &message : trail->messages) {
            messages.items.push_back({message.at_us, message.is_sent, leg, message.peer, message.text});
        }
    }
    return messages;
}

} // namespace tandem
