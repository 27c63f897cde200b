// Two users' phones and a Registrar: REGISTERs with credentials right and wrong, and changed on the way; connections
// that end, time that passes, restarts. What it says it has bound is what a store would have, a refusal changes
// nothing, and nobody gets in but by the password and once. The input has a step a line: programs.md.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include "auth/credentials.hpp"
#include "auth/digest_server.hpp"
#include "base/assert.hpp"
#include "base/random.hpp"
#include "fuzz/edit.hpp"
#include "fuzz/line.hpp"
#include "registrar/address_of_record.hpp"
#include "registrar/contact.hpp"
#include "registrar/registrar.hpp"
#include "sip/message.hpp"
#include "sip/writer.hpp"

using namespace tandem;
using namespace tandem::test;

namespace {

using Bindings = std::vector<BindingRecord>;

const std::string realm = "example.com";
constexpr std::size_t all = 1'000'000;

std::string user_of(char letter) { return letter == 'a' ? "alice" : "bob"; }

std::string text_after(const std::string &text, std::string_view begin, char end) {
    const std::size_t at = text.find(begin);
    TANDEM_ASSERT(at != std::string::npos, "a challenge has a nonce");
    return text.substr(at + begin.size(), text.find(end, at + begin.size()) - at - begin.size());
}

// From the phone itself: what is behind a proxy has the proxy's.
bool is_over_connection(const BindingRecord &binding) {
    return is_reliable(binding.flow.transport) && binding.path.empty() && (binding.is_direct || binding.reg_id != 0);
}

// The rows of a store, which sees what is over by its version.
class Rows {
public:
    void save(const BindingRecord &record) {
        TANDEM_ASSERT(record.id != 0 && record.id >> 63 == 0, "an id is a positive number of 64 bits");
        const auto [row, is_new] = rows_.try_emplace(record.id, record);
        if (is_new) return;
        TANDEM_ASSERT(!row->second.is_over, "what is over stays so");
        TANDEM_ASSERT(record.version > row->second.version, "a change has a higher version");
        TANDEM_ASSERT(record.aor == row->second.aor, "a binding stays with its user");
        row->second = record;
    }
    Bindings alive() const {
        Bindings alive;
        for (const auto &[id, record] : rows_) {
            if (!record.is_over) alive.push_back(record);
        }
        return alive;
    }

    // A connection is gone, or all of them: what is no flow of outbound stays, and knows no more where it was.
    void forget_connection(const std::optional<Endpoint> &flow) {
        for (auto &[id, record] : rows_) {
            const bool is_meant = !flow || record.flow == *flow;
            if (is_meant && is_over_connection(record) && record.reg_id == 0) record.flow.port = 0;
        }
    }

private:
    std::map<std::uint64_t, BindingRecord> rows_;
};

Bindings by_id(Bindings bindings) {
    std::sort(bindings.begin(), bindings.end(),
              [](const BindingRecord &a, const BindingRecord &b) { return a.id < b.id; });
    return bindings;
}

// Nobody's response counts but one that a phone has made of its password, and that one once.
class Credentials {
public:
    explicit Credentials(DigestServer &digest) : digest_(digest) {}

    // A header line, for a nonce that is fresh.
    std::string make(const std::string &user, const std::string &password, DigestAlgorithm algorithm, Instant now) {
        const std::string uri = "sip:" + realm;
        DigestCredentials credentials;
        credentials.username = user;
        credentials.realm = realm;
        credentials.nonce = text_after(digest_.challenge(false, false, now), "nonce=\"", '"');
        credentials.uri = uri;
        credentials.cnonce = "0a4f113b";
        credentials.algorithm = algorithm;
        credentials.qop = Qop::auth;
        credentials.nc = 1;
        const std::string ha1 = digest_ha1(algorithm, user, realm, password);
        credentials.response = digest_response({.algorithm = algorithm,
                                                .ha1 = ha1,
                                                .nonce = credentials.nonce,
                                                .cnonce = credentials.cnonce,
                                                .nc = credentials.nc,
                                                .qop = credentials.qop,
                                                .method = "REGISTER",
                                                .uri = uri});
        if (password == password_of(user)) made_[credentials.response] = user;
        std::string line = "Authorization: ";
        append_credentials(credentials, line);
        return line + "\r\n";
    }

    void check_accepted(const Message &request) {
        for (const HeaderLine &line : request.headers()) {
            if (line.id != Header::authorization) continue;
            const auto read = read_credentials(line.value);
            if (!read || read->realm != realm) continue;
            const auto made = made_.find(read->response);
            TANDEM_ASSERT(made != made_.end(), "nobody else knows the password");
            TANDEM_ASSERT(accepted_.insert(read->response).second, "nothing is accepted twice");
            const auto aor = address_of_record(request.to_uri());
            TANDEM_ASSERT(aor == made->second + "@" + realm, "and it is his own address");
            return;
        }
        TANDEM_ASSERT(false, "nobody registers without credentials");
    }

