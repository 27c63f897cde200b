// A text that nobody finds in memory later: a password, or what is as good as one.
#pragma once
#include <string>
#include <string_view>
#include <utility>

namespace tandem {

// Overwrites all that the string has room for, and empties it: a short one that was moved leaves its bytes behind.
void cleanse(std::string &text) noexcept;

class SecretText {
public:
    SecretText() = default;
    SecretText(std::string_view text) : text_(text) {}
    SecretText(const std::string &text) : text_(text) {}
    SecretText(const char *text) : text_(text) {}
    SecretText(const SecretText &other) : text_(other.text_) {}
    SecretText(SecretText &&other) noexcept : text_(std::move(other.text_)) { cleanse(other.text_); }
    SecretText &operator=(SecretText other) noexcept;
    ~SecretText() { cleanse(text_); }

    std::string_view view() const { return text_; }
    bool empty() const { return text_.empty(); }
    friend bool operator==(const SecretText &a, const SecretText &b) { return a.text_ == b.text_; }

private:
    std::string text_;
};

} // namespace tandem
