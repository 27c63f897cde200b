// The variables of one dialog set: names with typed values, each kind limited. Plain state; the tracker owns it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>
#include "base/result.hpp"

namespace tandem {

enum class VariableType : std::uint8_t { text, integer, boolean, bytes };

std::string_view to_string(VariableType type);

// A value as an argument or as an answer; its text is borrowed.
struct VariableValue {
    VariableType type = VariableType::text;
    std::string_view text{};  // text, bytes
    std::int64_t integer = 0; // integer; of a boolean 0 or 1

    static VariableValue of_text(std::string_view text) { return {VariableType::text, text, 0}; }
    static VariableValue of_bytes(std::string_view bytes) { return {VariableType::bytes, bytes, 0}; }
    static VariableValue of_integer(std::int64_t integer) { return {VariableType::integer, {}, integer}; }
    static VariableValue of_boolean(bool is_set) { return {VariableType::boolean, {}, is_set ? 1 : 0}; }

    // By type and content: integer 1 is not true, and no text equals bytes. What the type does not use is ignored.
    bool operator==(const VariableValue &other) const;
};

struct VariableView {
    std::string_view name;
    VariableValue value;
};

struct VariableLimits { // of one dialog
    std::uint32_t count_max = 64;
    std::uint32_t name_max = 64;     // bytes of a name
    std::uint32_t bytes_max = 16384; // of all names and values together; an integer or a boolean counts 8
};

class VariableSet {
public:
    // Gives a name its value, of any type, whatever it was before. Fails, changing nothing, with
    //   invalid    the name is empty or holds anything but visible ASCII, or a text is no UTF-8 or holds CR, LF or NUL;
    //   too_large  the name is longer than name_max, or bytes_max would be passed;
    //   full       count_max is reached.
    Result<void> set(std::string_view name, const VariableValue &value, const VariableLimits &limits);

    // Adds to an integer; a name that is not there counts as 0. Fails as set() does, and with wrong_type, out_of_range.
    Result<std::int64_t> add(std::string_view name, std::int64_t amount, const VariableLimits &limits);

    // Sets `desired` (none: erases) if the present value is `expected` (none: not there), else fails with conflict;
    // or fails as set() does.
    Result<void> compare_and_set(std::string_view name, const std::optional<VariableValue> &expected,
                                 const std::optional<VariableValue> &desired, const VariableLimits &limits);

    bool erase(std::string_view name); // false: it was not there
    std::optional<VariableValue> find(std::string_view name) const; // views hold until the next change

    std::size_t size() const { return variables_.size(); }
    VariableView at(std::size_t i) const; // in the order in which the names came

private:
    struct Variable {
        std::unique_ptr<char[]> text; // the name, then the text of the value
        std::int64_t number = 0;      // the value; of text and bytes their size
        std::uint32_t name_size = 0;
        VariableType type = VariableType::text;

        Variable(std::string_view name, const VariableValue &value);
        VariableView view() const;
    };

    std::size_t position_of(std::string_view name) const; // size(): it is not there
    std::size_t bytes() const;

    std::vector<Variable> variables_; // grows by one: most dialogs have few
};

} // namespace tandem
