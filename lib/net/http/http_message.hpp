// HTTP as values: a request that has come, and the response that it gets (RFC 9110).
#pragma once
#include <string>
#include <string_view>
#include <vector>
#include "base/endpoint.hpp"

namespace tandem {

struct HttpField {
    std::string name;
    std::string value;
};

struct HttpRequest {
    std::string method; // as it was sent: "GET"
    std::string target; // "/rpc?verbose"
    std::vector<HttpField> fields;
    std::string body;
    Endpoint peer; // who sent it

    std::string_view path() const;                       // the target up to a "?"
    std::string_view field(std::string_view name) const; // of the first one, in any case; empty: there is none
};

struct HttpResponse {
    unsigned status = 200;
    std::string content_type; // empty: it has no body
    std::string body;
    std::vector<HttpField> fields; // but Date, Connection, Content-Type and Content-Length
};

HttpResponse text_response(unsigned status, std::string_view line);

std::string_view reason_phrase(unsigned status); // empty: nothing says so

struct HttpWriting {
    std::int64_t now_s = 0; // UTC, for the Date
    bool has_body = true;   // false: of a HEAD, which is told of a body and gets none
    bool keeps_alive = true;
};

// Appends it. A field that could be read as several is left out.
void write_response(std::string &out, const HttpResponse &response, const HttpWriting &writing);

// Whether a browser that shows a page of this origin may send what changes something. No Origin: it is no browser.
// Allowed are those of the list, and pages of the very host that is asked, by its address or as localhost: a name may
// have been made to lead here (DNS rebinding).
bool is_origin_allowed(const HttpRequest &request, const std::vector<std::string> &origins);

} // namespace tandem
