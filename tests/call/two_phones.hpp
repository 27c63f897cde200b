// Alice and Bob as hands on a wire: what tandem sends is caught as messages, what they send is written out by the test.
#pragma once
#include <algorithm>
#include <doctest/doctest.h>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include "base/random.hpp"
#include "call/call_copy.hpp"
#include "call/engine.hpp"
#include "call/kept_dialogs.hpp"
#include "cdr/cdr.hpp"
#include "sip/message.hpp"
#include "sip/uri.hpp"

namespace tandem::test {

inline Endpoint endpoint(std::string_view ip, std::uint16_t port) {
    Endpoint endpoint;
    endpoint.ip = *IpAddress::parse(ip);
    endpoint.port = port;
    return endpoint;
}

inline void swap_all(std::string &text, std::string_view from, std::string_view to) {
    for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
        text.replace(at, from.size(), to);
    }
}

// What Dave sends, made of what Alice would: outside of her dialog, with an INVITE that wants somebody's place.
inline std::string of_dave(std::string text) {
    swap_all(text, "Call-ID: call-a", "Call-ID: call-d");
    swap_all(text, "z9hG4bK-a", "z9hG4bK-d");
    swap_all(text, "192.0.2.1:5061", "192.0.2.4:5064");
    swap_all(text, ">;tag=alice", ">;tag=dave");
    swap_all(text, "alice@", "dave@");
    return text;
}

// Sends every call to Bob, or refuses it.
class OneRoute final : public Router {
public:
    Route route(const Message &, const Endpoint &) override {
        ++asked;
        return is_closed ? refusal : answer;
    }
    Route route_inside(const Message &invite, const Endpoint &) override {
        ++asked;
        return inside ? inside(invite) : answer;
    }
    // Targets are addresses alone, and none is called "nowhere".
    Result<Route> route_decided(const Message &invite, const Endpoint &, bool, const Decision &decision) override {
        Route route = inside ? inside(invite) : answer;
        route.is_controlled = false;
        if (!decision.targets.empty()) route.targets.clear();
        for (const DecidedTarget &decided : decision.targets) {
            auto target = target_of(decided.to);
            if (!target) return Error::invalid;
            target->is_parallel = decided.is_parallel;
            route.targets.push_back(std::move(*target));
        }
        return route;
    }
    bool may_call(const IpAddress &) const override { return !is_closed; }
    bool is_known(const IpAddress &ip) const override {
        return std::find(known.begin(), known.end(), ip) != known.end();
    }
    bool is_incomplete() const override { return is_waiting; }
    // Addresses alone, but for "nowhere".
    std::optional<RouteTarget> target_of(std::string_view uri) override {
        const auto parsed = Uri::parse(uri);
        if (!parsed || parsed->user == "nowhere" || !parsed->endpoint()) return std::nullopt;
        return RouteTarget{.request_uri = std::string(uri), .to = *parsed->endpoint()};
    }
    bool is_trusted(const IpAddress &peer) const override {
        return std::find(trusted.begin(), trusted.end(), peer) != trusted.end();
    }
    std::optional<TrunkAccount> account_at(const Endpoint &peer) const override {
        const auto found = std::find_if(trunks.begin(), trunks.end(), [&](const auto &one) {
            return one.first.ip == peer.ip && one.first.port == peer.port;
        });
        return found == trunks.end() ? std::nullopt : std::optional(found->second);
    }
    std::shared_ptr<const Account> account_of(std::string_view trunk) const override {
        const auto found = std::find_if(answer.targets.begin(), answer.targets.end(),
                                        [&](const RouteTarget &target) { return target.trunk == trunk; });
        return found == answer.targets.end() ? nullptr : found->account;
    }
    bool may_send_to(const Endpoint &to, TargetOrigin origin) const override {
        return origin < barred_from || std::find(barred.begin(), barred.end(), to) == barred.end();
    }
    Route answer;
    std::function<Route(const Message &)> inside; // none: the same
    Route refusal{.refuse = 403};                 // of strangers where it is closed to them
    std::vector<IpAddress> trusted;
    std::vector<IpAddress> known;
    bool is_waiting = false;                               // for a name of a trunk
    std::vector<std::pair<Endpoint, TrunkAccount>> trunks; // that may call us
    std::vector<Endpoint> barred;                          // for targets of this origin and those after it
    TargetOrigin barred_from = TargetOrigin::binding;
    int asked = 0;
    bool is_closed = false;
};

struct Ended {
    EndReason reason;
    std::uint16_t sip_code;
    std::uint16_t q850;
    std::string callee_call_id;
    bool is_answered;
    Duration duration; // from the answer to the end
};

