#include "base/method.hpp"
#include <array>

namespace tandem {
namespace {

constexpr std::array<std::string_view, 15> names = {"UNKNOWN", "INVITE", "ACK",       "BYE",    "CANCEL",
                                                    "OPTIONS", "REGISTER", "PRACK",   "UPDATE", "INFO",
                                                    "REFER",   "SUBSCRIBE", "NOTIFY", "MESSAGE", "PUBLISH"};

} // namespace

Method parse_method(std::string_view name) {
    for (std::size_t i = 1; i < names.size(); ++i) {
        if (names[i] == name) return static_cast<Method>(i);
    }
    return Method::unknown;
}

std::string_view to_string(Method method) { return names[static_cast<std::size_t>(method)]; }

} // namespace tandem
