// Calls of the C interface in any order, with good and bad arguments: one byte for each choice. Whatever a host does,
// each call has a status, and in the end every set that was tracked has one record and no profile a member.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tandem/tandem.h>
#include <vector>
#include "base/assert.hpp"

namespace {

constexpr std::array<std::string_view, 8> texts = {"a", "bb", "user", "total", "\r\n", "\xff\xfe", "", "index"};

// Bytes of the input as choices; an input that is used up chooses 0 for ever.
class Choices {
public:
    Choices(const std::uint8_t *data, std::size_t size) : data_(data), left_(size) {}
    bool empty() const { return left_ == 0; }
    std::uint32_t next(std::uint32_t n) {
        if (left_ == 0) return 0;
        --left_;
        return *data_++ % n;
    }
    std::string bytes(std::size_t n) {
        n = std::min(n, left_);
        const std::string taken(reinterpret_cast<const char *>(data_), n);
        data_ += n;
        left_ -= n;
        return taken;
    }
    std::uint64_t word() {
        std::uint64_t word = 0;
        for (int i = 0; i < 8; ++i) word = word << 8 | next(256);
        return word;
    }

private:
    const std::uint8_t *data_;
    std::size_t left_;
};

class Host {
public:
    explicit Host(Choices &choices) : choices_(choices) {
        tandem_tracker_options options = TANDEM_TRACKER_OPTIONS_INIT;
        options.shards = 1U << choices_.next(3);
        options.dialog_max = 1 + choices_.next(16);
        options.event_max = 1 + choices_.next(32);
        options.fork_max = 1 + choices_.next(3);
        options.variable_max = 1 + choices_.next(4);
        options.variable_bytes_max = 1 + choices_.next(64);
        options.profile_value_max = 1 + choices_.next(4);
        const tandem_str indexed = tandem_str_of("index");
        options.indexed_variables = &indexed;
        options.indexed_variable_count = 1;
        TANDEM_ASSERT(tandem_tracker_new(&options, now_us_, &tracker_) == TANDEM_OK, "good options make a tracker");
        tandem_profile_options user = TANDEM_PROFILE_OPTIONS_INIT;
        user.has_values = 1;
        user.limit = 2;
        TANDEM_ASSERT(tandem_profile_declare(tracker_, tandem_str_of("user"), &user) == TANDEM_OK, "it is good");
        TANDEM_ASSERT(tandem_profile_declare(tracker_, tandem_str_of("total"), nullptr) == TANDEM_OK, "it is good");
    }
    ~Host() { tandem_tracker_free(tracker_); }

    void step() {
        switch (choices_.next(18)) {
        case 0:
        case 1:
        case 2: feed(); break;
        case 3: feed_leg(); break;
        case 4: wait(); break;
        case 5: drain(1 + choices_.next(4)); break;
        case 6: reserve(); break;
        case 7: leave(); break;
        case 8: change_variable(); break;
        case 9: read_variable(); break;
        case 10: end(); break;
        case 11: set_timeout(); break;
        case 12: look(); break;
        case 13: feed_bytes(); break;
        case 14: declare(); break;
        case 15: write_record(); break;
        case 16: ask(); break;
        default: list(); break;
        }
        check();
    }

    // No more input: everything ends by its own deadline.
    void finish() {
        for (;;) {
            drain(UINT32_MAX);
            const std::int32_t wait_ms = tandem_tracker_timeout_ms(tracker_, now_us_);
            if (wait_ms < 0) break;
            now_us_ += static_cast<std::uint64_t>(wait_ms) * 1000 + (wait_ms == 0 ? 1000 : 0);
            expect(tandem_tracker_advance(tracker_, now_us_) == TANDEM_OK);
        }
        tandem_statistics statistics = TANDEM_STATISTICS_INIT;
        expect(tandem_tracker_statistics(tracker_, &statistics) == TANDEM_OK);
        const bool is_endless = statistics.active > 0; // a lifetime of none was asked for
        TANDEM_ASSERT(statistics.early == 0, "no dialog rings for ever");
        TANDEM_ASSERT(is_endless || records_ == statistics.processed, "every set has one record");
        tandem_audit audit = TANDEM_AUDIT_INIT;
        expect(tandem_tracker_audit(tracker_, &audit) == TANDEM_OK);
        TANDEM_ASSERT(audit.removed == 0 && audit.added == 0 && audit.misplaced == 0, "sizes equal members");
        std::uint32_t members = 0;
        expect(tandem_profile_size(tracker_, tandem_str_of("total"), &members) == TANDEM_OK);
        TANDEM_ASSERT(is_endless || members == 0, "the end leaves every profile");
    }

private:
    static void expect(bool holds) { TANDEM_ASSERT(holds, "a good call succeeds"); }