    static std::string password_of(const std::string &user) { return user == "alice" ? "wonderland" : "builder"; }

private:
    DigestServer &digest_;
    std::map<std::string, std::string> made_; // response, and whose it is
    std::set<std::string> accepted_;
};

class Home {
public:
    void play(std::string_view input) {
        Line first(input);
        if (first.take('o')) choose(Line(take_line(input)));
        restart();
        while (!input.empty()) {
            const std::string_view text = take_line(input);
            if (text == ":") {
                take_raw(input);
            } else {
                act(Line(text));
            }
            check_all();
        }
        now_ += std::chrono::hours(2);
        registrar_->advance(now_);
        check_all();
        TANDEM_ASSERT(registrar_->statistics().bindings == 0, "every binding ends");
    }

private:
    void choose(Line letters) {
        letters.letter();
        for (char letter = letters.letter(); letter != '\0'; letter = letters.letter()) {
            const std::uint32_t number = letters.number(64);
            if (letter == 'c') options_.contacts_max = number;
            if (letter == 'b') options_.binding_max = number;
        }
    }

    void act(Line line) {
        switch (const char letter = line.letter()) {
        case 'a':
        case 'b': send(letter, line); break;
        case '+': lines_.append(line.rest()).append("\r\n"); break;
        case 't': to_ = line.rest(); break;
        case 'm': edits_.emplace_back(line.rest()); break;
        case 'w': wait(std::chrono::milliseconds(line.number(50'000'000))); break;
        case 'j': now_ += std::chrono::milliseconds(line.number(50'000'000)); break; // and nobody notices
        case 'x': lose(flow(line.number(7))); break;
        case 'l':
            options_.contacts_max = line.number(64);
            registrar_->change(options_);
            break;
        case 's': restart(); break;
        default: break;
        }
    }

    // Behind the letter of the user: r with the right credentials, m the same by MD5, w by a wrong password, o of the
    // other user, p those that were sent last. fN from flow N, kN with Call-ID N, qN with this CSeq, v through a proxy.
    void send(char user, Line line) {
        std::uint32_t call = 0;
        std::uint32_t number = 0;
        std::uint32_t cseq = ++cseq_;
        std::string_view proxy;
        std::string authorization;
        for (char letter = line.letter(); letter != '\0'; letter = line.letter()) {
            const std::string name = user_of(letter == 'o' ? user ^ 'a' ^ 'b' : user);
            const std::string password = letter == 'w' ? "guess" : Credentials::password_of(name);
            const auto algorithm = letter == 'm' ? DigestAlgorithm::md5 : DigestAlgorithm::sha_256;
            switch (letter) {
            case 'r':
            case 'm':
            case 'w':
            case 'o': authorization = credentials_->make(name, password, algorithm, now_); break;
            case 'p': authorization = last_; break;
            case 'f': number = line.number(7); break;
            case 'k': call = line.number(9); break;
            case 'q': cseq = line.number(0xffffffff); break;
            case 'v': proxy = "Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK0\r\n"; break;
            default: break;
            }
        }
        if (!authorization.empty()) last_ = authorization;
        const std::string to = to_.empty() ? "sip:" + user_of(user) + "@" + realm : std::exchange(to_, {});
        std::string bytes = "REGISTER sip:" + realm + " SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bK1\r\n";
        bytes.append(proxy).append("From: <").append(to).append(">;tag=1\r\nTo: <").append(to);
        bytes.append(">\r\nCall-ID: c").append(std::to_string(call)).append("\r\nCSeq: ").append(std::to_string(cseq));
        bytes.append(" REGISTER\r\n").append(std::exchange(lines_, {})).append(authorization).append("\r\n");
        for (const std::string &what : std::exchange(edits_, {})) edit(bytes, what);
        take(bytes, flow(number));
    }

    // A request as it stands, up to a line ".". A line "$" in it is the right credentials of alice.
    void take_raw(std::string_view &input) {
        std::string bytes;
        while (!input.empty()) {
            const std::string_view line = take_line(input);
            if (line == ".") break;
            if (line == "$") {
                bytes += credentials_->make("alice", "wonderland", DigestAlgorithm::sha_256, now_);
            } else {
                bytes.append(line).append("\r\n");
            }
        }
        take(bytes, flow(0));
    }

