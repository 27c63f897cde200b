// Messages in any order into a Tracker. The input is their texts, each after a line "=" with letters of programs.md.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include "base/assert.hpp"
#include "base/random.hpp"
#include "call/leg_writer.hpp"
#include "dialog/tracker.hpp"
#include "fuzz/line.hpp"
#include "sip/message.hpp"

using namespace tandem;
using namespace tandem::test;

namespace {

// Up to the line that begins the next message.
std::string_view take_message(std::string_view &input) {
    if (input.substr(0, 1) == "=") return {};
    const std::size_t end = input.find("\n=");
    const std::string_view message = input.substr(0, end == std::string_view::npos ? end : end + 1);
    input.remove_prefix(message.size());
    return message;
}

class Middle {
public:
    Middle() : tracker_({.dialog_max = 8, .fork_max = 3, .event_max = 32}, shared_, random_, now_) {}

    void play(std::string_view input) {
        while (!input.empty()) {
            Line letters{{}};
            if (input.front() == '=') {
                letters = Line(take_line(input));
                letters.letter();
            }
            act(letters, take_message(input));
        }
        finish();
    }

private:
    // w number: that many ms later. d: drain. e: end the last dialog. l: a leg of ours. o: we send it.
    void act(Line letters, std::string_view text) {
        bool is_leg = false;
        bool is_ours = false;
        for (char letter = letters.letter(); letter != '\0'; letter = letters.letter()) {
            switch (letter) {
            case 'w': wait(std::chrono::milliseconds(letters.number(50'000'000))); break;
            case 'd': drain(); break;
            case 'e': tracker_.end(last_, EndReason::admin, now_); break;
            case 'l': is_leg = true; break;
            case 'o': is_ours = true; break;
            default: break;
            }
        }
        // Malformed messages are answered before they get as far as this.
        const auto message = Message::parse(text);
        if (message && message->defect_status() == 0) feed(*message, is_leg, is_ours);
        check_statistics();
    }

    void feed(const Message &message, bool is_leg, bool is_ours) {
        MessageView view = view_of(message, view_text_);
        view.is_ours = is_ours;
        const auto feed_once = [&] {
            if (!is_leg || !view.is_request() || view.method != Method::invite || !view.to_tag.empty())
                return tracker_.feed(view, now_);
            const LegOptions leg{.leg_of = last_record(), .local_side = Side::caller, .source = "192.0.2.1"};
            return tracker_.feed_invite(view, leg, now_);
        };
        const auto fed = feed_once();
        if (!fed) return;
        TANDEM_ASSERT(!fed->dialog || tracker_.find(fed->dialog), "a message belongs to a set that is there");
        if (!fed->dialog) return;
        last_ = fed->dialog;
        static_cast<void>(tracker_.next_cseq(last_, Side::caller));
        const std::string before = state_of(last_);
        const auto again = feed_once();
        // An INVITE that was refused at once is new when it comes again; all else changes nothing.
        const bool is_new = again && again->dialog != last_;
        TANDEM_ASSERT(is_new || state_of(last_) == before, "a retransmission changes nothing");
    }

    RecordId last_record() const {
        const DialogSet *set = tracker_.find(last_);
        return set ? set->record : RecordId();
    }

    std::string state_of(DialogId id) const {
        const DialogStatistics statistics = tracker_.statistics();
        std::string out = std::to_string(statistics.early) + " " + std::to_string(statistics.active) + " " +
                          std::to_string(statistics.failed);
        const auto record = tracker_.record(id);
        if (!record) return out + " over";
        out.append(to_string(record->state)).append(to_string(record->end_reason)).append(record->caller_target);
        out += std::to_string(record->sip_code) + " " + std::to_string(record->q850) + " " +
               std::to_string(record->deadline.time_since_epoch().count());
        for (const ForkRecord &fork : record->forks) {
            out.append(fork.to_tag).append(to_string(fork.state)).append(fork.callee_target);
            out.append(fork.callee_route_set).append(fork.is_acked ? " acked " : " ");
            out += std::to_string(fork.last_cseq[0]) + " " + std::to_string(fork.last_cseq[1]);
        }
        return out;
    }

    void wait(Duration span) {
        const Instant until = now_ + span;
        for (auto next = tracker_.next_deadline(); next && *next <= until; next = tracker_.next_deadline()) advance();
        now_ = until;
        tracker_.advance(now_);
    }
    void advance() {
        now_ = std::max(now_, *tracker_.next_deadline());
        tracker_.advance(now_);
        const auto next = tracker_.next_deadline();
        TANDEM_ASSERT(!next || *next > now_, "advance() does all that is due");
    }

    void drain() {
        tracker_.drain_changes(nullptr, [&](const DialogRecord &record) {
            TANDEM_ASSERT(record.ended && record.end_reason != EndReason::none, "a record says why the set ended");
            ++ended_;
            if (!record.leg_of) ++counted_;
        });
        for (DialogEvent event; tracker_.next_event(event);) {
            if (event.kind == DialogEventKind::ended) ++end_events_;
        }
    }

    void check_statistics() const {
        std::uint64_t early = 0;
        std::uint64_t active = 0;
        for (DialogId id : tracker_.dialogs()) {
            const DialogSet &set = *tracker_.find(id);
            if (!set.leg_of) ++(set.state == DialogState::confirmed ? active : early);
        }
        const DialogStatistics statistics = tracker_.statistics();
        TANDEM_ASSERT(statistics.early == early && statistics.active == active, "the numbers are those of the sets");
    }

    void finish() {
        while (tracker_.next_deadline()) advance();
        drain();
        TANDEM_ASSERT(tracker_.size() == 0, "every dialog ends");
        TANDEM_ASSERT(tracker_.statistics().early == 0, "no dialog is early");
        TANDEM_ASSERT(tracker_.statistics().active == 0, "no dialog is active");
        TANDEM_ASSERT(counted_ == tracker_.statistics().processed, "a set that counts has one record");
        TANDEM_ASSERT(ended_ == end_events_, "the end of a set is one event");
    }

    Instant now_ = at_ms(0);
    SeededRandom random_{1};
    ProfileTable profiles_{random_};
    TrackerShared shared_{random_, profiles_};
    Tracker tracker_;
    DialogId last_;
    ViewText view_text_;
    std::uint64_t ended_ = 0;
    std::uint64_t counted_ = 0;
    std::uint64_t end_events_ = 0;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    Middle().play({reinterpret_cast<const char *>(data), size});
    return 0;
}
