// tandem/event.h
#include <cstddef>
#include <memory>
#include <sys/eventfd.h>
#include <tandem/event.h>
#include <unistd.h>
#include "capi/cdr_struct.hpp"
#include "capi/handle.hpp"
#include "capi/status.hpp"
#include "capi/struct_size.hpp"

namespace tandem::capi {
namespace {

// Of the first version: no host has less, and `owner`, which must not get lost, is its last field.
constexpr std::uint32_t event_size_min = offsetof(tandem_event, owner) + sizeof(void *);

// What tandem_event.owner points to is a CdrStruct where the event has a record, else a DialogEventDetail, or nothing.
void free_owner(tandem_event &event) {
    if (event.cdr) {
        delete static_cast<CdrStruct *>(event.owner);
    } else {
        delete static_cast<DialogEventDetail *>(event.owner);
    }
}

std::uint32_t type_of(DialogEventKind kind) {
    switch (kind) {
    case DialogEventKind::created: return TANDEM_EVENT_CREATED;
    case DialogEventKind::early: return TANDEM_EVENT_EARLY;
    case DialogEventKind::confirmed: return TANDEM_EVENT_CONFIRMED;
    case DialogEventKind::acked: return TANDEM_EVENT_ACKED;
    case DialogEventKind::request: return TANDEM_EVENT_REQUEST;
    case DialogEventKind::variable_changed: return TANDEM_EVENT_VARIABLE_CHANGED;
    case DialogEventKind::profile_changed: return TANDEM_EVENT_PROFILE_CHANGED;
    case DialogEventKind::reserved: return TANDEM_EVENT_RESERVED;
    case DialogEventKind::end_due: return TANDEM_EVENT_END_DUE;
    case DialogEventKind::ended: return TANDEM_EVENT_ENDED;
    }
    return 0;
}

tandem_event event_of(DialogId dialog, std::uint64_t owner, std::uint64_t sequence, Instant at) {
    tandem_event event = TANDEM_EVENT_INIT;
    event.dialog = dialog.value();
    event.user_data = owner;
    event.sequence = sequence;
    event.at_us = static_cast<std::uint64_t>(at.time_since_epoch().count());
    event.shard = dialog.shard();
    event.name = str_of("");
    event.value = str_of("");
    event.to_tag = str_of("");
    return event;
}

// The CDR of a set whose ENDED was given; the set goes. Without one it only goes, and the answer is false.
bool take_last_word(tandem_tracker &tracker, tandem_event &event) {
    const LastWord word = tracker.last_words.front();
    if (!word.has_cdr) {
        tracker.tracker.with(word.dialog, [](Tracker &shard, DialogId id) { shard.forget(id); });
        tracker.last_words.pop_front();
        return false;
    }
    // Everything that may fail for want of memory comes before the set is let go.
    std::unique_ptr<CdrStruct> cdr;
    event = event_of(word.dialog, word.owner, word.sequence, word.at);
    event.type = TANDEM_EVENT_CDR;
    tracker.tracker.with(word.dialog, [&](Tracker &shard, DialogId id) {
        const auto record = shard.record(id);
        const std::lock_guard lock(tracker.clock_mutex);
        cdr = std::make_unique<CdrStruct>(make_cdr(*record, tracker.clock));
        shard.forget(id);
    });
    tracker.last_words.pop_front();
    event.cdr = &cdr->get();
    event.reason = event.cdr->end_reason;
    event.owner = cdr.release();
    return true;
}

bool take(tandem_tracker &tracker, tandem_event &event) {
    const std::lock_guard lock(tracker.last_words_mutex);
    while (!tracker.last_words.empty()) {
        if (take_last_word(tracker, event)) return true;
    }
    tracker.last_words.emplace_back(); // its place, before anything is taken
    DialogEvent taken;
    const bool is_taken = tracker.tracker.next_event(taken);
    if (!is_taken || taken.kind != DialogEventKind::ended) tracker.last_words.pop_back();
    if (!is_taken) return false;

    event = event_of(taken.dialog, taken.owner, taken.sequence, taken.at);
    event.type = type_of(taken.kind);
    event.side = static_cast<std::uint32_t>(taken.side);
    event.method = static_cast<std::uint32_t>(taken.method);
    event.reason = static_cast<std::uint32_t>(taken.reason);
    if (taken.kind == DialogEventKind::ended) {
        const bool counts =
            tracker.tracker.with(taken.dialog, [](Tracker &shard, DialogId id) { return !shard.find(id)->leg_of; });
        tracker.last_words.back() = {taken.dialog, taken.owner, taken.sequence, taken.at, tracker.wants_cdr && counts};
    }
    if (taken.detail) {
        const bool is_fork = taken.kind == DialogEventKind::early || taken.kind == DialogEventKind::confirmed;
        event.is_set = taken.detail->is_set && !is_fork ? 1 : 0;
        (is_fork ? event.to_tag : event.name) = str_of(taken.detail->name);
        event.value = str_of(taken.detail->value);
        if (taken.detail->refused) event.status = status_of(*taken.detail->refused);
        event.owner = taken.detail.release();
    }
    return true;
}

// The descriptor goes quiet when the last event is taken, and speaks again for one that came meanwhile.
void quiet(tandem_tracker &tracker) {
    if (!tracker.is_readable.load()) return;
    {
        const std::lock_guard lock(tracker.event_fd_mutex);
        eventfd_t count = 0;
        static_cast<void>(eventfd_read(tracker.event_fd.load(), &count));
        tracker.is_readable.store(false);
    }
    tracker.announce();
}

} // namespace
} // namespace tandem::capi

using namespace tandem::capi;

extern "C" {

tandem_status tandem_event_next(tandem_tracker *tracker, tandem_event *event) {
    return guard([&]() -> tandem_status {
        if (!tracker || !has_size(event) || event->size < event_size_min) {
            return fail(TANDEM_E_INVALID, "an argument is NULL, or event.size is too small");
        }
        tandem_event taken;
        if (!take(*tracker, taken)) {
            quiet(*tracker);
            return TANDEM_E_EMPTY; // no failure: the text of the last one stays
        }
        write_struct(event, taken);
        return TANDEM_OK;
    });
}

void tandem_event_free(tandem_event *event) {
    if (!has_size(event) || event->size < event_size_min) return; // no event of this library
    free_owner(*event);
    event->owner = nullptr;
    event->cdr = nullptr;
    event->name = str_of("");
    event->value = str_of("");
    event->to_tag = str_of("");
}

tandem_status tandem_event_fd(tandem_tracker *tracker, int *fd) {
    return guard([&]() -> tandem_status {
        if (!tracker || !fd) return fail(TANDEM_E_INVALID, "an argument is NULL");
        {
            const std::lock_guard lock(tracker->event_fd_mutex);
            if (tracker->event_fd.load() < 0) {
                const int made = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
                if (made < 0) return fail(TANDEM_E_IO, "eventfd: no descriptor left");
                tracker->event_fd.store(made);
            }
            *fd = tracker->event_fd.load();
        }
        tracker->announce(); // for what waits already
        return TANDEM_OK;
    });
}

} // extern "C"