    void take(const std::string &bytes, const Endpoint &source) {
        const auto request = Message::parse(bytes);
        // What has a defect, or is none, is answered before it gets as far as this.
        if (!request || !request->is_request() || request->defect_status() != 0) return;
        const Bindings before = by_id(registrar_->list("", all));
        const std::string aor = address_of_record(request->to_uri()).value_or("");
        const std::size_t of_user = registrar_->bindings_of(aor, now_).size();
        RegisterAnswer answer = registrar_->check(*request, now_);
        TANDEM_ASSERT(answer.changes.empty(), "a check changes nothing");
        TANDEM_ASSERT(by_id(registrar_->list("", all)) == before, "a check changes nothing");
        if (answer.status == 0) {
            credentials_->check_accepted(*request);
            answer = registrar_->apply(*request, source, now_, now_);
        }
        check_answer(*request, answer);
        for (const BindingRecord &record : answer.changes) {
            TANDEM_ASSERT(record.aor == aor, "only bindings of the user change");
            rows_.save(record);
        }
        save_ended();
        const Bindings bindings = registrar_->bindings_of(aor, now_);
        const std::size_t most = std::clamp<std::size_t>(options_.contacts_max, 1, 32);
        TANDEM_ASSERT(bindings.size() <= std::max(most, of_user), "bindings of a user have a limit");
        if (answer.status == 200) return check_contacts(answer.headers, bindings);
        TANDEM_ASSERT(answer.status >= 400 && answer.changes.empty(), "a refusal changes nothing");
        Bindings kept = before;
        std::erase_if(kept, [&](const BindingRecord &record) { return record.expires <= now_; });
        Bindings left = by_id(registrar_->list("", all));
        std::erase_if(left, [&](const BindingRecord &record) { return record.expires <= now_; });
        TANDEM_ASSERT(kept == left, "a refusal changes nothing");
    }

