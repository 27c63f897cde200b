#include "call/engine.hpp"
#include <algorithm>
#include "call/admission_gate.hpp"
#include "call/b2bua.hpp"
#include "sip/message.hpp"

namespace tandem {
namespace {

// The machine knows what its messages do; of a dialog it wants to hear of the end alone, which always comes.
TrackerOptions only_ends(TrackerOptions options) {
    options.events = 0;
    return options;
}

// To each UDP listener the TCP listener of its address, or else the first of its family.
TransactionOptions with_twins(const EngineOptions &given) {
    TransactionOptions options = given.transactions;
    for (std::size_t i = 0; i < given.listeners.size(); ++i) {
        Endpoint at = given.listeners[i].bound;
        if (at.transport != Transport::udp) continue;
        at.transport = Transport::tcp;
        const auto same = std::find_if(given.listeners.begin(), given.listeners.end(), [&](const Listener &listener) {
            return listener.bound.transport == Transport::tcp && listener.bound.ip == at.ip;
        });
        const auto twin = same != given.listeners.end()
                              ? static_cast<std::uint8_t>(same - given.listeners.begin())
                              : find_listener(given.listeners, at).value_or(static_cast<std::uint8_t>(i));
        if (twin == i) continue; // there is none
        options.twins.push_back({static_cast<std::uint8_t>(i), twin, given.listeners[twin].sent_by});
    }
    return options;
}

// Dialogs with what is kept of their legs.
class LivingLegs final : public LivingDialogs {
public:
    LivingLegs(const Tracker &tracker, B2bua &b2bua) : tracker_(tracker), b2bua_(b2bua) {}
    std::vector<DialogId> dialogs() const override { return tracker_.dialogs(); }
    std::optional<DialogRecord> record(DialogId id) const override {
        auto record = tracker_.record(id);
        if (record) b2bua_.describe_leg(*record, true);
        return record;
    }

private:
    const Tracker &tracker_;
    B2bua &b2bua_;
};

} // namespace

struct Engine::Parts {
    Parts(const EngineOptions &given, Router &routes, ProfileTable &profiles, Random &random, Instant now)
        : options(given), router(routes), shared(random, profiles), transactions(with_twins(given), random, now),
          tracker(only_ends(given.dialogs), shared, random, now), gate(options, routes, statistics),
          b2bua(options, transactions, tracker, router, random, statistics, now),
          registrations(options.listeners, transactions, random), living(tracker, b2bua) {
        transactions.set_gate(&gate);
    }

    // One input, every output: events of the transactions and of the dialogs cause more of each other.
    void settle(Instant now) {
        tracker.want_events(b2bua.told_dialog_events());
        TransactionEvent transaction;
        DialogEvent dialog;
        for (;;) {
            if (transactions.next_event(transaction)) {
                if (Registrations::is_owner_of(transaction)) {
                    registrations.on_transaction(transaction, now);
                } else {
                    b2bua.on_transaction(transaction, now);
                }
                transaction = TransactionEvent();
            } else if (tracker.next_event(dialog)) {
                b2bua.tell(dialog); // first: an ended call is forgotten
                b2bua.on_dialog(dialog, now);
            } else {
                b2bua.tell_raised(now);
                return b2bua.find_changed_legs();
            }
        }
    }

