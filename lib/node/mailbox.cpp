#include "node/mailbox.hpp"
#include <mutex>
#include <utility>

namespace tandem {

void Mail::add(Letter letter, std::string_view bytes) {
    letter.offset = bytes_.size();
    letter.size = bytes.size();
    bytes_.append(bytes);
    letters_.push_back(letter);
}

void Mail::add(const Mail &more, std::size_t from, std::size_t end) {
    for (std::size_t i = from; i < end; ++i) add(more.letters_[i], more.bytes_of(more.letters_[i]));
}

void Mail::clear() {
    letters_.clear();
    bytes_.clear();
}

void Mail::swap(Mail &other) noexcept {
    letters_.swap(other.letters_);
    bytes_.swap(other.bytes_);
    std::swap(since_, other.since_);
}

Mailbox::Mailbox(std::function<void()> wake, const MailboxOptions &options)
    : wake_(std::move(wake)), options_(options) {}

std::size_t Mailbox::room_for(const Mail &mail) const {
    std::size_t letters = 0;
    std::size_t bytes = mail_.bytes();
    for (const Letter &letter : mail.letters()) {
        bytes += letter.size;
        if (mail_.letters().size() + letters == options_.letter_max || bytes > options_.byte_max) break;
        ++letters;
    }
    return letters;
}

void Mailbox::put(Mail &mail, Instant now) {
    const std::size_t all = mail.letters().size();
    std::size_t taken = 0;
    bool is_first = false;
    {
        const std::lock_guard lock(mutex_);
        taken = room_for(mail);
        is_first = mail_.empty() && taken > 0;
        if (is_first && taken == all) {
            mail_.swap(mail); // no second copy
        } else {
            mail_.add(mail, 0, taken);
        }
        if (is_first) mail_.set_since(now);
    }
    Mail left;
    left.add(mail, taken, mail.letters().size());
    mail.clear();
    if (!left.empty()) mail.swap(left);
    if (is_first) wake_();
}

bool Mailbox::take(Mail &mail) {
    const std::lock_guard lock(mutex_);
    mail_.swap(mail);
    return !mail.empty();
}

} // namespace tandem