    static void check_answer(const Message &request, const RegisterAnswer &answer) {
        std::string written;
        write_response(written, request, answer.status, answer.reason, "ours", answer.headers);
        const auto read = Message::parse(written);
        TANDEM_ASSERT(read && read->defect_status() == 0, "an answer is well-formed");
        const auto lines = static_cast<std::size_t>(std::count(answer.headers.begin(), answer.headers.end(), '\n'));
        TANDEM_ASSERT(read->headers().size() == request.via_count() + 5 + lines, "no line is smuggled into an answer");
        TANDEM_ASSERT(written.size() < 65'000, "an answer fits into a datagram");
    }

    // A phone reads there what is bound.
    void check_contacts(const std::string &headers, const Bindings &bindings) const {
        std::size_t count = 0;
        for (std::string_view rest = headers; !rest.empty();) {
            const std::size_t end = rest.find("\r\n");
            TANDEM_ASSERT(end != std::string_view::npos, "a line ends");
            std::string_view line = rest.substr(0, end);
            rest.remove_prefix(end + 2);
            if (!line.starts_with("Contact: ")) continue;
            line.remove_prefix(9);
            TANDEM_ASSERT(count < bindings.size(), "a Contact is a binding");
            const BindingRecord &binding = bindings[count++];
            const auto contact = read_contact(line);
            TANDEM_ASSERT(contact && contact->text == binding.contact && contact->q == binding.q &&
                              contact->instance == binding.instance && contact->reg_id == binding.reg_id,
                          "the answer says what is bound");
            const Duration left = binding.expires - now_;
            TANDEM_ASSERT(contact->expires && left <= std::chrono::seconds(*contact->expires) &&
                              left > std::chrono::seconds(*contact->expires) - std::chrono::seconds(1),
                          "and for how long");
            TANDEM_ASSERT(left <= options_.max_expires, "which has a limit");
        }
        TANDEM_ASSERT(count == bindings.size(), "all that is bound is said");
    }

    void wait(Duration span) {
        const Instant until = now_ + span;
        for (auto next = registrar_->next_deadline(); next && *next <= until; next = registrar_->next_deadline()) {
            now_ = std::max(now_, *next);
            registrar_->advance(now_);
            const auto later = registrar_->next_deadline();
            TANDEM_ASSERT(!later || *later > now_, "advance() does all that is due");
        }
        now_ = until;
        registrar_->advance(now_);
    }

    void lose(const Endpoint &flow) {
        registrar_->on_flow_lost(flow, now_);
        rows_.forget_connection(flow);
    }

    // Another process with the same store.
    void restart() {
        random_.emplace(++seed_);
        digest_.emplace(DigestServerOptions{.realm = realm}, *random_);
        digest_->replace_users({{"alice", "wonderland"}, {"bob", "builder"}});
        credentials_.emplace(*digest_);
        options_.domains = {realm};
        options_.event_max = 4;
        registrar_.emplace(options_, *digest_, *random_);
        const Bindings stored = rows_.alive();
        rows_.forget_connection({});
        Bindings expected = rows_.alive();
        std::erase_if(expected, [&](const BindingRecord &record) {
            return record.expires <= now_ || (is_over_connection(record) && record.reg_id != 0);
        });
        for (const BindingRecord &record : stored) registrar_->load(record, now_);
        TANDEM_ASSERT(by_id(registrar_->list("", all)) == expected, "a restart keeps what is in force");
        loaded_ = expected.size();
        ended_at_load_ = stored.size() - expected.size();
    }

    void save_ended() {
        registrar_->drain_changes([&](const BindingRecord &record) {
            TANDEM_ASSERT(record.is_over, "what changes by itself is over");
            rows_.save(record);
        });
    }

    void check_all() {
        save_ended();
        const Bindings listed = registrar_->list("", all);
        TANDEM_ASSERT(by_id(listed) == rows_.alive(), "what is bound is in the store, and nothing else");
        check_statistics(listed.size());
        std::size_t alive = 0;
        for (const char user : {'a', 'b'}) alive += check_user(user_of(user) + "@" + realm);
        const auto in_force = std::count_if(listed.begin(), listed.end(),
                                            [&](const BindingRecord &record) { return record.expires > now_; });
        TANDEM_ASSERT(alive == static_cast<std::size_t>(in_force), "bindings are of users");
        for (const BindingRecord &record : listed) {
            TANDEM_ASSERT(registrar_->next_deadline() <= record.expires, "its end is waited for");
        }
    }

    void check_statistics(std::size_t size) {
        const RegistrarStatistics statistics = registrar_->statistics();
        TANDEM_ASSERT(statistics.bindings == size, "the number is that of the bindings");
        TANDEM_ASSERT(statistics.changes_lost == 0, "there was room for all changes");
        TANDEM_ASSERT(size <= std::max<std::size_t>(options_.binding_max, loaded_), "bindings of all have a limit");
        TANDEM_ASSERT(statistics.added + loaded_ + ended_at_load_ ==
                          statistics.removed + statistics.expired + statistics.lost + size,
                      "what has come is there, or has gone");
        std::size_t events = 0;
        for (BindingEvent event; registrar_->next_event(event); ++events) {
            const bool is_begin = event.kind == BindingEventKind::added || event.kind == BindingEventKind::refreshed;
            TANDEM_ASSERT(event.binding.is_over != is_begin, "an event says what has become of it");
        }
        TANDEM_ASSERT(events <= options_.event_max, "events that wait have a limit");
    }

    // How many bindings of his are in force: a call finds those, and each phone once.
    std::size_t check_user(const std::string &aor) const {
        std::map<std::uint64_t, BindingRecord> bindings;
        for (const BindingRecord &record : registrar_->bindings_of(aor, now_)) {
            TANDEM_ASSERT(record.expires > now_ && record.aor == aor, "what is over is no binding");
            const bool is_gone = record.flow.port == 0;
            TANDEM_ASSERT(is_gone || !record.is_direct || registrar_->is_flow_of(aor, record.flow, now_),
                          "its flow is known");
            bindings.emplace(record.id, record);
        }
        const std::size_t size = bindings.size();
        std::set<std::string> instances;
        std::uint16_t q = 1000;
        const auto take = [&](const BindingRoute &route, const std::string *instance) {
            const auto found = bindings.find(route.id);
            TANDEM_ASSERT(found != bindings.end(), "a call goes to what is bound, once");
            const std::string of = found->second.instance;
            TANDEM_ASSERT(!instance || of == *instance, "a spare flow is one of the same phone");
            TANDEM_ASSERT(route.contact.find('?') == std::string::npos, "a Request-URI has no headers");
            bindings.erase(found);
            return of;
        };
        for (const BindingTarget &target : registrar_->find(aor, now_)) {
            TANDEM_ASSERT(target.q <= q, "the best is first");
            q = target.q;
            const std::string instance = take(target.route, nullptr);
            TANDEM_ASSERT(instance.empty() || instances.insert(instance).second, "a phone is one target");
            for (const BindingRoute &spare : target.spares) take(spare, &instance);
        }
        TANDEM_ASSERT(bindings.empty(), "a call goes to all that is bound");
        return size;
    }

    static Endpoint flow(std::uint32_t number) {
        constexpr Transport transports[] = {Transport::udp, Transport::tcp, Transport::tls};
        return {*IpAddress::parse("192.0.2.1"), static_cast<std::uint16_t>(5060 + number), transports[number % 3], 0};
    }

    Instant now_ = at_ms(1000);
    RegistrarOptions options_;
    std::uint64_t seed_ = 0;
    std::optional<SeededRandom> random_;
    std::optional<DigestServer> digest_;
    std::optional<Credentials> credentials_;
    std::optional<Registrar> registrar_;
    Rows rows_;
    std::size_t loaded_ = 0;        // bindings of the process before
    std::size_t ended_at_load_ = 0; // which were over when it was read
    std::uint32_t cseq_ = 0;
    std::string last_; // credentials
    // Of the next REGISTER:
    std::string lines_;
    std::string to_;
    std::vector<std::string> edits_;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    Home().play({reinterpret_cast<const char *>(data), size});
    return 0;
}