    EngineOptions options;
    Router &router;
    EngineStatistics statistics;
    TrackerShared shared;
    TransactionTable transactions;
    Tracker tracker;
    AdmissionGate gate;
    B2bua b2bua;
    Registrations registrations;
    LivingLegs living;
};

Engine::Engine(const EngineOptions &options, Router &router, ProfileTable &profiles, Random &random, Instant now)
    : parts_(std::make_unique<Parts>(options, router, profiles, random, now)) {}

Engine::~Engine() = default;

bool Engine::receive(std::string_view bytes, const Endpoint &source, Instant now, StrayCancel stray,
                     std::optional<Instant> arrived) {
    EngineStatistics &statistics = parts_->statistics;
    ++statistics.received;
    if (bytes.find_first_not_of("\r\n") == std::string_view::npos) {
        ++statistics.keepalives;
        return true;
    }
    auto message = Message::parse(bytes);
    if (!message) {
        ++(message.error() == Error::too_large ? statistics.too_large : statistics.not_sip);
        return true;
    }
    // Who is not trusted asserts nothing (RFC 3325 section 5).
    if (message->has(Header::p_asserted_identity) && !parts_->router.is_trusted(source.ip)) {
        message->drop(Header::p_asserted_identity);
    }
    parts_->b2bua.set_arrival(arrived.value_or(now));
    if (!parts_->transactions.receive(std::move(*message), source, now, stray)) return false;
    parts_->settle(now);
    return true;
}

void Engine::on_send_failed(TransactionId transaction, Instant now) {
    parts_->transactions.on_transport_failure(transaction, now);
    parts_->settle(now);
}

void Engine::on_not_connected(TransactionId transaction, Instant now) {
    parts_->transactions.on_not_connected(transaction, now);
    parts_->settle(now);
}

void Engine::on_connection_lost(const ConnectionLoss &loss, Instant now) {
    parts_->transactions.on_connection_lost(loss, now);
    parts_->b2bua.on_connection_lost(loss);
    parts_->settle(now);
}

void Engine::advance(Instant now) {
    parts_->transactions.advance(now);
    parts_->settle(now);
    parts_->b2bua.advance(now);
    parts_->settle(now);
    parts_->registrations.advance(now);
    parts_->settle(now);
    parts_->tracker.advance(now);
    parts_->settle(now);
}

std::optional<Instant> Engine::next_deadline() const {
    std::optional<Instant> next;
    for (const auto &deadline : {parts_->transactions.next_deadline(), parts_->b2bua.next_deadline(),
                                 parts_->registrations.next_deadline(), parts_->tracker.next_deadline()}) {
        if (deadline && (!next || *deadline < *next)) next = deadline;
    }
    return next;
}

void Engine::drain_changes(const std::function<void(const DialogRecord &)> &changed,
                           const std::function<void(const DialogRecord &)> &ended) {
    const auto with_leg = [&](DialogRecord &record) {
        parts_->b2bua.describe_leg(record, false);
        changed(record);
    };
    const auto with_end = [&](DialogRecord &record) {
        parts_->b2bua.describe_end(record);
        ended(record);
    };
    using Sink = std::function<void(DialogRecord &)>;
    parts_->tracker.drain_changes(changed ? Sink(with_leg) : Sink(), ended ? Sink(with_end) : Sink());
}

const LivingDialogs &Engine::living() const { return parts_->living; }

Result<void> Engine::restore(const DialogRecord &record, Instant now) { return parts_->b2bua.restore(record, now); }
void Engine::restore_ended(std::string_view call_id) { parts_->b2bua.restore_ended(call_id); }
void Engine::restore_refusal(std::string_view leg, Instant now) { parts_->b2bua.restore_refusal(leg, now); }

void Engine::go_on(Instant now) {
    parts_->b2bua.go_on(now);
    parts_->settle(now);
}

CallCondition Engine::describe_call(std::uint64_t owner,
                                    const std::function<void(std::span<const DialogRecord>)> &take) {
    return parts_->b2bua.describe_call(CallId(owner), take);
}

std::optional<CallLegs> Engine::legs_of(std::uint64_t owner) const { return parts_->b2bua.legs_of(CallId(owner)); }

Result<void> Engine::adopt(std::span<DialogRecord> legs, Instant now) {
    const auto adopted = parts_->b2bua.adopt(legs, now);
    parts_->settle(now);
    return adopted;
}

std::vector<RecordId> Engine::drop(std::span<const RecordId> sorted, Instant now) {
    std::vector<RecordId> dropped = parts_->b2bua.drop(sorted, now);
    parts_->settle(now);
    return dropped;
}

void Engine::take_outgoing(std::vector<Outgoing> &outgoing) { parts_->transactions.take_outgoing(outgoing); }

void Engine::take_bindings(std::vector<BindingRecord> &bindings) { parts_->b2bua.take_bindings(bindings); }

void Engine::take_places(std::vector<MemberId> &places) { parts_->tracker.take_places(places); }

void Engine::take_place_requests(std::vector<PlaceRequest> &requests) { parts_->b2bua.take_place_requests(requests); }

void Engine::on_reserved(const Reserved &reserved, Instant now) {
    parts_->b2bua.on_reserved(reserved, now);
    parts_->settle(now);
}

void Engine::take_lookups(std::vector<Lookup> &lookups) {
    parts_->b2bua.take_lookups(lookups);
    parts_->registrations.take_lookups(lookups);
}

void Engine::on_resolved(LookupId lookup, std::span<const Endpoint> addresses, Instant now) {
    if (Registrations::is_wanted_by_us(lookup)) {
        parts_->registrations.on_resolved(lookup, addresses, now);
    } else {
        parts_->b2bua.on_resolved(lookup, addresses, now);
    }
    parts_->settle(now);
}

void Engine::take_waits(std::vector<WantedEvent> &waits) { parts_->b2bua.take_waits(waits); }

void Engine::on_waited(EventWaitId wait, Waited how, Instant now) {
    parts_->b2bua.on_waited(wait, how, now);
    parts_->settle(now);
}

void Engine::take_questions(std::vector<Question> &questions, std::vector<QuestionId> &withdrawn) {
    parts_->b2bua.take_questions(questions, withdrawn);
}

DecisionOutcome Engine::on_decided(QuestionId question, const Decision *decision, Instant now) {
    const DecisionOutcome outcome = parts_->b2bua.on_decided(question, decision, now);
    parts_->settle(now);
    return outcome;
}

bool Engine::next_event(CallEvent &event) { return parts_->b2bua.next_event(event); }

Result<void> Engine::refresh(DialogId leg, Instant now) {
    const auto started = parts_->b2bua.refresh(leg, now);
    parts_->settle(now);
    return started;
}

Result<CommandId> Engine::hold(DialogId leg, Instant now, Duration deadline) {
    const auto command = parts_->b2bua.hold(leg, now, deadline);
    parts_->settle(now);
    return command;
}

Result<CommandId> Engine::resume(DialogId leg, Instant now, Duration deadline) {
    const auto command = parts_->b2bua.resume(leg, now, deadline);
    parts_->settle(now);
    return command;
}

Result<CommandId> Engine::transfer(DialogId leg, std::string_view uri, Instant now, Duration deadline) {
    const auto command = parts_->b2bua.transfer(leg, uri, now, deadline);
    parts_->settle(now);
    return command;
}

std::optional<JoinTarget> Engine::joinable(DialogId leg) const { return parts_->b2bua.joinable(leg); }

Result<CommandId> Engine::join(DialogId leg, const JoinTarget &target, Instant now, Duration deadline) {
    const auto command = parts_->b2bua.join(leg, target, now, deadline);
    parts_->settle(now);
    return command;
}

Result<void> Engine::end(DialogId leg, EndReason reason, Instant now) {
    const auto ended = parts_->b2bua.end(leg, reason, now);
    parts_->settle(now);
    return ended;
}

Result<CommandId> Engine::start(const StartCommand &command, Instant now) {
    if (parts_->gate.is_shut()) return Error::wrong_state;
    const auto started = parts_->b2bua.start(command, now);
    parts_->settle(now);
    return started;
}

std::optional<CallView> Engine::find_call(std::string_view call_id) const { return parts_->b2bua.find_call(call_id); }

void Engine::list_calls(std::uint64_t &cursor, std::size_t max, std::vector<CallView> &views) const {
    parts_->b2bua.list_calls(cursor, max, views);
}

Result<void> Engine::set_variable(DialogId dialog, std::string_view name, const std::optional<VariableValue> &value,
                                  Instant now) {
    const DialogSet *set = parts_->tracker.find(dialog);
    if (!set || set->is_over()) return Error::not_found;
    if (value) return parts_->tracker.set_variable(dialog, name, *value, now);
    const auto erased = parts_->tracker.erase_variable(dialog, name, now);
    return erased ? Result<void>() : Result<void>(erased.error());
}

void Engine::refuse_new_calls() { parts_->b2bua.refuse_new_calls(); }
void Engine::set_overloaded(bool is_overloaded) { parts_->gate.set_overloaded(is_overloaded); }
void Engine::set_store_lost(bool is_lost) { parts_->gate.set_store_lost(is_lost); }

void Engine::replace_registrations(std::vector<TrunkRegistration> wanted, Instant now) {
    parts_->registrations.replace(std::move(wanted), now);
    parts_->settle(now);
}

void Engine::unregister(Instant now) {
    parts_->registrations.unregister(now);
    parts_->settle(now);
}

bool Engine::is_unregistered() const { return parts_->registrations.is_over(); }

void Engine::take_trunk_changes(std::vector<TrunkStatus> &changes) { parts_->registrations.take_changes(changes); }

bool Engine::audit(EngineAudit &audit, std::size_t max, std::span<const MemberId> held, Instant now) {
    constexpr Duration grace = std::chrono::seconds(5); // of a deadline: whoever is behind is late, and not lost
    bool goes_on = true;
    if (audit.tracker.step != TrackerAudit::Step::over) {
        static_cast<void>(parts_->tracker.audit(audit.tracker, max, held, now, grace)); // then come the calls
    } else {
        goes_on = parts_->b2bua.audit(audit.calls, max, now);
    }
    parts_->settle(now);
    return goes_on;
}

std::size_t Engine::calls() const { return parts_->b2bua.size(); }
std::uint64_t Engine::vacant_bytes() const {
    return parts_->b2bua.vacant_bytes() + parts_->transactions.vacant_bytes() + parts_->tracker.vacant_bytes();
}
std::size_t Engine::transactions() const { return parts_->transactions.size(); }
std::size_t Engine::dialogs() const { return parts_->tracker.size(); }
const Tracker &Engine::tracker() const { return parts_->tracker; }
const EngineStatistics &Engine::statistics() const { return parts_->statistics; }

const TransactionStatistics &Engine::transaction_statistics() const { return parts_->transactions.statistics(); }

} // namespace tandem
