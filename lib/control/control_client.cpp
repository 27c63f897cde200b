#include "control/control_client.hpp"
#include <algorithm>
#include <utility>
#include "base/token.hpp"
#include "control/answer.hpp"
#include "net/system_clock.hpp"

namespace tandem {
namespace {

// Whether the server is at fault, and not the question: what a caller can bring about with odd names and numbers, as a
// 500 or an answer that is none, must not shut the server out for all others.
bool is_outage(const HttpAnswer &answer) {
    if (answer.error != HttpError::none) return answer.error != HttpError::too_large;
    return answer.status >= 502 && answer.status <= 504; // of a gateway before it
}

std::string why_not(const HttpAnswer &answer) {
    return answer.error != HttpError::none ? answer.detail : "its HTTP status is " + std::to_string(answer.status);
}

} // namespace

Result<std::unique_ptr<ControlClient>, Failure> ControlClient::open(const ControlOptions &options, Loop &loop,
                                                                    Random &random, ControlListener &listener) {
    auto http = HttpClient::open(loop, options.http);
    if (!http) return http.error();
    std::unique_ptr<ControlClient> client(new ControlClient(options, loop, random, listener));
    client->http_ = std::move(*http);
    return client;
}

ControlClient::ControlClient(const ControlOptions &options, Loop &loop, Random &random, ControlListener &listener)
    : options_(options), loop_(loop), random_(random), listener_(listener),
      servers_(options.urls.size(), static_cast<std::size_t>(random.next() >> 1), options.breaker),
      cache_(options.cache) {}

void ControlClient::ask(const Question &question) {
    const Instant now = SystemClock::now();
    ++statistics_.asked;
    Pending &pending = pending_[question.id];
    pending.text = to_json_text(question);
    pending.deadline = now + options_.timeout;
    if (auto known = cache_.find(pending.text.key, now)) {
        ++statistics_.cached;
        return finish_later(question.id, std::move(known));
    }
    std::string key;
    append_token(random_, key);
    append_token(random_, key);
    pending.headers = {"Content-Type: application/json", "Accept: application/json", "Idempotency-Key: " + key};
    if (!try_next(question.id, pending, now)) finish_later(question.id, nullptr);
}

void ControlClient::withdraw(QuestionId question) {
    const auto found = pending_.find(question);
    if (found == pending_.end()) return;
    ++statistics_.aborted;
    if (found->second.request) {
        http_->abort(found->second.request);
        if (found->second.is_probe) servers_.breaker(found->second.tried.back()).note_nothing();
    }
    pending_.erase(found);
}

// False: there is nobody left to ask.
bool ControlClient::try_next(QuestionId id, Pending &pending, Instant now) {
    pending.request = {};
    const auto server = now < pending.deadline ? servers_.choose(pending.tried, now) : std::nullopt;
    if (!server) return false;
    pending.tried.push_back(*server);
    pending.is_probe = servers_.breaker(*server).state() == CircuitBreaker::State::half_open;
    HttpPost request{.url = options_.urls[*server], .body = pending.text.body, .headers = pending.headers};
    request.deadline = pending.deadline;
    request.connect_timeout = connect_timeout(pending, now);
    pending.request =
        http_->post(std::move(request), [this, id](HttpAnswer answer) { on_answer(id, std::move(answer)); });
    return true;
}

// One that does not even connect leaves time for the others.
Duration ControlClient::connect_timeout(const Pending &pending, Instant now) const {
    const auto left = static_cast<std::int64_t>(servers_.size() - pending.tried.size() + 1);
    return left > 1 ? (pending.deadline - now) / left : Duration::zero();
}

void ControlClient::on_answer(QuestionId id, HttpAnswer answer) {
    const auto found = pending_.find(id);
    if (found == pending_.end()) return;
    const Instant now = SystemClock::now();
    note_health(found->second, answer, now);
    // Once a question has gone somewhere it goes nowhere else: two servers might both count a call.
    if (answer.error == HttpError::not_connected && try_next(id, found->second, now)) return;
    if (answer.error == HttpError::none) return decide(id, answer);
    if (answer.error == HttpError::too_large) {
        listener_.on_wrong_answer(to_log_url(options_.urls[found->second.tried.back()]), answer.detail);
    }
    finish(id, nullptr, {}, 0);
}

// While one question tries a server, those from before say nothing, unless it has answered them.
void ControlClient::note_health(const Pending &pending, const HttpAnswer &answer, Instant now) {
    const std::size_t server = pending.tried.back();
    CircuitBreaker &breaker = servers_.breaker(server);
    const bool has_failed = is_outage(answer);
    const bool is_old = breaker.state() == CircuitBreaker::State::half_open && !pending.is_probe;
    if (is_old && has_failed) return;
    if (answer.error == HttpError::not_sent) return breaker.note_nothing();
    const bool has_changed = has_failed ? breaker.note_failure(now) : breaker.note_success();
    if (!has_changed) return;
    const std::string why = has_failed ? why_not(answer) : std::string();
    listener_.on_server_change(to_log_url(options_.urls[server]), !has_failed, servers_.has_closed(), why);
}

void ControlClient::decide(QuestionId id, const HttpAnswer &http) {
    auto answer = read_answer(http.status, http.body);
    if (answer) {
        auto decision = std::make_shared<const Decision>(std::move(answer->decision));
        return finish(id, decision, answer->cache, http.body.size());
    }
    listener_.on_wrong_answer(to_log_url(options_.urls[pending_.at(id).tried.back()]), answer.error().detail);
    finish(id, nullptr, {}, 0);
}

void ControlClient::finish(QuestionId id, const std::shared_ptr<const Decision> &decision, Duration cache,
                           std::size_t size) {
    const auto found = pending_.find(id);
    if (found == pending_.end()) return;
    Pending pending = std::move(found->second);
    pending_.erase(found);
    const DecisionOutcome outcome = listener_.on_decided(id, decision.get());
    switch (outcome) {
    case DecisionOutcome::allowed: ++statistics_.allowed; break;
    case DecisionOutcome::refused: ++statistics_.refused; break;
    case DecisionOutcome::wrong: ++statistics_.failed; break;
    case DecisionOutcome::gone: ++statistics_.aborted; break;
    }
    const bool is_good = outcome == DecisionOutcome::allowed || outcome == DecisionOutcome::refused;
    if (decision && outcome == DecisionOutcome::wrong) {
        // Of the cache it could be done when it came: a reload has taken away what it names.
        cache_.forget(pending.text.key);
        const std::string who = pending.tried.empty() ? "the cache" : to_log_url(options_.urls[pending.tried.back()]);
        listener_.on_wrong_answer(who, "it asks for what can not be done");
    }
    if (!is_good || cache <= Duration::zero()) return;
    cache_.keep(std::move(pending.text.key), decision, size, cache, SystemClock::now());
}

void ControlClient::finish_later(QuestionId id, std::shared_ptr<const Decision> decision) {
    loop_.post([this, life = std::weak_ptr(life_), id, decision = std::move(decision)] {
        if (!life.expired()) finish(id, decision, {}, 0);
    });
}

} // namespace tandem
