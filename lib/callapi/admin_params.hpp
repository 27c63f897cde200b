// The parameters of a method of administration, read by name and checked: what is wrong first is told with the name of
// the parameter. A list gives them by position (JSON-RPC 2.0 section 4.2).
#pragma once
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include "callapi/admin_host.hpp"
#include "json/json.hpp"

namespace tandem {

inline constexpr std::size_t admin_page = 100;      // items of a page, where nobody asks for another number
inline constexpr std::size_t admin_page_max = 1000; // the same, at most

class AdminParams {
public:
    // `names` are those that the method knows, in their order. Null: there are none.
    AdminParams(const Json &params, std::initializer_list<std::string_view> names);

    // Each notes what is wrong, and gives what is there, or nothing.
    std::optional<std::string> text(std::string_view name, std::size_t max = 1024);
    std::string required_text(std::string_view name, std::size_t max = 1024);
    std::optional<std::int64_t> number(std::string_view name, std::int64_t low, std::int64_t high);
    std::size_t limit(); // "limit"
    std::uint64_t cursor(); // "cursor", as a page has given it
    DialogName dialog(); // "id", or "call-id"
    DialogFilter filter(); // "filter"
    const Json *find(std::string_view name) const; // null: not there, or null

    void wrong(std::string_view name, std::string_view why);
    bool ok() const { return problem_.empty(); }
    const std::string &problem() const { return problem_; } // one line

private:
    void take(const Json &params);

    std::vector<std::string_view> names_;
    Json values_; // an object
    std::string problem_;
};

} // namespace tandem
