// tandem/dialog.h: the CSeq numbers on both sides of a proxy
#include <string_view>
#include <tandem/dialog.h>
#include "capi/handle.hpp"
#include "capi/message_view.hpp"
#include "capi/status.hpp"

namespace tandem::capi {
namespace {

constexpr std::size_t branch_size_max = 256;

struct Question {
    MessageView message;
    std::string_view branch;
};

tandem_status read_question(const tandem_tracker *tracker, const tandem_message *message, tandem_str branch,
                            const uint32_t *cseq, Question &out) {
    if (!tracker || !cseq || !is_text(branch) || !is_line(view(branch))) {
        return fail(TANDEM_E_INVALID, "an argument is NULL, or branch holds CR, LF or NUL");
    }
    if (branch.size > branch_size_max) return fail(TANDEM_E_TOO_LARGE, "branch is too long");
    out.branch = view(branch);
    return read_message(message, out.message);
}

// Runs f(Tracker &, DialogId) for the set of the message.
template <class F>
auto with_set_of(tandem_tracker &tracker, tandem_dialog_id dialog, const Question &question, F f) {
    const Announcement announcement(tracker);
    const auto shard = static_cast<std::uint8_t>(tracker.tracker.shard_of(question.message.call_id));
    const DialogId id = dialog != 0 ? DialogId(dialog) : DialogId().with_shard(shard);
    return tracker.tracker.with(id, [&](Tracker &own, DialogId local) {
        return f(own, dialog != 0 ? local : own.find_of(question.message, question.branch));
    });
}

tandem_status give(const Result<std::uint32_t> &number, uint32_t *cseq) {
    if (!number) return fail(number.error());
    *cseq = *number;
    return TANDEM_OK;
}

tandem_status give(const Result<CseqOrigin> &origin, uint32_t *cseq) {
    if (!origin) return fail(origin.error());
    *cseq = origin->number;
    return origin->is_own ? TANDEM_OWN : TANDEM_OK;
}

} // namespace
} // namespace tandem::capi

using namespace tandem;
using namespace tandem::capi;

extern "C" {

tandem_status tandem_dialog_cseq_translate(tandem_tracker *tracker, tandem_dialog_id dialog,
                                           const tandem_message *message, tandem_str branch, uint32_t *cseq) {
    return guard([&]() -> tandem_status {
        Question question;
        const tandem_status status = read_question(tracker, message, branch, cseq, question);
        if (status != TANDEM_OK) return status;
        const MessageView &view = question.message;
        if (view.is_request()) {
            return give(with_set_of(*tracker, dialog, question,
                                    [&](Tracker &shard, DialogId id) {
                                        return shard.sent_cseq(id, view, question.branch, view.cseq);
                                    }),
                        cseq);
        }
        return give(
            with_set_of(*tracker, dialog, question,
                        [&](Tracker &shard, DialogId id) { return shard.answered_cseq(id, view, question.branch); }),
            cseq);
    });
}

tandem_status tandem_dialog_rack_translate(tandem_tracker *tracker, tandem_dialog_id dialog,
                                           const tandem_message *prack, uint32_t rack, uint32_t *cseq) {
    return guard([&]() -> tandem_status {
        Question question;
        const tandem_status status = read_question(tracker, prack, {}, cseq, question);
        if (status != TANDEM_OK) return status;
        const bool is_prack = question.message.is_request() && question.message.method == Method::prack;
        if (!is_prack) return fail(TANDEM_E_INVALID, "the message is no PRACK");
        return give(
            with_set_of(*tracker, dialog, question,
                        [&](Tracker &shard, DialogId id) { return shard.sent_cseq(id, question.message, {}, rack); }),
            cseq);
    });
}

tandem_status tandem_dialog_cseq_retry(tandem_tracker *tracker, tandem_dialog_id dialog,
                                       const tandem_message *challenge, tandem_str branch, uint32_t *cseq) {
    return guard([&]() -> tandem_status {
        Question question;
        const tandem_status status = read_question(tracker, challenge, branch, cseq, question);
        if (status != TANDEM_OK) return status;
        if (question.message.status < 300) return fail(TANDEM_E_INVALID, "the message refuses nothing");
        return give(with_set_of(*tracker, dialog, question,
                                [&](Tracker &shard, DialogId id) {
                                    return shard.retry_cseq(id, question.message, question.branch);
                                }),
                    cseq);
    });
}

tandem_status tandem_dialog_cseq_take(tandem_tracker *tracker, tandem_dialog_id dialog, uint32_t side,
                                      tandem_str to_tag, uint32_t *cseq) {
    return guard([&]() -> tandem_status {
        if (!tracker || side > TANDEM_SIDE_CALLEE || !is_text(to_tag) || !cseq) {
            return fail(TANDEM_E_INVALID, "an argument is NULL, or side is no side");
        }
        const Announcement announcement(*tracker);
        return give(tracker->tracker.with(DialogId(dialog),
                                          [&](Tracker &shard, DialogId id) {
                                              return shard.take_cseq(id, static_cast<Side>(side), view(to_tag));
                                          }),
                    cseq);
    });
}

} // extern "C"