class TwoPhones {
public:
    explicit TwoPhones(EngineOptions options = {}, std::uint8_t shard = 0)
        : random_(1, shard), options_(with_listener(options)) {
        begin();
        router.answer.targets.push_back({"sip:bob@192.0.2.2:5062", bob, "carrier"});
        router.answer.ring_timeout = std::chrono::seconds(60);
    }

    // The message with this start ("INVITE", "SIP/2.0 180") that went to the phone; fails the test if there is none.
    // Earlier ones are forgotten.
    Message take(const Endpoint &phone, std::string_view start) {
        auto taken = find(phone, start);
        REQUIRE_MESSAGE(taken, "no " << start << " to port " << phone.port << " among:\n" << dump());
        return *taken;
    }
    // Whatever went to this address, as bytes.
    std::vector<std::string> take_all(const Endpoint &to) {
        std::vector<std::string> taken;
        for (const Caught &caught : sent_) {
            if (caught.to == to) taken.push_back(caught.bytes);
        }
        std::erase_if(sent_, [&](const Caught &caught) { return caught.to == to; });
        return taken;
    }
    std::optional<Message> try_take(const Endpoint &phone, std::string_view start) { return find(phone, start); }
    bool got(const Endpoint &phone, std::string_view start) { return find(phone, start).has_value(); }
    bool is_silent() const { return sent_.empty(); }
    void forget() { sent_.clear(); }

    void send(const Endpoint &phone, const std::string &bytes) {
        engine_->receive(bytes, phone, now);
        collect();
    }
    // As if the network had refused the message with this start.
    void fail(const Endpoint &phone, std::string_view start) {
        const auto failed = std::find_if(sent_.begin(), sent_.end(), [&](const Caught &caught) {
            return caught.to == phone && caught.bytes.compare(0, start.size(), start) == 0;
        });
        REQUIRE(failed != sent_.end());
        const TransactionId transaction = failed->transaction;
        sent_.erase(failed);
        engine_->on_send_failed(transaction, now);
        collect();
    }
    // The name that is to be looked up; fails the test unless it is one.
    Lookup lookup() {
        std::vector<Lookup> lookups;
        engine_->take_lookups(lookups);
        REQUIRE(lookups.size() == 1);
        return lookups.front();
    }
    // The question that is to be asked; fails the test unless it is one. Which are withdrawn is kept.
    Question question() {
        std::vector<Question> questions;
        engine_->take_questions(questions, withdrawn);
        REQUIRE(questions.size() == 1);
        return questions.front();
    }
    DecisionOutcome decide(const Question &question, const Decision &decision) {
        const DecisionOutcome outcome = engine_->on_decided(question.id, &decision, now);
        collect();
        return outcome;
    }
    DecisionOutcome leave_undecided(const Question &question) {
        const DecisionOutcome outcome = engine_->on_decided(question.id, nullptr, now);
        collect();
        return outcome;
    }
    void lose(const Endpoint &peer) {
        engine_->on_connection_lost({.peer = peer, .at = now, .is_made = true}, now);
        collect();
    }
    void resolve(const Lookup &lookup, std::vector<Endpoint> addresses) {
        engine_->on_resolved(lookup.id, addresses, now);
        collect();
    }
    void resume(const WantedEvent &wait, Waited how) {
        engine_->on_waited(wait.id, how, now);
        collect();
    }
    void wait(std::int64_t ms) {
        const Instant until = now + std::chrono::milliseconds(ms);
        for (auto next = engine_->next_deadline(); next && *next <= until; next = engine_->next_deadline()) {
            now = std::max(now, *next);
            engine_->advance(now);
            collect();
        }
        now = until;
        engine_->advance(now);
        collect();
    }

    // The process dies, and another one has what was kept of it. Gives how many dialogs that could not take back.
    std::size_t restart() {
        begin();
        std::size_t refused = 0;
        kept.for_each([&](const DialogRecord &record) { refused += engine_->restore(record, now) ? 0U : 1U; });
        for (const std::string &call_id : ended_call_ids_) engine_->restore_ended(call_id);
        for (const std::string &refusal : refusals_) engine_->restore_refusal(refusal, now);
        engine_->go_on(now);
        collect();
        return refused;
    }
    // Each call that is up, as its copy for another process.
    std::vector<std::string> copies() {
        std::vector<std::string> texts;
        for (const DialogId id : engine_->tracker().dialogs()) {
            const DialogSet &set = *engine_->tracker().find(id);
            if (set.leg_of) continue;
            engine_->describe_call(set.owner, [&](auto legs) { texts.push_back(call_to_text(legs, wall)); });
        }
        return texts;
    }
    // The process is gone with all it has kept, and another one has these copies.
    void take_over(const std::vector<std::string> &texts) {
        begin();
        kept = KeptDialogs();
        for (const std::string &text : texts) adopt(text);
    }
    void adopt(const std::string &text) {
        auto copy = CallCopyReader::parse(text, wall);
        REQUIRE(copy);
        CHECK(engine_->adopt(copy->legs(), now));
        collect();
    }

