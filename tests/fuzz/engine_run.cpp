#include "fuzz/engine_run.hpp"
#include <algorithm>
#include <cstdio>
#include <utility>
#include "base/assert.hpp"
#include "sip/uri.hpp"

namespace tandem::test {
namespace {

Endpoint endpoint(std::string_view ip, std::uint16_t port) {
    Endpoint endpoint;
    endpoint.ip = *IpAddress::parse(ip);
    endpoint.port = port;
    return endpoint;
}

// A malformed request is answered with what it said, malformed or not.
bool refuses_defect(std::uint16_t status) { return status == 400 || status == 414 || status == 505; }

// The datagram stands above the promise that it breaks.
void show_if(bool is_bad, const Outgoing &outgoing, std::string_view defect) {
    if (!is_bad) return;
    const std::string_view bytes = outgoing.bytes.view();
    std::fprintf(stderr, "to %s: %.*s\n%.*s\n", outgoing.to.to_string().c_str(), static_cast<int>(defect.size()),
                 defect.data(), static_cast<int>(bytes.size()), bytes.data());
}

// b, l: Bob by his address, after the target before or together with it; u, v: the same by a name.
void add_target(RunOptions &run, char letter) {
    const std::string user = "bob" + std::to_string(run.route.targets.size());
    RouteTarget target{"sip:" + user + "@" + run.bob.to_string(), run.bob, "carrier"};
    if (letter == 'u' || letter == 'v') {
        target.request_uri = target.lookup = "sip:" + user + "@bob.example";
        target.to = {};
    }
    target.is_parallel = letter == 'l' || letter == 'v';
    run.route.targets.push_back(std::move(target));
}

} // namespace

std::optional<RouteTarget> FixedRoute::target_of(std::string_view uri) {
    const auto parsed = Uri::parse(uri);
    if (!parsed || parsed->host.empty()) return std::nullopt;
    RouteTarget target;
    target.request_uri = uri;
    if (const auto to = parsed->endpoint()) {
        target.to = *to;
    } else {
        target.lookup = uri;
    }
    return target;
}

// o letters: small limits, other transports and other routes. Whatever is not named stays as it is usual.
RunOptions read_options(Line letters) {
    RunOptions run;
    run.engine.listeners.push_back({endpoint("192.0.2.9", 5060), "192.0.2.9:5060"});
    run.engine.event_max = 1000;
    run.alice = endpoint("192.0.2.1", 5061);
    run.bob = endpoint("192.0.2.2", 5062);
    std::string targets;
    for (char letter = letters.letter(); letter != '\0'; letter = letters.letter()) {
        switch (letter) {
        case 't': run.engine.transactions.transaction_max = letters.number(100); break;
        case 'd': run.engine.dialogs.dialog_max = letters.number(100); break;
        case 'e': run.engine.dialogs.event_max = letters.number(100); break;
        case 'k': run.engine.dialogs.fork_max = 1 + letters.number(100); break;
        case 'c': run.engine.call_max = letters.number(100); break;
        case 'f': run.engine.forward_max = letters.number(100); break;
        case 's':
            run.engine.session_expires = std::chrono::seconds(letters.number(100'000));
            run.engine.min_session_expires = std::chrono::seconds(1);
            break;
        case 'A': run.alice.transport = Transport::tcp; break;
        case 'B': run.bob.transport = Transport::tcp; break;
        case '6': run.bob.ip = *IpAddress::parse("2001:db8::2"); break;
        case 'r': run.route.refuse = static_cast<std::uint16_t>(300 + letters.number(399)); break;
        case 'w': run.route.ring_timeout = std::chrono::seconds(letters.number(1000)); break;
        case 'p': run.route.profiles.push_back({"total", ""}); break;
        case 'h': run.route.headers = "X-Tenant: blue\r\n"; break;
        case 'i': run.route.redirects = Redirects::follow; break;
        case 'g': run.route.forks = ForkView::one; break;
        case 'y': run.trusts = true; break;
        case 'b':
        case 'l':
        case 'u':
        case 'v': targets.push_back(letter); break;
        default: break;
        }
    }
    if (targets.empty()) targets = "b";
    for (const char target : std::string_view(targets).substr(0, 8)) add_target(run, target);
    if (run.route.targets.size() > 1) run.route.hunt_on = {301, 302, 408, 480, 486, 500, 503};
    return run;
}

EngineRun::EngineRun(const RunOptions &options)
    : random_(1), alice_("alice", options.alice), bob_("bob", options.bob),
      engine_(options.engine, router_, profiles_, random_, now_) {
    TANDEM_ASSERT(profiles_.declare({.name = "total", .limit = 3}).ok(), "a profile is declared");
    router_.answer = options.route;
    router_.trusts = options.trusts;
}

void EngineRun::send(std::string_view bytes, const Endpoint &source) {
    engine_.receive(bytes, source, now_);
    collect();
}

void EngineRun::fail(std::uint32_t back) {
    if (back >= sent_.size()) return;
    engine_.on_send_failed(sent_[sent_.size() - 1 - back], now_);
    collect();
}

void EngineRun::lose(const Phone &phone) {
    engine_.on_connection_lost({.peer = phone.endpoint(), .at = now_}, now_);
    collect();
}

void EngineRun::resolve(std::uint32_t back, std::string_view letters) {
    if (back >= lookups_.size()) return;
    std::vector<Endpoint> addresses;
    for (const char letter : letters) {
        Endpoint address = letter == 'a' ? alice_.endpoint() : bob_.endpoint();
        if (letter == 'p') ++address.port;
        if (letter == '6') address.ip = *IpAddress::parse("2001:db8::9");
        if (letter == 't') address.transport = Transport::tcp;
        addresses.push_back(address);
    }
    engine_.on_resolved(lookups_[lookups_.size() - 1 - back], addresses, now_);
    collect();
}

void EngineRun::command(char what, const Message &message) {
    const DialogId leg = engine_.tracker().find(message.call_id(), message.from_tag(), message.to_tag());
    Result<CommandId> command = Error::not_found;
    switch (what) {
    case 'h': command = engine_.hold(leg, now_); break;
    case 'r': command = engine_.resume(leg, now_); break;
    case 'e': static_cast<void>(engine_.end(leg, EndReason::admin, now_)); break;
    case 'p': static_cast<void>(engine_.refresh(leg, now_)); break;
    default: return;
    }
    if (command) TANDEM_ASSERT(commands_.insert(*command).second, "a command has an id of its own");
    collect();
}

void EngineRun::wait(Duration span) {
    const Instant until = now_ + span;
    for (auto next = engine_.next_deadline(); next && *next <= until; next = engine_.next_deadline()) {
        wait_for_deadline();
    }
    now_ = until;
    engine_.advance(now_);
    collect();
}

void EngineRun::wait_for_deadline() {
    const auto next = engine_.next_deadline();
    if (!next) return;
    TANDEM_ASSERT(*next != never, "there is no deadline at the end of time");
    now_ = std::max(now_, *next);
    engine_.advance(now_);
    collect();
    const auto then = engine_.next_deadline();
    TANDEM_ASSERT(!then || *then > now_, "advance() does all that is due");
}

void EngineRun::finish() {
    do {
        // Whoever asks for a name gets an answer, be it that there is none.
        while (unanswered_ < lookups_.size()) {
            engine_.on_resolved(lookups_[unanswered_++], {}, now_);
            collect();
        }
        wait_for_deadline();
    } while (engine_.next_deadline() || unanswered_ < lookups_.size());
    TANDEM_ASSERT(commands_.empty(), "every command ends");
    TANDEM_ASSERT(engine_.calls() == 0, "every call ends");
    TANDEM_ASSERT(engine_.transactions() == 0, "every transaction ends");
    TANDEM_ASSERT(engine_.dialogs() == 0, "every dialog ends");
    const DialogStatistics statistics = engine_.tracker().statistics();
    TANDEM_ASSERT(statistics.early == 0, "no dialog is early");
    TANDEM_ASSERT(statistics.active == 0, "no dialog is active");
    TANDEM_ASSERT(counted_ == statistics.processed, "a set that counts has one record");
    TANDEM_ASSERT(profiles_.size("total").value() == 0, "the end of a call leaves its profiles");
}

void EngineRun::collect() {
    collect_records();
    collect_lookups();
    collect_events();
    std::vector<Outgoing> outgoing;
    engine_.take_outgoing(outgoing);
    for (const Outgoing &sent : outgoing) {
        Phone &phone = sent.to.ip == alice_.endpoint().ip ? alice_ : bob_;
        if (sent.transaction) sent_.push_back(sent.transaction);
        if (phone.has_got(sent.bytes.view())) continue; // a retransmission
        const auto message = Message::parse(sent.bytes.view());
        show_if(!message, sent, "no SIP");
        TANDEM_ASSERT(message.ok(), "what goes out is SIP");
        check(sent, *message);
        phone.keep_got(*message, sent.bytes.view());
    }
}

void EngineRun::collect_records() {
    const auto on_changed = [&](const DialogRecord &record) {
        TANDEM_ASSERT(!ended_.contains(record.id), "nothing changes after the end");
        TANDEM_ASSERT(record.state != DialogState::terminated && !record.ended, "a live record has not ended");
    };
    const auto on_ended = [&](const DialogRecord &record) {
        TANDEM_ASSERT(ended_.insert(record.id).second, "a set ends once");
        TANDEM_ASSERT(record.state == DialogState::terminated && record.end_reason != EndReason::none,
                      "a record says why the set ended");
        TANDEM_ASSERT(record.ended && *record.ended >= record.answered.value_or(record.created) &&
                          record.answered.value_or(record.created) >= record.created,
                      "a record's times are in order");
        if (!record.leg_of) ++counted_;
    };
    engine_.drain_changes(on_changed, on_ended);

    const DialogStatistics statistics = engine_.tracker().statistics();
    TANDEM_ASSERT(statistics.early + statistics.active + counted_ == statistics.processed,
                  "a set that counts is early, active or stored as ended");
}

void EngineRun::collect_lookups() {
    std::vector<Lookup> wanted;
    engine_.take_lookups(wanted);
    for (const Lookup &lookup : wanted) {
        const auto uri = Uri::parse(lookup.uri);
        TANDEM_ASSERT(uri.ok() && !uri->endpoint(), "a lookup is of a name");
        lookups_.push_back(lookup.id);
    }
}

void EngineRun::collect_events() {
    for (CallEvent event; engine_.next_event(event);) {
        if (event.kind != CallEventKind::command_ended) continue;
        TANDEM_ASSERT(commands_.erase(event.command) == 1, "a command ends once");
    }
}

void EngineRun::check(const Outgoing &outgoing, const Message &message) const {
    const std::uint16_t defect = message.defect_status();
    show_if(defect != 0 && !refuses_defect(message.status()), outgoing, message.defect());
    TANDEM_ASSERT(defect == 0 || refuses_defect(message.status()), "what goes out is well-formed");
    TANDEM_ASSERT(outgoing.bytes.view().size() <= datagram_size_max, "what goes out fits into a datagram");
    TANDEM_ASSERT(outgoing.to.port != 0 && outgoing.to.listener == 0, "what goes out goes somewhere");
    if (!message.is_request()) return;
    TANDEM_ASSERT(message.via_count() == 1 && message.top_via().host == "192.0.2.9", "our requests have our Via alone");
    TANDEM_ASSERT(message.max_forwards().has_value(), "our requests count their hops");
    TANDEM_ASSERT(!message.from_tag().empty(), "our requests have a From tag");
}

} // namespace tandem::test
