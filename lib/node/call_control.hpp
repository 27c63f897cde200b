// The decision servers of one worker: from the engine to those who are asked, and back, with a word in the log when one
// of them is left alone or comes back.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>
#include "base/random.hpp"
#include "call/engine.hpp"
#include "control/control_client.hpp"
#include "net/loop.hpp"
#include "node/config.hpp"
#include "node/log.hpp"

namespace tandem {

class CallControl final : private ControlListener {
public:
    // Gives the engine a decision and does what follows of it. Called by the loop, never from within take_questions().
    using Decide = std::function<DecisionOutcome(QuestionId question, const Decision *decision)>;

    // All references outlive it. Without a URL nobody is asked. Fails if there is nobody to trust in `ca`.
    static Result<std::unique_ptr<CallControl>, Failure> open(const ControlConfig &config, Loop &loop, Random &random,
                                                              Log &log, Decide decide);

    // Asks what the engine wants to know, and gives up what it does not want to know any more.
    void take_questions(Engine &engine);

    ControlStatistics statistics() const { return client_ ? client_->statistics() : ControlStatistics(); }

private:
    CallControl(Loop &loop, Log &log, Decide decide);

    DecisionOutcome on_decided(QuestionId question, const Decision *decision) override;
    void on_server_change(const std::string &url, bool is_asked, bool are_others, const std::string &why) override;
    void on_wrong_answer(const std::string &url, const std::string &why) override;
    void leave_undecided(QuestionId question);

    Loop &loop_;
    Log &log_;
    const Decide decide_;
    std::vector<Question> questions_; // empty between the rounds; keeps its memory
    std::vector<QuestionId> withdrawn_;
    std::optional<Instant> wrong_told_at_;                                        // the last line about an answer
    std::uint64_t wrong_unsaid_ = 0;                                              // since then
    const std::shared_ptr<const bool> life_ = std::make_shared<const bool>(true); // of tasks that are posted
    std::unique_ptr<ControlClient> client_;                                       // none: nobody is asked
};

} // namespace tandem
