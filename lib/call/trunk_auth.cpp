// Challenges (401, 407) of a trunk that we have an account with: the request goes again with credentials, and nobody
// on the other leg hears of it (RFC 3261 section 22). One place for requests of every kind.
#include "call/trunk_auth.hpp"
#include <algorithm>
#include <utility>
#include <vector>
#include "base/text.hpp"
#include "call/b2bua.hpp"
#include "trunk/digest_headers.hpp"

namespace tandem {
namespace {

std::string_view uri_of(std::string_view request) {
    const std::size_t begin = request.find(' ') + 1;
    return request.substr(begin, request.find(' ', begin) - begin);
}

std::string_view body_of(std::string_view request) {
    const std::size_t end = request.find("\r\n\r\n");
    return end == std::string_view::npos ? std::string_view() : request.substr(end + 4);
}

bool is_line_of(std::string_view line, std::string_view name) {
    return line.size() > name.size() && line[name.size()] == ':' &&
           equals_ignoring_case(line.substr(0, name.size()), name);
}

void append_via(std::string_view line, std::string_view branch, std::string &out) {
    constexpr std::string_view param = ";branch=";
    const std::size_t begin = std::min(line.find(param), line.size() - 2);
    const std::size_t end = line.find_first_of(";,\r", std::min(begin + param.size(), line.size() - 2));
    out.append(line.substr(0, begin)).append(param).append(branch).append(line.substr(end));
}

// A request that we have written, as it goes again.
std::string with_credentials(std::string_view sent, std::string_view branch, std::uint32_t cseq,
                             std::string_view credentials) {
    std::string out;
    out.reserve(sent.size() + credentials.size() + branch.size());
    const std::size_t end = sent.find("\r\n\r\n") + 2;
    bool has_via = false; // only the first one is ours
    for (std::size_t at = 0; at < end;) {
        const std::size_t next = sent.find("\r\n", at) + 2;
        const std::string_view line = sent.substr(at, next - at);
        at = next;
        if (is_line_of(line, "Authorization") || is_line_of(line, "Proxy-Authorization")) continue;
        if (!has_via && is_line_of(line, "Via")) {
            has_via = true;
            append_via(line, branch, out);
        } else if (is_line_of(line, "CSeq")) {
            out.append("CSeq: ").append(std::to_string(cseq)).append(line.substr(line.rfind(' '))).append(credentials);
        } else {
            out.append(line);
        }
    }
    return out.append(sent.substr(end));
}

// The same for one that goes for the first time.
std::string with_credentials(std::string_view request, std::string_view credentials) {
    const std::size_t end = request.find("\r\n", request.find("\r\nCSeq: ") + 2) + 2;
    std::string out;
    out.reserve(request.size() + credentials.size());
    return out.append(request.substr(0, end)).append(credentials).append(request.substr(end));
}

bool is_last_notify(std::string_view notify) {
    return notify.find("\r\nSubscription-State: terminated") != std::string_view::npos;
}

} // namespace

std::shared_ptr<DigestClient> TrunkClients::find(std::string_view trunk,
                                                 const std::shared_ptr<const Account> &account) {
    if (!account) return nullptr;
    const auto found = entries_.find(std::string(trunk));
    if (found != entries_.end() && (found->second.account == account || *found->second.account == *account)) {
        found->second.account = account;
        return found->second.client;
    }
    // Of trunks that the configuration has no more nobody else knows the account.
    std::erase_if(entries_, [](const auto &entry) { return entry.second.account.use_count() == 1; });
    auto client = std::make_shared<DigestClient>(*account, random_);
    entries_.insert_or_assign(std::string(trunk), Entry{account, client});
    return client;
}

// Null: the request goes to somebody else. Contacts and routes name whom they like, and he could try passwords on what
// he gets, or challenge us himself.
std::shared_ptr<LegAccount> B2bua::account_for(Leg &leg, const Endpoint &to) {
    if (leg.local == Side::caller) return is_at_trunk(leg.account.get(), to) ? leg.account : nullptr;
    if (leg.peer.ip != to.ip) return nullptr; // whoever has called us from elsewhere is not the trunk
    const auto known = router_.account_at(to);
    if (!known) return nullptr;
    auto client = trunk_clients_.find(known->trunk, known->account);
    const bool is_same = leg.account && leg.account->client == client;
    if (!is_same) leg.account = std::make_shared<LegAccount>(LegAccount{.client = std::move(client)});
    return leg.account;
}

bool B2bua::is_at_trunk(const LegAccount *account, const Endpoint &to) {
    if (!account || to.ip == account->home) return account;
    const auto known = router_.account_at(to);
    return known && trunk_clients_.find(known->trunk, known->account) == account->client;
}

// An ACK for a 2xx has those of its INVITE (RFC 3261 section 22.1).
void B2bua::repeat_credentials(Leg &leg, WrittenRequest &ack) {
    const auto account = account_for(leg, ack.to);
    if (account) add_credentials(account->invite_lines, ack);
}

void B2bua::add_credentials(std::string_view lines, WrittenRequest &request) {
    if (!lines.empty()) request.bytes = SharedBytes(with_credentials(request.bytes.view(), lines));
}

// Ahead of a challenge, where a nonce is known.
void B2bua::authorize(LegAccount *account, Method method, SharedBytes &request) {
    if (!account) return;
    if (method == Method::invite) account->invite_lines.clear();
    if (!account->client->knows_challenge()) return;
    const std::string_view text = request.view();
    DigestAttempt ahead; // see DigestTry::attempt
    std::string lines = account->client->authorize(to_string(method), uri_of(text), body_of(text), ahead);
    if (lines.empty()) return;
    request = SharedBytes(with_credentials(text, lines));
    if (method == Method::invite) account->invite_lines = std::move(lines);
}

// No event tells when the forks of an INVITE can answer no more.
void B2bua::note_try(TransactionId request, const std::shared_ptr<LegAccount> &account, const DigestAttempt &attempt,
                     Method method) {
    if (!account) return;
    if (digest_tries_.size() >= tries_max_) {
        std::erase_if(digest_tries_, [&](const auto &kept) { return !transactions_.state(TransactionId(kept.first)); });
        tries_max_ = std::max(tries_min, 2 * digest_tries_.size());
    }
    digest_tries_.insert_or_assign(request.value(),
                                   DigestTry{account, attempt, method == Method::invite ? account->invite_lines : ""});
}

// Whether anybody waits for the answer of this request still. A BYE must get there, whatever is forgotten meanwhile:
// else the other side talks on. Nothing follows it in its dialog.
bool B2bua::is_wanted(const TransactionEvent &challenge) {
    if (challenge.is_cancelled) return false;
    const Message &response = challenge.message;
    const Method method = response.method();
    if (method == Method::bye) return true;
    Call *call = calls_.find(CallId(challenge.owner));
    if (!call || (call->is_ending && method != Method::notify)) return false;
    // Nobody holds a PRACK of our own, nor the NOTIFY that says how a transfer ended.
    if (method == Method::prack || method == Method::notify) {
        const DialogId dialog = tracker_.find(response.call_id(), response.from_tag(), response.to_tag());
        const Leg *leg = call->find_any_leg(dialog);
        if (!leg || leg->bye) return false;
        // What a transfer had come to is told no more when something newer may have been told.
        const bool is_news = method == Method::notify && !is_last_notify(challenge.sent.view());
        return !is_news || tracker_.next_cseq(dialog, leg->local) == response.cseq() + 1;
    }
    return find_holder(*call, challenge.transaction).client;
}

// Where the transaction stands, so that another can take its place.
B2bua::Holder B2bua::find_holder(Call &call, TransactionId client) {
    if (Attempt *attempt = call.find_attempt(client)) return {&attempt->client};
    InviteExchange *invite = call.find_invite(client);
    if (invite && invite->client == client) return {&invite->client, &invite->client_cseq};
    if (OwnInvite *own = call.find_own_invite(client)) return {&own->client, &own->cseq};
    Forward *forward = call.find_forward(client);
    if (forward && forward->client == client) return {&forward->client};
    for (Leg &leg : call.legs) {
        if (leg.bye == client) return {&leg.bye};
        if (leg.timer.update == client) return {&leg.timer.update};
    }
    if (call.transfer && call.transfer->notify == client) return {&call.transfer->notify};
    if (call.released && call.released->notify == client) return {&call.released->notify};
    return {};
}

// True: it goes again, and the response means nothing more. False: it is a refusal like any other.
bool B2bua::retry_challenged(const TransactionEvent &event, Instant now) {
    if (event.sent.empty()) return false;
    const auto tried = digest_tries_.find(event.transaction.value());
    if (tried == digest_tries_.end() || !is_wanted(event)) return false;
    const std::shared_ptr<LegAccount> account = tried->second.account;
    DigestAttempt attempt = tried->second.attempt;
    DigestClient &client = *account->client;
    if (take_challenges(event.message, client, attempt) != ChallengeOutcome::retry) {
        ++statistics_.trunk_refusals;
        return false;
    }
    const std::string_view sent = event.sent.view();
    const std::string_view method = to_string(event.message.method());
    const std::string lines = client.authorize(method, uri_of(sent), body_of(sent), attempt);
    return !lines.empty() && send_again(event, account, lines, attempt, now);
}

// The tracker hears of the challenge, but for that of the first INVITE: it would end the leg.
bool B2bua::send_again(const TransactionEvent &challenge, const std::shared_ptr<LegAccount> &account,
                       std::string_view lines, const DigestAttempt &attempt, Instant now) {
    const Message &response = challenge.message;
    const Method method = response.method();
    Call *call = calls_.find(CallId(challenge.owner));
    Attempt *first = call ? call->find_attempt(challenge.transaction) : nullptr;
    if (!first) static_cast<void>(feed(response, now));
    const DialogId dialog =
        first ? first->leg.dialog : tracker_.find(response.call_id(), response.from_tag(), response.to_tag());
    const DialogSet *set = tracker_.find(dialog);
    const Side local = set ? set->local_side.value_or(Side::caller) : Side::caller;
    const std::string_view fork = local == Side::caller ? response.to_tag() : response.from_tag();
    const std::uint32_t next = tracker_.next_cseq(dialog, local, first ? std::string_view() : fork);
    const std::uint32_t cseq = std::max(next, response.cseq() + 1);
    std::string branch;
    transactions_.append_branch(branch);
    const auto sent = transactions_.send_request(
        {method, branch, SharedBytes(with_credentials(challenge.sent.view(), branch, cseq, lines)), challenge.sent_to,
         challenge.owner, response.call_id(), response.from_tag(), cseq, challenge.host.view()},
        now);
    if (!sent) return false;
    ++statistics_.trunk_retries;
    if (method == Method::invite) account->invite_lines = lines;
    note_try(*sent, account, attempt, method);
    const Holder holder = call ? find_holder(*call, challenge.transaction) : Holder();
    if (holder.client) *holder.client = *sent;
    if (holder.cseq) *holder.cseq = cseq;
    if (first) {
        tracker_.set_invite_cseq(dialog, cseq);
        return true;
    }
    MessageView view;
    view.method = method;
    view.cseq = cseq;
    view.call_id = response.call_id();
    view.from_tag = response.from_tag();
    view.to_tag = response.to_tag();
    view.is_ours = true;
    static_cast<void>(tracker_.feed(view, now));
    return true;
}

// The final response came, or none will.
void B2bua::forget_try(const TransactionEvent &event) {
    const auto tried = digest_tries_.find(event.transaction.value());
    if (tried == digest_tries_.end()) return;
    if (event.kind == TransactionEventKind::response) {
        const Message &response = event.message;
        if (response.status() < 200 || tried->second.is_answered) return;
        take_next_nonces(response, *tried->second.account->client);
        tried->second.is_answered = response.method() == Method::invite && response.status() < 300;
        if (tried->second.is_answered) return;
    }
    digest_tries_.erase(tried);
}

} // namespace tandem
