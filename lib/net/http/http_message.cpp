#include "net/http/http_message.hpp"
#include <algorithm>
#include <ctime>
#include <fmt/format.h>
#include <iterator>
#include "base/text.hpp"

namespace tandem {
namespace {

// RFC 9110 section 5.6.7.
std::string http_date(std::int64_t now_s) {
    const std::time_t time = now_s;
    std::tm utc{};
    ::gmtime_r(&time, &utc);
    static constexpr const char *days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr const char *months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                             "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", days[utc.tm_wday], utc.tm_mday, months[utc.tm_mon],
                       utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

// "example.com:8080", "[::1]:8080"
std::string_view without_port(std::string_view host) {
    const std::size_t colon = host.rfind(':');
    if (colon == std::string_view::npos) return host;
    return parse_number(host.substr(colon + 1)) ? host.substr(0, colon) : host;
}

bool leads_nowhere_else(std::string_view host) {
    const std::string_view name = without_port(host);
    return equals_ignoring_case(name, "localhost") || IpAddress::parse(name);
}

} // namespace

std::string_view HttpRequest::path() const { return std::string_view(target).substr(0, target.find('?')); }

std::string_view HttpRequest::field(std::string_view name) const {
    const auto found = std::find_if(fields.begin(), fields.end(),
                                    [name](const HttpField &field) { return equals_ignoring_case(field.name, name); });
    return found == fields.end() ? std::string_view() : found->value;
}

HttpResponse text_response(unsigned status, std::string_view line) {
    return {status, "text/plain; charset=utf-8", std::string(line) + "\n", {}};
}

std::string_view reason_phrase(unsigned status) {
    switch (status) {
    case 101: return "Switching Protocols";
    case 200: return "OK";
    case 204: return "No Content";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 426: return "Upgrade Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    default: return {};
    }
}

void write_response(std::string &out, const HttpResponse &response, const HttpWriting &writing) {
    const auto to = std::back_inserter(out);
    fmt::format_to(to, "HTTP/1.1 {} {}\r\nDate: {}\r\n", response.status, reason_phrase(response.status),
                   http_date(writing.now_s));
    if (!writing.keeps_alive) fmt::format_to(to, "Connection: close\r\n");
    for (const HttpField &field : response.fields) {
        if (!is_token(field.name) || !is_header_safe(field.value)) continue;
        fmt::format_to(to, "{}: {}\r\n", field.name, field.value);
    }
    const bool is_switch = response.status == 101;
    if (!response.content_type.empty()) fmt::format_to(to, "Content-Type: {}\r\n", response.content_type);
    // None has a body, nor says how long it is (RFC 9110 section 8.6).
    if (!is_switch && response.status != 204) fmt::format_to(to, "Content-Length: {}\r\n", response.body.size());
    out += "\r\n";
    if (writing.has_body && !is_switch && response.status != 204) out += response.body;
}

bool is_origin_allowed(const HttpRequest &request, const std::vector<std::string> &origins) {
    const std::string_view origin = request.field("Origin");
    if (origin.empty()) return true;
    const auto is_same = [origin](const std::string &allowed) { return equals_ignoring_case(allowed, origin); };
    if (std::any_of(origins.begin(), origins.end(), is_same)) return true;
    const std::size_t scheme = origin.find("://");
    if (scheme == std::string_view::npos) return false;
    const std::string_view host = request.field("Host");
    return equals_ignoring_case(origin.substr(scheme + 3), host) && leads_nowhere_else(host);
}

} // namespace tandem
