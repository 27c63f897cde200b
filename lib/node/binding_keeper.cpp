#include "node/binding_keeper.hpp"
#include <algorithm>
#include <fmt/format.h>
#include <string>
#include <utility>
#include "event/event_names.hpp"
#include "node/event_source.hpp"
#include "sip/uri.hpp"

namespace tandem {
namespace {

std::string_view verb(BindingEventKind kind) {
    switch (kind) {
    case BindingEventKind::added: return "added";
    case BindingEventKind::refreshed: return "refreshed";
    case BindingEventKind::removed: return "removed";
    case BindingEventKind::expired: return "expired";
    case BindingEventKind::lost: break;
    }
    return "lost the connection of";
}

// A log is no place for the password that a phone may have in its Contact, nor for whatever else it writes there.
std::string to_log(const std::string &contact) {
    auto uri = Uri::parse(contact);
    if (!uri) return "what is no URI";
    uri->user.resize(std::min(uri->user.find(':'), uri->user.size()));
    uri->params.clear();
    uri->headers.clear();
    return uri->to_string();
}

std::string line_of(const BindingEvent &event) {
    const BindingRecord &binding = event.binding;
    std::string line = fmt::format("registrar: {} {} {}, from {}:{}", verb(event.kind), binding.aor,
                                   to_log(binding.contact), uri_name(binding.flow.transport), binding.flow.to_string());
    const bool is_alive = !binding.is_over;
    if (is_alive) line += fmt::format(", for {} s", to_ms(binding.expires - binding.registered) / 1000);
    if (is_alive && !binding.user_agent.empty()) line += fmt::format(", {}", binding.user_agent);
    return line;
}

// Why it is gone, if it is.
std::string_view reason_of(BindingEventKind kind) {
    switch (kind) {
    case BindingEventKind::added:
    case BindingEventKind::refreshed: break;
    case BindingEventKind::removed: return "removed";
    case BindingEventKind::expired: return "expired";
    case BindingEventKind::lost: return "lost";
    }
    return {};
}

EventDraft event_of(const BindingEvent &event) {
    const BindingRecord &binding = event.binding;
    const std::string_view reason = reason_of(event.kind);
    EventDraft draft{event_name::binding};
    draft.fields.add(event_key::aor, binding.aor);
    draft.fields.add(event_key::contact, binding.contact);
    draft.fields.add(event_key::action, !reason.empty()                         ? "removed"
                                        : event.kind == BindingEventKind::added ? "inserted"
                                                                                : "refreshed");
    draft.fields.add(event_key::reason, reason);
    return draft;
}

} // namespace

BindingKeeper::BindingKeeper(Registrar &registrar, const WallClock &wall, Log &log, const BindingKeeperOptions &options)
    : registrar_(registrar), wall_(wall), log_(log), options_(options) {}

void BindingKeeper::advance(Journal *journal, EventSource *events, Instant now) {
    advanced_at_ = now;
    registrar_.advance(now);
    registrar_.drain_changes([journal](const BindingRecord &record) {
        if (journal) journal->changed(record);
    });
    log_events(events, now);
    if (!journal || (purged_at_ && now < *purged_at_ + options_.purge_interval)) return;
    if (std::exchange(purged_at_, now)) journal->purge_bindings(wall_.utc_us(now - options_.purge_after));
}

// No later than the poll: others may have registered what ends sooner, and leave lines to be written.
Instant BindingKeeper::next_deadline() const {
    const Instant next = registrar_.next_deadline().value_or(never);
    return std::clamp(next, advanced_at_ + options_.sweep, advanced_at_ + options_.poll);
}

void BindingKeeper::log_events(EventSource *events, Instant now) {
    const std::unique_lock lock(log_mutex_, std::try_to_lock);
    if (!lock) return;
    const bool is_wanted = events && events->is_wanted();
    for (BindingEvent event; registrar_.next_event(event);) {
        log(event, now);
        if (is_wanted) events->tell(event_of(event), now);
    }
    const std::uint64_t lost = registrar_.statistics().events_lost;
    const std::uint64_t more = lost - std::exchange(lost_, lost); // what nobody wanted is no gap to who comes later
    if (is_wanted) events->lose(more);
    if (unsaid_ > 0 && now >= second_ + std::chrono::seconds(1)) tell_unsaid();
}

// Phones may come by the thousand, and a user may come and go as often as he likes: neither fills the log.
void BindingKeeper::log(const BindingEvent &event, Instant now) {
    if (event.kind == BindingEventKind::refreshed) {
        if (log_.writes(LogLevel::debug)) log_.debug(line_of(event));
        return;
    }
    if (!log_.writes(LogLevel::info)) return;
    if (now >= second_ + std::chrono::seconds(1)) {
        tell_unsaid();
        second_ = now;
        lines_ = 0;
    }
    if (lines_ >= options_.lines_per_second) {
        ++unsaid_;
        return;
    }
    ++lines_;
    log_.info(line_of(event));
}

void BindingKeeper::tell_unsaid() {
    if (unsaid_ > 0) log_.info(fmt::format("registrar: {} more bindings have come or gone", unsaid_));
    unsaid_ = 0;
}

} // namespace tandem
