#include "registrar/path.hpp"
#include <optional>
#include "base/text.hpp"
#include "registrar/name_addr.hpp"

namespace tandem {
namespace {

// "<sip:edge.example.com;lr>" with the parameters of the header behind it. It goes back to phones and out as a Route,
// so that nothing may be in it that begins or ends anything.
bool is_path_value(const NameAddr &parts) {
    if (!parts.has_brackets || !read_bracketed_uri(parts.uri)) return false;
    return is_visible_ascii(parts.params) && parts.params.find_first_of("<>,\"\\") == std::string_view::npos;
}

} // namespace

Result<std::string> read_path(const Message &request) {
    std::string path;
    if (!request.has(Header::path)) return path;
    for (const HeaderLine &line : request.headers()) {
        if (line.id != Header::path) continue;
        for (const std::string_view value : split_values(line.value)) {
            const auto parts = split_name_addr(value);
            if (!parts || !is_path_value(*parts)) return Error::invalid;
            if (!path.empty()) path += ", ";
            path.append("<").append(parts->uri).append(">").append(parts->params);
            if (path.size() > path_size_max) return Error::too_large;
        }
    }
    return path;
}

bool has_outbound_edge(std::string_view path) {
    const std::size_t open = path.rfind('<');
    if (open == std::string_view::npos) return false;
    path.remove_prefix(open + 1);
    const auto uri = Uri::parse(path.substr(0, path.find('>')));
    return uri && uri->param("ob");
}

} // namespace tandem
