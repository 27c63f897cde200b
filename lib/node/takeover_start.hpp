// What Redis knows of us when we start, read slice by slice: calls that others have taken, and those that are ours.
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <vector>
#include "node/takeover.hpp"
#include "node/takeover_link.hpp"

namespace tandem {

class TakeoverStart {
public:
    static constexpr std::size_t bytes_max = 256 << 20; // of texts

    // `words` and `options` outlive the object.
    TakeoverStart(const TakeoverWords &words, const TakeoverOptions &options) : words_(words), options_(options) {}

    bool is_done() const { return !step_; }
    TakeoverCommand command() const { return *step_; } // what is to be asked next
    std::vector<std::string> next(const TakeoverWords::Scripts &scripts) const;
    bool on_answer(const RedisValue &value); // false: it is none

    TakenAtStart result();                  // once it is done
    bool is_cut() const { return is_cut_; } // there was more than it may read

private:
    bool on_taken(const RedisValue &value);
    bool on_own(const RedisValue &value);
    bool on_texts(const RedisValue &value);
    void go_to(std::optional<TakeoverCommand> step);

    const TakeoverWords &words_;
    const TakeoverOptions &options_;
    std::optional<TakeoverCommand> step_ = TakeoverCommand::taken; // none: done
    std::string cursor_ = "0";
    std::vector<std::string> unconfirmed_;
    std::size_t read_ = 0; // of them
    std::size_t bytes_ = 0;
    bool is_cut_ = false;
    TakenAtStart found_;
};

} // namespace tandem
