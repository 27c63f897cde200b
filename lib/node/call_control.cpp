#include "node/call_control.hpp"
#include <fmt/format.h>
#include <utility>
#include "net/system_clock.hpp"

namespace tandem {
namespace {

constexpr Duration wrong_interval = std::chrono::seconds(60); // at most one line about answers in this time

} // namespace

Result<std::unique_ptr<CallControl>, Failure> CallControl::open(const ControlConfig &config, Loop &loop, Random &random,
                                                                Log &log, Decide decide) {
    std::unique_ptr<CallControl> control(new CallControl(loop, log, std::move(decide)));
    if (config.urls.empty()) return control;
    ControlOptions options;
    options.urls = config.urls;
    options.timeout = config.timeout;
    options.http.ca_file = config.ca;
    auto client = ControlClient::open(options, loop, random, *control);
    if (!client) return Failure{client.error().error, "[control] " + client.error().detail};
    control->client_ = std::move(*client);
    return control;
}

CallControl::CallControl(Loop &loop, Log &log, Decide decide) : loop_(loop), log_(log), decide_(std::move(decide)) {}

void CallControl::take_questions(Engine &engine) {
    engine.take_questions(questions_, withdrawn_);
    for (const Question &question : questions_) {
        if (client_) {
            client_->ask(question);
        } else {
            leave_undecided(question.id);
        }
    }
    if (client_) {
        for (const QuestionId question : withdrawn_) client_->withdraw(question);
    }
    questions_.clear();
    withdrawn_.clear();
}

// A reload may bring routes that ask before a restart brings those who are asked.
void CallControl::leave_undecided(QuestionId question) {
    loop_.post([this, life = std::weak_ptr(life_), question] {
        if (!life.expired()) decide_(question, nullptr);
    });
}

DecisionOutcome CallControl::on_decided(QuestionId question, const Decision *decision) {
    return decide_(question, decision);
}

void CallControl::on_server_change(const std::string &url, bool is_asked, bool are_others, const std::string &why) {
    if (is_asked) return log_.info(fmt::format("control: {} is asked again", url));
    log_.warn(fmt::format("control: {} is left alone for now: {}; {}", url, why,
                          are_others ? "the others are asked" : "\"on_failure\" holds for calls"));
}

void CallControl::on_wrong_answer(const std::string &url, const std::string &why) {
    const Instant now = SystemClock::now();
    if (wrong_told_at_ && now < *wrong_told_at_ + wrong_interval) {
        ++wrong_unsaid_;
        return;
    }
    const std::string more = wrong_unsaid_ > 0 ? fmt::format("; {} more before", wrong_unsaid_) : std::string();
    log_.warn(fmt::format("control: an answer of {} is no decision: {}{}", url, why, more));
    wrong_told_at_ = now;
    wrong_unsaid_ = 0;
}

} // namespace tandem
