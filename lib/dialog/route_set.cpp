#include "dialog/route_set.hpp"
#include <vector>
#include "base/text.hpp"

namespace tandem {
namespace {

bool is_loose(std::string_view uri) {
    std::size_t start = uri.find(';');
    while (start != std::string_view::npos) {
        const std::size_t end = uri.find_first_of(";?", start + 1);
        const std::string_view param = uri.substr(start + 1, end == std::string_view::npos ? end : end - start - 1);
        if (equals_ignoring_case(param.substr(0, param.find('=')), "lr")) return true;
        if (end == std::string_view::npos || uri[end] == '?') break;
        start = end;
    }
    return false;
}

void append_entry(std::string &list, std::string_view entry) {
    if (!list.empty()) list.append(",");
    list.append(entry);
}

} // namespace

std::string reverse_route_set(std::string_view route_set) {
    const std::vector<std::string_view> entries = split_values(route_set);
    std::string out;
    for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) append_entry(out, *entry);
    return out;
}

RequestRoute make_request_route(std::string_view target, std::string_view route_set) {
    const std::vector<std::string_view> entries = split_values(route_set);
    RequestRoute out;
    if (entries.empty()) {
        out.request_uri = target;
        out.next_hop = target;
        return out;
    }
    out.next_hop = addr_spec(entries.front());
    if (is_loose(out.next_hop)) {
        out.request_uri = target;
        for (std::string_view entry : entries) append_entry(out.route, entry);
        return out;
    }
    // A Request-URI has no headers part (RFC 3261 section 19.1.1).
    out.request_uri = out.next_hop.substr(0, out.next_hop.find('?'));
    for (std::size_t i = 1; i < entries.size(); ++i) append_entry(out.route, entries[i]);
    append_entry(out.route, "<" + std::string(target) + ">");
    return out;
}

} // namespace tandem