    tandem_str text() {
        const std::uint32_t choice = choices_.next(10);
        if (choice == 8) return {nullptr, 3};
        if (choice == 9) return {nullptr, 0};
        return {texts[choice].data(), texts[choice].size()};
    }
    tandem_dialog_id dialog() {
        const std::uint32_t choice = choices_.next(8);
        if (choice == 0) return choices_.word();
        if (choice == 1) return 0;
        return dialogs_[choices_.next(static_cast<std::uint32_t>(dialogs_.size()))];
    }
    tandem_value value() {
        tandem_value value = tandem_value_integer(static_cast<std::int64_t>(choices_.word()));
        value.type = choices_.next(5);
        value.text = text();
        return value;
    }
    std::uint64_t now() { return choices_.next(20) == 0 ? choices_.word() : now_us_; }

    tandem_message message() {
        static constexpr std::array<std::uint32_t, 8> methods = {
            TANDEM_METHOD_INVITE, TANDEM_METHOD_INVITE, TANDEM_METHOD_ACK,   TANDEM_METHOD_BYE,
            TANDEM_METHOD_CANCEL, TANDEM_METHOD_UPDATE, TANDEM_METHOD_PRACK, 99};
        static constexpr std::array<std::uint32_t, 8> statuses = {0, 0, 100, 180, 200, 407, 486, 700};
        static constexpr std::array<std::string_view, 3> tags = {"x", "y", ""};
        tandem_message message = TANDEM_MESSAGE_INIT;
        if (choices_.next(30) == 0) message.size = choices_.next(sizeof(message));
        message.method = methods[choices_.next(8)];
        message.status = statuses[choices_.next(8)];
        message.cseq = choices_.next(4);
        const std::string_view call_id = texts[choices_.next(4)];
        message.call_id = {call_id.data(), call_id.size()};
        const std::string_view from = tags[choices_.next(3)];
        const std::string_view to = tags[choices_.next(3)];
        message.from_tag = {from.data(), from.size()};
        message.to_tag = {to.data(), to.size()};
        if (choices_.next(4) == 0) message.contact_uri = text();
        if (choices_.next(4) == 0) message.record_route = text();
        if (choices_.next(8) == 0) message.from_uri = text();
        if (choices_.next(8) == 0) message.reason = text();
        if (choices_.next(2) == 0) message.branch = text();
        message.is_ours = choices_.next(2);
        return message;
    }
    void remember(tandem_status status, tandem_dialog_id id) {
        TANDEM_ASSERT(status == TANDEM_OK || id == 0, "only a success names a dialog");
        if (id != 0) dialogs_[choices_.next(static_cast<std::uint32_t>(dialogs_.size()))] = id;
    }
    void feed() {
        const tandem_message given = message();
        tandem_dialog_id id = 1;
        const tandem_status status = tandem_tracker_feed(tracker_, &given, now(), &id);
        remember(status, id);
    }
    void feed_leg() {
        const tandem_message given = message();
        tandem_leg leg = TANDEM_LEG_INIT;
        if (choices_.next(8) == 0) leg.size = choices_.next(sizeof(leg) + 1);
        leg.local_side = choices_.next(4);
        if (choices_.next(2) == 0) leg.leg_of = dialog();
        leg.source = text();
        leg.trunk = text();
        leg.user_data = choices_.next(256);
        tandem_dialog_id id = 1;
        const tandem_status status =
            tandem_tracker_feed_invite(tracker_, &given, choices_.next(8) ? &leg : nullptr, now(), &id);
        remember(status, id);
    }
    // Bytes, from a message that is one but for what the input puts into it.
    void feed_bytes() {
        static constexpr std::array<std::string_view, 4> starts = {"INVITE sip:bob@b SIP/2.0", "SIP/2.0 200 OK",
                                                                   "BYE sip:bob@b SIP/2.0", "SIP/2.0 180 Ringing"};
        const std::uint32_t start = choices_.next(4);
        std::string bytes(starts[start]);
        bytes += "\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK";
        bytes += std::to_string(choices_.next(3));
        bytes += "\r\nFrom: <sip:a@h>;tag=x\r\nTo: <sip:b@h>";
        bytes += choices_.next(2) ? ";tag=y" : "";
        bytes += "\r\nCall-ID: raw\r\nCSeq: ";
        bytes += std::to_string(choices_.next(4)) + (start == 2 ? " BYE" : " INVITE");
        bytes += "\r\nContact: <sip:a@h>\r\nReason: Q.850;cause=16\r\nRecord-Route: <sip:p;lr>\r\n\r\n";
        const std::string put = choices_.bytes(choices_.next(16));
        const std::size_t at = choices_.next(256) % bytes.size();
        if (choices_.next(2)) bytes.insert(at, put);
        if (choices_.next(8) == 0) bytes = put;
        tandem_dialog_id id = 1;
        const tandem_status fed = tandem_tracker_feed_bytes(tracker_, bytes.data(), bytes.size(), now(), &id);
        remember(fed, id);
        tandem_parsed *parsed = nullptr;
        const tandem_status status = tandem_message_parse(bytes.data(), bytes.size(), &parsed);
        TANDEM_ASSERT((status == TANDEM_OK) == (parsed != nullptr), "only a success gives a message");
        TANDEM_ASSERT((parsed != nullptr) == (tandem_parsed_message(parsed) != nullptr), "it has its fields");
        tandem_parsed_free(parsed);
    }
    void declare() {
        std::array<tandem_value_limit, 2> limits{};
        for (auto &limit : limits) limit = {text(), choices_.next(3)};
        tandem_profile_options options = TANDEM_PROFILE_OPTIONS_INIT;
        options.size = choices_.next(4) ? sizeof(options) : choices_.next(sizeof(options) + 1);
        options.has_values = choices_.next(2);
        options.limit = choices_.next(4);
        options.scope = choices_.next(8) == 0 ? choices_.next(3) : 0U;
        options.limits = limits.data();
        options.limit_count = choices_.next(3);
        const tandem_str name = text();
        tandem_profile_declare(tracker_, name, choices_.next(4) ? &options : nullptr);
        tandem_str listed{};
        tandem_profile_at(tracker_, choices_.next(8), &listed);
        tandem_profile_info info = TANDEM_PROFILE_INFO_INIT;
        info.size = choices_.next(sizeof(info) + 1);
        tandem_profile_get(tracker_, name, &info);
        std::uint32_t size = 0;
        tandem_profile_value_size(tracker_, name, text(), &size);
    }
    // A record of the host's own making.
    void write_record() {
        const tandem_membership profile = {text(), text(), choices_.next(3)};
        const tandem_variable variable = {text(), value()};
        static constexpr std::string_view id = "0123456789abcdef0123456789abcdef";
        tandem_cdr cdr{};
        cdr.size = choices_.next(4) ? sizeof(cdr) : choices_.next(sizeof(cdr) + 1);
        cdr.id = choices_.next(4) ? tandem_str{id.data(), id.size()} : text();
        for (tandem_str *field : {&cdr.call_id, &cdr.callee_call_id, &cdr.from_uri, &cdr.trunk}) *field = text();
        cdr.end_reason = choices_.next(16);
        cdr.sip_code = choices_.next(256) * 4;
        cdr.q850 = choices_.next(256);
        cdr.created_us = static_cast<std::int64_t>(choices_.word());
        cdr.duration_us = static_cast<std::int64_t>(choices_.word());
        cdr.profiles = choices_.next(4) ? &profile : nullptr;
        cdr.profile_count = choices_.next(2);
        cdr.variables = choices_.next(4) ? &variable : nullptr;
        cdr.variable_count = choices_.next(2);
        std::array<char, 512> json{};
        std::size_t needed = 0;
        const std::size_t capacity = choices_.next(2) ? json.size() : choices_.next(256);
        const tandem_status status = tandem_cdr_json(&cdr, json.data(), capacity, &needed);
        TANDEM_ASSERT(status != TANDEM_OK || (needed <= capacity && json[needed - 1] == '\0'), "it ends with a zero");
    }
    // What has an answer for everything, and structs of any size.
    void ask() {
        const auto number = static_cast<std::uint32_t>(choices_.word());
        TANDEM_ASSERT(tandem_state_name(number) && tandem_side_name(number) && tandem_end_name(number), "never NULL");
        TANDEM_ASSERT(tandem_status_text(static_cast<tandem_status>(number)) && tandem_last_error(), "never NULL");
        tandem_method_of(text());
        tandem_statistics statistics = TANDEM_STATISTICS_INIT;
        statistics.size = choices_.next(sizeof(statistics) + 1);
        tandem_tracker_statistics(tracker_, &statistics);
        tandem_audit audit = TANDEM_AUDIT_INIT;
        audit.size = choices_.next(sizeof(audit) + 1);
        tandem_tracker_audit(tracker_, &audit);
        tandem_event event = TANDEM_EVENT_INIT;
        event.size = choices_.next(sizeof(event)); // of no host: it takes nothing
        TANDEM_ASSERT(tandem_event_next(tracker_, &event) == TANDEM_E_INVALID, "an event has a place for its owner");
        int fd = -1;
        expect(tandem_event_fd(tracker_, &fd) == TANDEM_OK);
        std::uint32_t count = 0;
        tandem_tracker_watchdog(tracker_, now(), choices_.word(), nullptr, 0, &count);
        tandem_dialog_set_trunk(tracker_, dialog(), text());
        tandem_dialog_set_user_data(tracker_, dialog(), 7);
        if (choices_.next(2)) authenticate();
    }
    // A client of its own: it shares nothing with the tracker.
    void authenticate() {
        tandem_auth_client *client = nullptr;
        tandem_auth_attempt *attempt = nullptr;
        const tandem_status made = tandem_auth_client_new(text(), text(), text(), &client);
        TANDEM_ASSERT((made == TANDEM_OK) == (client != nullptr), "only a success gives a client");
        expect(tandem_auth_attempt_new(&attempt) == TANDEM_OK);
        for (std::uint32_t i = choices_.next(8); i > 0; --i) {
            const std::string value = "Digest realm=\"user\", nonce=\"" + choices_.bytes(choices_.next(8)) + "\"";
            const tandem_str challenge = {value.data(), value.size()};
            std::uint32_t outcome = TANDEM_AUTH_UNUSABLE;
            tandem_auth_challenge(client, attempt, &challenge, choices_.next(2), &challenge, choices_.next(2),
                                  &outcome);
            tandem_str lines{};
            const tandem_status status = tandem_auth_authorize(client, attempt, text(), text(), text(), &lines);
            const bool is_answered = status != TANDEM_OK || outcome != TANDEM_AUTH_RETRY || lines.size > 0;
            TANDEM_ASSERT(is_answered, "what is retried has credentials");
            tandem_auth_info(client, text(), choices_.next(2));
        }
        tandem_auth_attempt_free(attempt);
        tandem_auth_client_free(client);
    }
    void wait() {
        now_us_ += std::uint64_t{choices_.next(256)} * choices_.next(256) * 10'000;
        expect(tandem_tracker_advance(tracker_, now_us_) == TANDEM_OK);
    }
    void drain(std::uint32_t most) {
        tandem_event event = TANDEM_EVENT_INIT;
        for (; most > 0 && tandem_event_next(tracker_, &event) == TANDEM_OK; --most) {
            if (event.type == TANDEM_EVENT_CDR) {
                ++records_;
                TANDEM_ASSERT(event.cdr && event.cdr->end_reason != TANDEM_END_NONE, "a record says why");
                TANDEM_ASSERT(event.cdr->duration_us >= 0, "no call is shorter than nothing");
                std::array<char, 8192> json{};
                std::size_t needed = 0;
                const tandem_status status = tandem_cdr_json(event.cdr, json.data(), json.size(), &needed);
                TANDEM_ASSERT(status == TANDEM_OK || needed > json.size(), "a record is JSON");
                std::uint32_t state = 0;
                TANDEM_ASSERT(tandem_dialog_state(tracker_, event.dialog, &state) == TANDEM_E_NOT_FOUND, "it is gone");
            } else if (event.type == TANDEM_EVENT_ENDED) {
                std::uint32_t state = 0;
                expect(tandem_dialog_state(tracker_, event.dialog, &state) == TANDEM_OK);
                TANDEM_ASSERT(state == TANDEM_STATE_TERMINATED, "an ended dialog is readable until its record");
            }
            tandem_event_free(&event);
        }
    }
    void reserve() {
        std::array<tandem_profile_request, 3> requests{};
        for (auto &request : requests) request = {text(), text(), choices_.next(2) ? choices_.next(3) : UINT32_MAX};
        tandem_profile_refusal refusal = TANDEM_PROFILE_REFUSAL_INIT;
        if (choices_.next(8) == 0) refusal.size = choices_.next(sizeof(refusal) + 1);
        const std::uint32_t count = choices_.next(4);
        const tandem_dialog_id id = dialog();
        const tandem_status status = tandem_profile_reserve(tracker_, id, requests.data(), count, now(), &refusal);
        const bool is_told = status == TANDEM_E_LIMIT && refusal.size == sizeof(refusal);
        if (is_told) TANDEM_ASSERT(refusal.members >= refusal.limit, "only a full profile refuses");
    }
    void leave() {
        const tandem_str profile = text();
        tandem_profile_leave(tracker_, dialog(), profile, text(), now());
    }
    void change_variable() {
        const tandem_str name = text();
        const tandem_value first = value();
        const tandem_value second = value();
        const tandem_dialog_id id = dialog();
        switch (choices_.next(4)) {
        case 0: tandem_variable_set(tracker_, id, name, &first, now()); break;
        case 1: tandem_variable_add(tracker_, id, name, first.integer, now(), nullptr); break;
        case 2:
            tandem_variable_compare_and_set(tracker_, id, name, choices_.next(2) ? &first : nullptr,
                                            choices_.next(2) ? &second : nullptr, now());
            break;
        default: tandem_variable_erase(tracker_, id, name, now()); break;
        }
    }
    void read_variable() {
        tandem_value read = tandem_value_integer(0);
        std::array<char, 4> buffer{};
        std::size_t needed = 0;
        const tandem_dialog_id id = dialog();
        const tandem_str name = text();
        const std::size_t capacity = choices_.next(buffer.size() + 1);
        const tandem_status status = tandem_variable_get(tracker_, id, name, &read, buffer.data(), capacity, &needed);
        if (status == TANDEM_OK) TANDEM_ASSERT(read.text.size == needed && needed <= capacity, "it fits");
        tandem_variables *all = nullptr;
        if (tandem_variable_list(tracker_, id, &all) == TANDEM_OK) tandem_variables_free(all);
    }
    void end() {
        const tandem_dialog_id id = dialog();
        const std::uint32_t reason = choices_.next(16);
        switch (choices_.next(4)) {
        case 0: tandem_dialog_end(tracker_, id, reason, now_us_); break;
        case 1: tandem_dialog_request_end(tracker_, id, reason, now_us_); break;
        case 2: tandem_dialog_set_end_reason(tracker_, id, reason); break;
        default: tandem_profile_end_members(tracker_, text(), nullptr, reason, now_us_, nullptr); break;
        }
    }
    void set_timeout() {
        const tandem_dialog_id id = dialog();
        const std::uint32_t timer = choices_.next(5);
        const std::uint64_t timeout_ms = choices_.next(8) == 0 ? choices_.word() : choices_.next(256) * 100;
        tandem_dialog_set_timeout(tracker_, id, timer, timeout_ms);
    }
    void look() {
        tandem_dialog_info *info = nullptr;
        if (tandem_dialog_get(tracker_, dialog(), &info) == TANDEM_OK) {
            TANDEM_ASSERT(info->record_id.size == 32, "a set has an id for its record");
            tandem_dialog_info_free(info);
        }
        tandem_dialog_id found = 0;
        const tandem_str call_id = text();
        tandem_dialog_find(tracker_, call_id, tandem_str_of("x"), tandem_str_of("y"), &found);
        std::uint32_t cseq = 0;
        tandem_dialog_next_cseq(tracker_, dialog(), choices_.next(3), text(), &cseq);
        if (choices_.next(2)) map_numbers();
    }
    // A proxy that answers challenges: what was refused is sent again under one number, however often it is asked.
    void map_numbers() {
        const tandem_message given = message();
        const tandem_dialog_id id = dialog();
        const tandem_str branch = text();
        std::uint32_t cseq = 0;
        std::uint32_t again = 0;
        tandem_dialog_cseq_translate(tracker_, id, &given, branch, &cseq);
        tandem_dialog_rack_translate(tracker_, id, &given, choices_.next(4), &cseq);
        tandem_dialog_cseq_take(tracker_, id, choices_.next(3), text(), &cseq);
        if (tandem_dialog_cseq_retry(tracker_, id, &given, branch, &cseq) != TANDEM_OK) return;
        TANDEM_ASSERT(cseq > given.cseq, "a retry has a number that was not sent yet");
        expect(tandem_dialog_cseq_retry(tracker_, id, &given, branch, &again) == TANDEM_OK);
        TANDEM_ASSERT(again == cseq, "a challenge that comes again has the same answer");
    }
    void list() {
        std::array<tandem_dialog_id, 4> ids{};
        std::uint32_t count = 0;
        std::uint64_t cursor = choices_.next(4) == 0 ? choices_.word() : 0;
        tandem_dialog_list(tracker_, &cursor, ids.data(), 1 + choices_.next(4), &count);
        cursor = choices_.next(4) == 0 ? choices_.word() : 0;
        const tandem_str profile = text();
        const tandem_str named = text();
        const tandem_str *which = choices_.next(2) ? &named : nullptr;
        tandem_profile_list_members(tracker_, profile, which, &cursor, ids.data(), 1 + choices_.next(4), &count);
        tandem_profile_values *page = nullptr;
        cursor = choices_.next(4) == 0 ? choices_.word() : 0;
        if (tandem_profile_list_values(tracker_, profile, &cursor, 2, &page) == TANDEM_OK) {
            tandem_profile_values_free(page);
        }
        cursor = 0;
        const tandem_value wanted = value();
        tandem_variable_find_dialogs(tracker_, named, &wanted, &cursor, ids.data(), 4, &count);
    }
    void check() {
        tandem_statistics now = TANDEM_STATISTICS_INIT;
        expect(tandem_tracker_statistics(tracker_, &now) == TANDEM_OK);
        TANDEM_ASSERT(now.early + now.active <= now.processed, "no count is below zero");
        std::uint32_t size = 0;
        expect(tandem_profile_size(tracker_, tandem_str_of("total"), &size) == TANDEM_OK);
        TANDEM_ASSERT(size <= 16, "no profile has more members than there are dialogs");
    }

    Choices &choices_;
    tandem_tracker *tracker_ = nullptr;
    std::uint64_t now_us_ = 1'000'000;
    std::array<tandem_dialog_id, 8> dialogs_{};
    std::uint64_t records_ = 0;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    Choices choices(data, size);
    Host host(choices);
    while (!choices.empty()) host.step();
    host.finish();
    return 0;
}