    // It dies of what it gets: before it has kept what that means, or when it has, but has sent nothing.
    void send_and_die(const Endpoint &phone, const std::string &bytes, bool is_kept) {
        engine_->receive(bytes, phone, now);
        if (is_kept) commit();
        CHECK(restart() == 0);
    }

    Result<void> refresh(DialogId leg) {
        const auto started = engine_->refresh(leg, now);
        collect();
        return started;
    }

    // Alice's INVITE. `extra` are whole header lines.
    std::string invite(std::string_view extra = {}, std::string_view body = "v=0 offer", std::string_view to_tag = {},
                       std::uint32_t cseq = 1) {
        return request("INVITE", to_tag, cseq, extra, body);
    }
    std::string request(std::string_view method, std::string_view to_tag, std::uint32_t cseq,
                        std::string_view extra = {}, std::string_view body = {}, std::string_view branch = {}) {
        std::string out = std::string(method) + " sip:bob@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5061;branch=";
        out += branch.empty() ? "z9hG4bK-a" + std::to_string(cseq) + std::string(method) : std::string(branch);
        out += "\r\nFrom: \"Alice\" <sip:alice@a>;tag=alice\r\nTo: <sip:bob@b>";
        if (!to_tag.empty()) out += ";tag=" + std::string(to_tag);
        out += "\r\nCall-ID: call-a\r\nCSeq: " + std::to_string(cseq) + " " + std::string(method) +
               "\r\nContact: <sip:alice@192.0.2.1:5061>\r\nMax-Forwards: 70\r\n" + std::string(extra);
        return out + ending(body);
    }
    // A further call of Alice's.
    void call_again() {
        std::string again = invite();
        again.replace(again.find("Call-ID: call-a"), 15, "Call-ID: call-b");
        again.replace(again.find("z9hG4bK-a1INVITE"), 16, "z9hG4bK-b1INVITE");
        send(alice, again);
    }
    std::string cancel(std::string_view extra = {}) { return request("CANCEL", "", 1, extra, "", "z9hG4bK-a1INVITE"); }

    // A phone's answer to what it got.
    static std::string answer(const Message &request, std::string_view status_line, std::string_view tag = "bob",
                              std::string_view extra = {}, std::string_view body = {}) {
        std::string out = "SIP/2.0 " + std::string(status_line) + "\r\n";
        request.append_vias(out);
        out += "From: " + std::string(request.value(Header::from)) + "\r\n";
        out += "To: " + std::string(request.value(Header::to));
        if (request.to_tag().empty() && !tag.empty()) out += ";tag=" + std::string(tag);
        out += "\r\nCall-ID: " + std::string(request.call_id()) +
               "\r\nCSeq: " + std::string(request.value(Header::cseq)) + "\r\n" + std::string(extra);
        // Whoever answers was asked by his own Contact.
        if (status_line.substr(0, 1) < "3") out += "Contact: <" + std::string(request.request_uri()) + ">\r\n";
        return out + ending(body);
    }
    // Bob's request inside the dialog that `invite` made.
    static std::string from_bob(const Message &invite, std::string_view method, std::uint32_t cseq,
                                std::string_view extra = {}, std::string_view body = {}, std::string_view branch = {}) {
        std::string out = std::string(method) + " " + std::string(invite.contact_uri()) +
                          " SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2:5062;branch=";
        out += branch.empty() ? "z9hG4bK-b" + std::to_string(cseq) + std::string(method) : std::string(branch);
        out += "\r\nFrom: <sip:bob@b>;tag=bob\r\nTo: " + std::string(invite.value(Header::from)) +
               "\r\nCall-ID: " + std::string(invite.call_id()) + "\r\nCSeq: " + std::to_string(cseq) + " " +
               std::string(method) + "\r\nContact: <sip:bob@192.0.2.2:5062>\r\nMax-Forwards: 70\r\n" +
               std::string(extra);
        return out + ending(body);
    }

