// Four phones that do whatever comes to their minds with calls, transfers and Replaces, a host that gives commands, and
// somebody who decides about calls: in the end nothing is left.
#include <array>
#include <map>
#include <set>
#include <utility>
#include <variant>
#include "call/two_phones.hpp"

using namespace tandem;
using test::TwoPhones;

namespace {

struct PhoneDialog {
    std::string call_id;
    std::string local; // From of its requests, with the tag
    std::string remote;
    std::string local_tag;
    std::string remote_tag;
    std::uint32_t cseq = 100;
};

class Party {
public:
    Party(std::uint64_t seed, bool is_quiet, bool has_host = false)
        : wire_(has_host ? with_events() : EngineOptions()), random_(seed), is_quiet_(is_quiet), has_host_(has_host) {
        wire_.router.answer.ring_timeout = std::chrono::seconds(20);
        phones_ = {wire_.alice, wire_.bob, wire_.carol, wire_.dave};
        if (!has_host) return;
        wire_.declare = [](ProfileTable &profiles) {
            REQUIRE(profiles.declare({.name = "cluster", .limit = 5, .is_shared = true}));
        };
        wire_.declare(wire_.profiles());
    }

    void run(int steps) {
        for (int step = 0; step < steps; ++step) {
            const std::uint64_t die = random_.next() % 100;
            if (die < 60) {
                const std::uint64_t count = is_quiet_ ? roll(60) : 1; // they are quick, or they are not
                for (std::uint64_t i = 0; i < count; ++i) take_one();
            } else if (die < 70) {
                call(random_.next() % phones_.size());
            } else if (die < 90) {
                has_host_ &&roll(3) != 0 ? command() : act();
            } else {
                wire_.wait(static_cast<std::int64_t>(random_.next() % 3000));
            }
            if (has_host_) decide();
            if (has_host_ && roll(400) == 0) crash();
        }
    }

