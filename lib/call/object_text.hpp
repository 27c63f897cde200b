// JSON objects that carry bytes of the wire: JSON has none, so each byte becomes the character of its number, which for
// ASCII is itself. Members that are as they are by themselves are left out, and read as that.
#pragma once
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace tandem {

// An object as it is written: that happens many times for each time that it is read.
class ObjectText {
public:
    explicit ObjectText(std::string &out) : out_(out) { out_.push_back('{'); }
    void end() { out_.push_back('}'); }

    std::string &name(std::string_view name); // its value is appended to that
    void text(std::string_view name_text, std::string_view bytes);
    void number(std::string_view name_text, std::uint64_t number);
    void flag(std::string_view name_text, bool flag);

private:
    std::string &out_;
    bool is_first_ = true;
};

// Members as they are read. What is missing, or of another kind, is empty, 0 or false.
std::string text_in(const nlohmann::json &object, const char *name);
std::uint64_t number_in(const nlohmann::json &object, const char *name, std::uint64_t max);
bool flag_in(const nlohmann::json &object, const char *name);
const nlohmann::json &object_in(const nlohmann::json &object, const char *name); // lives as long

template <class Number>
Number number_in(const nlohmann::json &object, const char *name) {
    return static_cast<Number>(number_in(object, name, static_cast<std::uint64_t>(std::numeric_limits<Number>::max())));
}

} // namespace tandem