    // INVITE, 180, 200, ACK; what Bob got is in bobs_invite, the tag Alice sees in our_tag.
    void establish() {
        send(alice, invite());
        bobs_invite = take(bob, "INVITE");
        send(bob, answer(bobs_invite, "180 Ringing"));
        send(bob, answer(bobs_invite, "200 OK", "bob", {}, "v=0 answer"));
        our_tag = take(alice, "SIP/2.0 200").to_tag();
        send(alice, request("ACK", our_tag, 1));
        take(bob, "ACK");
        forget();
    }

    // After everything that lingers: nothing is left, and there is one record. Gives that record.
    Ended finish() {
        wait(400'000);
        CHECK(engine_->calls() == 0);
        CHECK(engine_->transactions() == 0);
        CHECK(engine_->dialogs() == 0);
        CHECK_FALSE(engine_->next_deadline());
        CHECK(engine_->tracker().statistics().active == 0);
        CHECK(engine_->tracker().statistics().early == 0);
        REQUIRE(ended.size() == 1);
        return ended.front();
    }

    std::string dump() const {
        std::string out;
        for (const Caught &caught : sent_) {
            out += "-> " + std::to_string(caught.to.port) + ": ";
            out += caught.bytes.substr(0, caught.bytes.find('\r')) + "\n";
        }
        return out;
    }

    Engine &engine() { return *engine_; }
    EngineOptions &options() { return options_; } // of the next process
    ProfileTable &profiles() { return *profiles_; }

    const Endpoint alice = endpoint("192.0.2.1", 5061);
    const Endpoint bob = endpoint("192.0.2.2", 5062);
    const Endpoint carol = endpoint("192.0.2.3", 5063);
    const Endpoint dave = endpoint("192.0.2.4", 5064);
    OneRoute router;
    Instant now = at_ms(0);
    std::vector<Cdr> cdrs; // of the sets that count
    WallClock wall{at_ms(0), 1'700'000'000'000'000};
    std::vector<Ended> ended; // of the sets that count
    Message bobs_invite;
    std::string our_tag;
    KeptDialogs kept;
    std::function<void(ProfileTable &)> declare; // in each process
    std::vector<QuestionId> withdrawn;

private:
    struct Caught {
        Endpoint to;
        std::string bytes;
        TransactionId transaction;
    };

    static EngineOptions with_listener(EngineOptions options) {
        options.listeners.push_back({endpoint("192.0.2.9", 5060), "192.0.2.9:5060"});
        return options;
    }
    static std::string ending(std::string_view body) {
        const std::string type = body.empty() ? "" : "Content-Type: application/sdp\r\n";
        return type + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
    }
    void begin() {
        engine_.reset();
        profiles_.emplace(random_);
        if (declare) declare(*profiles_);
        engine_.emplace(options_, router, *profiles_, random_, now);
    }
    void commit() {
        const auto keep = [&](const DialogRecord &record) { kept.save(record); };
        engine_->drain_changes(keep, [&](const DialogRecord &record) {
            kept.erase(record.id);
            ended_call_ids_.emplace_back(record.call_id);
            if (record.has_changed_leg) refusals_.push_back(record.leg);
            if (record.leg_of) return;
            cdrs.push_back(make_cdr(record, wall));
            ended.push_back({record.end_reason, record.sip_code, record.q850, std::string(record.callee_call_id),
                             record.answered.has_value(),
                             record.answered ? *record.ended - *record.answered : Duration()});
        });
    }
    void collect() {
        commit();
        std::vector<Outgoing> outgoing;
        engine_->take_outgoing(outgoing);
        for (const Outgoing &message : outgoing) {
            sent_.push_back({message.to, std::string(message.bytes.view()), message.transaction});
        }
    }
    std::optional<Message> find(const Endpoint &phone, std::string_view start) {
        for (std::size_t i = 0; i < sent_.size(); ++i) {
            if (sent_[i].to != phone || sent_[i].bytes.compare(0, start.size(), start) != 0) continue;
            auto message = Message::parse(sent_[i].bytes);
            REQUIRE(message);
            CHECK(message->defect() == "");
            sent_.erase(sent_.begin() + static_cast<std::ptrdiff_t>(i));
            return *message;
        }
        return std::nullopt;
    }

    SeededRandom random_;
    EngineOptions options_;
    std::optional<ProfileTable> profiles_;
    std::optional<Engine> engine_;
    std::vector<Caught> sent_;
    std::vector<std::string> ended_call_ids_;
    std::vector<std::string> refusals_; // those that a restart says again
};

} // namespace tandem::test
