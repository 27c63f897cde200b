#include "node/takeover_start.hpp"
#include <algorithm>
#include <iterator>
#include <span>
#include <utility>

namespace tandem {
namespace {

// HSCAN may say a key twice.
void remove_twins(std::vector<std::string> &keys) {
    std::sort(keys.begin(), keys.end());
    keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
}

} // namespace

std::vector<std::string> TakeoverStart::next(const TakeoverWords::Scripts &scripts) const {
    if (step_ == TakeoverCommand::taken) return words_.taken(options_.batch, cursor_);
    if (step_ == TakeoverCommand::own) return words_.own(scripts, options_.batch, cursor_);
    const std::span<const std::string> left = std::span(unconfirmed_).subspan(read_);
    return words_.texts(scripts, left.first(std::min(left.size(), options_.batch)));
}

bool TakeoverStart::on_answer(const RedisValue &value) {
    switch (*step_) {
    case TakeoverCommand::taken: return on_taken(value);
    case TakeoverCommand::own: return on_own(value);
    default: return on_texts(value);
    }
}

bool TakeoverStart::on_taken(const RedisValue &value) {
    auto slice = TakeoverWords::read_taken(value);
    if (!slice) return false;
    cursor_ = slice->cursor;
    std::move(slice->keys.begin(), slice->keys.end(), std::back_inserter(found_.taken));
    const bool is_full = found_.taken.size() >= options_.call_max;
    if (cursor_ != "0" && !is_full) return true;
    is_cut_ = cursor_ != "0";
    remove_twins(found_.taken);
    go_to(TakeoverCommand::own);
    return true;
}

bool TakeoverStart::on_own(const RedisValue &value) {
    auto slice = TakeoverWords::read_own(value);
    if (!slice) return false;
    cursor_ = slice->cursor;
    for (std::string &key : slice->keys) found_.own.push_back({std::move(key), {}});
    std::move(slice->unconfirmed.begin(), slice->unconfirmed.end(), std::back_inserter(unconfirmed_));
    const bool is_full = found_.own.size() + unconfirmed_.size() >= options_.call_max;
    if (cursor_ != "0" && !is_full) return true;
    is_cut_ = is_cut_ || cursor_ != "0";
    remove_twins(unconfirmed_);
    go_to(unconfirmed_.empty() ? std::nullopt : std::optional(TakeoverCommand::texts));
    return true;
}

bool TakeoverStart::on_texts(const RedisValue &value) {
    auto texts = TakeoverWords::read_texts(value, std::min(unconfirmed_.size() - read_, options_.batch));
    if (!texts) return false;
    for (std::string &text : *texts) {
        bytes_ += text.size();
        found_.own.push_back({std::move(unconfirmed_[read_++]), std::move(text)});
    }
    if (read_ < unconfirmed_.size() && bytes_ < bytes_max) return true;
    is_cut_ = is_cut_ || read_ < unconfirmed_.size();
    go_to(std::nullopt);
    return true;
}

void TakeoverStart::go_to(std::optional<TakeoverCommand> step) {
    step_ = step;
    cursor_ = "0";
}

TakenAtStart TakeoverStart::result() {
    std::sort(found_.own.begin(), found_.own.end(), [](const CallCopy &a, const CallCopy &b) { return a.key < b.key; });
    const auto twins = std::unique(found_.own.begin(), found_.own.end(),
                                   [](const CallCopy &a, const CallCopy &b) { return a.key == b.key; });
    found_.own.erase(twins, found_.own.end());
    return std::move(found_);
}

} // namespace tandem
