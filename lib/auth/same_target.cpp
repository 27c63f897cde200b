#include "auth/same_target.hpp"
#include "base/text.hpp"

namespace tandem {
namespace {

struct Target {
    std::string_view scheme;
    std::string_view user;
    std::string_view host;
    std::string_view port;
};

Target target_of(std::string_view uri) {
    Target target;
    const std::size_t colon = uri.find(':');
    if (colon == std::string_view::npos) return {.host = uri};
    target.scheme = uri.substr(0, colon);
    std::string_view rest = uri.substr(colon + 1);
    const std::size_t at = rest.find('@');
    if (at != std::string_view::npos) {
        target.user = rest.substr(0, at);
        rest.remove_prefix(at + 1);
    }
    rest = rest.substr(0, rest.find_first_of(";?"));
    const std::size_t bracket = rest.find(']'); // the colons of an IPv6 address stand before it
    const std::size_t end = rest.find(':', bracket == std::string_view::npos ? 0 : bracket);
    target.host = rest.substr(0, end);
    if (end != std::string_view::npos) target.port = rest.substr(end + 1);
    return target;
}

} // namespace

bool is_same_target(std::string_view a, std::string_view b) {
    if (a == b) return true;
    const Target one = target_of(a);
    const Target other = target_of(b);
    const bool is_same_port = one.port.empty() || other.port.empty() || one.port == other.port;
    return is_same_port && equals_ignoring_case(one.scheme, other.scheme) && one.user == other.user &&
           equals_ignoring_case(one.host, other.host);
}

} // namespace tandem