    // Everybody falls silent, and all deadlines pass.
    void end() {
        Engine &engine = wire_.engine();
        for (engine.take_questions(questions_, wire_.withdrawn); !questions_.empty(); questions_.pop_back()) {
            wire_.leave_undecided(questions_.back()); // whoever is asked has his deadline
        }
        if (has_host_) answer_others(true);
        wire_.wait(700'000);
        take_events();
        REQUIRE(commands_.empty()); // each has ended, once
        std::vector<CallView> calls;
        std::uint64_t cursor = 0;
        engine.list_calls(cursor, 1000, calls);
        for (const CallView &call : calls) { // what goes on is whole
            REQUIRE(is_up(call.caller));
            REQUIRE(is_up(call.callee));
            REQUIRE_FALSE(call.is_busy);
            REQUIRE_FALSE(call.is_ending);
        }
        take_rest();
        if (is_quiet_ && deaths_ == 0)
            REQUIRE(up_.size() == 2 * calls.size()); // and nothing else is, for who answers in time
        for (DialogId dialog : engine.tracker().dialogs())
            static_cast<void>(engine.end(dialog, EndReason::admin, wire_.now));
        wire_.wait(700'000);
        take_rest();
        if (is_quiet_ && deaths_ == 0) REQUIRE(up_.empty());
        REQUIRE(engine.calls() == 0);
        REQUIRE(engine.transactions() == 0);
        REQUIRE(engine.dialogs() == 0);
        REQUIRE(engine.tracker().statistics().active == 0);
        REQUIRE(engine.tracker().statistics().early == 0);
        if (deaths_ == 0) REQUIRE(engine.tracker().statistics().processed == wire_.ended.size());
    }
    std::size_t begun(CommandKind kind) const { return begun_[static_cast<std::size_t>(kind)]; }
    std::size_t succeeded(CommandKind kind) const { return succeeded_[static_cast<std::size_t>(kind)]; }
    std::size_t calls() const { return wire_.ended.size(); }
    std::size_t transferred() const { return transferred_; }
    std::size_t attended() const { return attended_; }
    std::size_t replaced() const { return replaced_; }

private:
    static EngineOptions with_events() {
        EngineOptions options;
        options.event_max = 4096;
        return options;
    }
    bool is_up(DialogId dialog) {
        const DialogSet *set = wire_.engine().tracker().find(dialog);
        return set && set->state == DialogState::confirmed;
    }
    // The cluster and DNS answer, too, or never do.
    void answer_others(bool is_end) {
        Engine &engine = wire_.engine();
        engine.take_place_requests(places_);
        engine.take_lookups(lookups_);
        while (!places_.empty() && (is_end || roll(2) == 0)) {
            const PlaceRequest request = std::exchange(places_.front(), std::move(places_.back()));
            places_.pop_back();
            const auto *asked = std::get_if<Reservation>(&request);
            if (!asked) continue;
            const Verdict verdict = roll(4) != 0 ? Verdict::admitted : roll(2) == 0 ? Verdict::refused : Verdict::full;
            engine.on_reserved({asked->id, verdict, 0, 7}, wire_.now);
        }
        while (!lookups_.empty() && (is_end || roll(2) == 0)) {
            const Lookup lookup = lookups_.back();
            lookups_.pop_back();
            std::vector<Endpoint> found;
            for (std::uint64_t i = roll(3); i > 0; --i) found.push_back(phones_[roll(phones_.size())]);
            wire_.resolve(lookup, found);
        }
        wire_.wait(0);
    }
    // Who is asked says something, or nothing, and takes his time.
    void decide() {
        answer_others(false);
        wire_.engine().take_questions(questions_, wire_.withdrawn);
        if (questions_.empty() || roll(3) != 0) return;
        const Question question = questions_.front();
        questions_.erase(questions_.begin());
        Decision decision;
        const std::uint64_t what = roll(8);
        if (what == 0) decision.code = 603;
        if (what == 1) decision.targets.push_back({"nowhere"});
        what == 2 ? wire_.leave_undecided(question) : wire_.decide(question, decision);
    }
    // The process dies, and another one goes on with the calls: the commands are forgotten.
    void crash() {
        ++deaths_;
        take_events();
        commands_.clear();
        questions_.clear();
        places_.clear();
        lookups_.clear();
        if (roll(2) == 0) {
            wire_.restart();
        } else {
            const std::vector<std::string> copies = wire_.copies(); // twice where both legs count
            const std::set<std::string> once(copies.begin(), copies.end());
            wire_.take_over({once.begin(), once.end()});
        }
    }
    // The host wants something of some call, or a new one.
    void command() {
        route();
        Engine &engine = wire_.engine();
        const CallView none;
        std::vector<CallView> calls;
        std::uint64_t cursor = 0;
        engine.list_calls(cursor, 1000, calls);
        const Duration deadline = std::chrono::milliseconds(roll(3) == 0 ? 1 + roll(5'000) : 32'000);
        const CallView &call = calls.empty() ? none : calls[roll(calls.size())];
        const DialogId leg = roll(2) == 0 ? call.caller : call.callee;
        const std::uint64_t what = calls.empty() ? 0 : roll(10);
        Result<CommandId> command = Error::not_found;
        if (what < 4) {
            command = engine.start({.caller = "sip:p@a", .callee = "sip:q@b", .deadline = deadline}, wire_.now);
        } else if (what < 6) {
            command = call.is_held ? engine.resume(leg, wire_.now, deadline) : engine.hold(leg, wire_.now, deadline);
        } else if (what < 8) {
            command = engine.transfer(leg, "<sip:x@c>", wire_.now, deadline);
        } else if (what < 9) {
            const auto target = engine.joinable(calls[roll(calls.size())].callee);
            if (target) command = engine.join(leg, *target, wire_.now, deadline);
        } else if (roll(4) == 0) {
            static_cast<void>(engine.end(leg, EndReason::admin, wire_.now));
        }
        if (command) REQUIRE(commands_.insert(*command).second);
        take_events();
        wire_.wait(0);
    }
    void take_events() {
        CallEvent event;
        while (wire_.engine().next_event(event)) {
            if (event.kind == CallEventKind::dtmf) continue;
            const auto kind = static_cast<std::size_t>(event.command_kind);
            if (event.kind == CallEventKind::command_accepted) ++begun_[kind];
            REQUIRE(commands_.contains(event.command)); // it has not ended
            if (event.kind != CallEventKind::command_ended) continue;
            REQUIRE(event.status >= 200);
            succeeded_[kind] += event.status == 200 ? 1 : 0;
            commands_.erase(event.command);
        }
    }
    std::uint64_t roll(std::uint64_t sides) { return random_.next() % sides; }

    std::string sdp() {
        return "v=0\r\no=x " + std::to_string(roll(3)) + " " + std::to_string(roll(9)) +
               " IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nm=audio " + std::to_string(4000 + roll(3)) + " RTP/AVP 0\r\n";
    }
    std::string address(std::size_t phone) {
        return "192.0.2." + std::to_string(phone + 1) + ":" + std::to_string(5061 + phone);
    }
    std::string head(std::size_t phone, std::string_view method, const PhoneDialog &dialog, std::uint32_t cseq) {
        return std::string(method) + " sip:" + std::to_string(roll(4)) + "@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP " +
               address(phone) + ";branch=z9hG4bK-r" + std::to_string(++branch_) + "\r\nFrom: " + dialog.local +
               "\r\nTo: " + dialog.remote + "\r\nCall-ID: " + dialog.call_id + "\r\nCSeq: " + std::to_string(cseq) +
               " " + std::string(method) + "\r\nMax-Forwards: 70\r\nContact: <sip:x@" + address(phone) + ">\r\n";
    }
    static std::string tail(std::string_view body) {
        return (body.empty() ? std::string() : "Content-Type: application/sdp\r\n") +
               "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
    }
    PhoneDialog *any_dialog(std::size_t phone) {
        auto &dialogs = dialogs_[phone];
        if (dialogs.empty()) return nullptr;
        auto found = dialogs.begin();
        std::advance(found, static_cast<std::ptrdiff_t>(roll(dialogs.size())));
        return &found->second;
    }
    std::string replaces(const PhoneDialog &dialog, bool is_escaped) {
        const bool is_odd = roll(4) == 0;
        const std::string &to = is_odd ? dialog.local_tag : dialog.remote_tag;
        const std::string &from = is_odd ? dialog.remote_tag : dialog.local_tag;
        return is_escaped ? dialog.call_id + "%3Bto-tag%3D" + to + "%3Bfrom-tag%3D" + from
                          : dialog.call_id + ";to-tag=" + to + ";from-tag=" + from;
    }

    void route() {
        wire_.router.answer.targets.clear();
        const std::uint64_t count = 1 + roll(2);
        for (std::uint64_t i = 0; i < count; ++i) {
            const std::size_t phone = roll(phones_.size());
            wire_.router.answer.targets.push_back({"sip:x@" + address(phone), phones_[phone], "t", {}, roll(2) == 0});
        }
        wire_.router.answer.hunt_on = {486, 503};
        wire_.router.answer.refuse = roll(12) == 0 ? 403 : 0;
        wire_.router.answer.refers = roll(8) == 0 ? Refers::pass : Refers::local;
        if (!has_host_) return;
        wire_.router.answer.is_controlled = roll(6) == 0;
        wire_.router.answer.profiles.clear();
        if (roll(4) == 0) wire_.router.answer.profiles.push_back({"cluster", ""});
        for (RouteTarget &target : wire_.router.answer.targets) {
            if (roll(6) == 0) target.lookup = target.request_uri;
        }
    }
    void call(std::size_t phone) {
        route();
        PhoneDialog dialog;
        const std::string number = std::to_string(++calls_);
        dialog.call_id = "c" + number;
        dialog.local_tag = "l" + number;
        dialog.local = "<sip:p@a>;tag=l" + number;
        dialog.remote = "<sip:q@b>";
        std::string text = head(phone, "INVITE", dialog, 1);
        const PhoneDialog *named = roll(4) == 0 ? any_dialog(roll(phones_.size())) : nullptr;
        const bool is_taking = named && !named->remote_tag.empty();
        if (is_taking) taking_.insert(dialog.call_id);
        if (is_taking) text += "Replaces: " + replaces(*named, false) + "\r\n";
        dialogs_[phone][dialog.call_id] = dialog;
        wire_.send(phones_[phone], text + tail(roll(8) == 0 ? std::string() : sdp()));
    }
    void act() {
        const std::size_t phone = roll(phones_.size());
        PhoneDialog *dialog = any_dialog(phone);
        if (!dialog || dialog->remote_tag.empty()) return;
        route();
        static constexpr std::string_view methods[] = {"REFER",  "REFER", "REFER",  "BYE",
                                                       "INVITE", "INFO",  "UPDATE", "NOTIFY"};
        const std::string_view method = methods[roll(is_quiet_ ? 4 : 8)];
        std::string text = head(phone, method, *dialog, ++dialog->cseq);
        std::string body;
        if (method == "REFER") {
            const PhoneDialog *named = roll(2) == 0 ? any_dialog(phone) : nullptr;
            const bool is_attended = named && !named->remote_tag.empty();
            text +=
                "Refer-To: <sip:x@c" + (is_attended ? "?Replaces=" + replaces(*named, true) : std::string()) + ">\r\n";
            referred_[dialog->call_id] = is_attended;
        } else if (method == "INVITE" || method == "UPDATE") {
            if (roll(6) != 0) body = sdp();
        }
        if (method == "BYE") {
            note_down(dialog->call_id, dialog->local_tag);
            dialogs_[phone].erase(std::string(dialog->call_id));
        }
        wire_.send(phones_[phone], text + tail(body));
    }
    // Legs that are up for a phone, by Call-ID and its tag: those that it has answered, and whose answer it got.
    void note_taken(const Message &message) {
        const bool is_answer =
            !message.is_request() && message.method() == Method::invite && message.status() / 100 == 2;
        if (is_answer) note_up(message.call_id(), message.from_tag());
        if (message.is_request() && message.method() == Method::bye) note_down(message.call_id(), message.to_tag());
    }
    void note_up(std::string_view call_id, std::string_view tag) {
        const auto name = std::string(call_id) + " " + std::string(tag);
        if (!down_.contains(name)) up_.insert(name);
    }
    void note_down(std::string_view call_id, std::string_view tag) {
        const auto name = std::string(call_id) + " " + std::string(tag);
        up_.erase(name);
        down_.insert(name);
    }
    void take_rest() {
        for (const Endpoint &phone : phones_) {
            while (auto message = wire_.try_take(phone, "")) note_taken(*message);
        }
    }
    // What waits for some phone is answered, or lost.
    void take_one() {
        const std::size_t phone = roll(phones_.size());
        auto message = wire_.try_take(phones_[phone], "");
        if (message) note_taken(*message);
        if (!message || (!is_quiet_ && roll(12) == 0)) return;
        if (message->is_request()) {
            answer(phone, *message);
        } else if (message->method() == Method::invite) {
            on_response(phone, *message);
        }
    }
    void answer(std::size_t phone, const Message &request) {
        const Method method = request.method();
        if (method == Method::ack) return;
        const std::string call_id(request.call_id());
        if (method == Method::notify && request.body().substr(0, 11) == "SIP/2.0 200") {
            ++(referred_[call_id] ? attended_ : transferred_);
        }
        if (method == Method::invite) {
            auto &dialogs = dialogs_[phone];
            const bool is_new = request.to_tag().empty();
            const std::string tag = is_new ? "t" + std::to_string(++calls_) : std::string(request.to_tag());
            static constexpr std::string_view lines[] = {"200 OK",   "200 OK",      "200 OK", "200 OK",  "180 Ringing",
                                                         "486 Busy", "491 Pending", "503 No", "481 Gone"};
            std::string_view line = lines[roll(is_quiet_ && roll(4) != 0 ? 5 : 9)];
            if (has_host_ && roll(6) == 0) {
                static constexpr std::string_view odd[] = {"488 Not This",    "606 Not At All",  "421 Want 100rel",
                                                           "422 Too Short",   "302 Elsewhere",   "401 Who",
                                                           "183 Early Media", "183 Early Media", "500 Busy"};
                line = odd[roll(std::size(odd))];
            }
            if (is_new && line < "3") {
                PhoneDialog dialog;
                dialog.call_id = call_id;
                dialog.local_tag = tag;
                dialog.remote_tag = request.from_tag();
                dialog.local = std::string(request.value(Header::to)) + ";tag=" + tag;
                dialog.remote = request.value(Header::from);
                dialogs[call_id] = dialog;
            }
            // Its first final answer counts.
            const std::string asked = call_id + " " + std::to_string(request.cseq());
            const bool is_first = line.starts_with("1") || answered_.insert(asked).second;
            if (is_new && is_first && line.starts_with("2")) note_up(call_id, tag);
            const bool is_late = request.body().empty();
            const bool is_early = line.starts_with("183");
            const bool has_body = is_early || (line == "200 OK" && (is_late || roll(10) != 0));
            wire_.send(phones_[phone],
                       TwoPhones::answer(request, line, tag, lines_of(line), has_body ? sdp() : std::string()));
            if (line.starts_with("1") && roll(3) != 0) {
                const bool is_taken = roll(3) != 0;
                if (answered_.insert(asked).second && is_new && is_taken) note_up(call_id, tag);
                wire_.send(phones_[phone], TwoPhones::answer(request, is_taken ? "200 OK" : "603 No", tag, {}, sdp()));
            }
            return;
        }
        if (method == Method::bye) dialogs_[phone].erase(call_id);
        wire_.send(phones_[phone], TwoPhones::answer(request, roll(10) == 0 ? "481 Gone" : "200 OK", "x"));
    }
    // What such an answer has beside.
    std::string lines_of(std::string_view line) {
        if (line.starts_with("302")) return "Contact: <sip:y@" + address(roll(4)) + ">\r\n";
        if (line.starts_with("421")) return "Require: 100rel\r\n";
        return line.starts_with("422") ? "Min-SE: 600\r\n" : "";
    }
    void on_response(std::size_t phone, const Message &response) {
        auto &dialogs = dialogs_[phone];
        const auto found = dialogs.find(std::string(response.call_id()));
        if (found == dialogs.end() || response.status() < 180) return;
        PhoneDialog &dialog = found->second;
        if (response.status() < 300 && dialog.remote_tag.empty()) {
            dialog.remote_tag = response.to_tag();
            dialog.remote = response.value(Header::to);
        }
        if (response.status() < 200) return;
        if (response.status() == 200 && taking_.erase(dialog.call_id) != 0) ++replaced_;
        wire_.send(phones_[phone], head(phone, "ACK", dialog, response.cseq()) + tail(roll(4) == 0 ? sdp() : ""));
    }

    TwoPhones wire_;
    SeededRandom random_;
    bool is_quiet_;
    bool has_host_;
    std::set<CommandId> commands_; // at work
    std::vector<Question> questions_;
    std::vector<PlaceRequest> places_;
    std::vector<Lookup> lookups_;
    std::size_t deaths_ = 0;
    std::set<std::string> up_;
    std::set<std::string> down_;
    std::set<std::string> answered_;
    std::array<std::size_t, 5> begun_{};
    std::array<std::size_t, 5> succeeded_{};
    std::vector<Endpoint> phones_;
    std::map<std::size_t, std::map<std::string, PhoneDialog>> dialogs_;
    std::uint64_t branch_ = 0;
    std::uint64_t calls_ = 0;
    std::map<std::string, bool> referred_; // by Call-ID: with Replaces?
    std::set<std::string> taking_;
    std::size_t transferred_ = 0;
    std::size_t attended_ = 0;
    std::size_t replaced_ = 0;
};

} // namespace

TEST_CASE("transfer: whatever phones do, and in whatever order, nothing is left and each counted set has one record") {
    std::size_t calls = 0;
    std::size_t transferred = 0;
    std::size_t attended = 0;
    std::size_t replaced = 0;
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
        CAPTURE(seed);
        Party party(seed, seed % 2 == 0);
        party.run(150);
        party.end();
        calls += party.calls();
        transferred += party.transferred();
        attended += party.attended();
        replaced += party.replaced();
    }
    CHECK(calls > 1000);
    // It comes to all of it.
    CHECK(transferred > 20);
    CHECK(attended > 20);
    CHECK(replaced > 20);
}

TEST_CASE(
    "command: whatever phones do meanwhile, each command ends once, and nothing is left but one record for each set "
    "that counts") {
    constexpr std::array kinds = {CommandKind::hold, CommandKind::resume, CommandKind::transfer, CommandKind::join,
                                  CommandKind::start};
    std::array<std::size_t, kinds.size()> begun{};
    std::array<std::size_t, kinds.size()> succeeded{};
    for (std::uint64_t seed = 1; seed <= 600; ++seed) {
        CAPTURE(seed);
        Party party(seed, seed % 2 == 0, true);
        party.run(150);
        party.end();
        for (std::size_t i = 0; i < kinds.size(); ++i) {
            begun[i] += party.begun(kinds[i]);
            succeeded[i] += party.succeeded(kinds[i]);
        }
    }
    for (std::size_t i = 0; i < kinds.size(); ++i) {
        CAPTURE(i);
        CHECK(begun[i] > 20);
        CHECK(succeeded[i] > 10);
    }
}
