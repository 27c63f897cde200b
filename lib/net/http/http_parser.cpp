#include "net/http/http_parser.hpp"
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>
#include <utility>
#include "base/text.hpp"

namespace tandem {

namespace http = boost::beast::http;
using BeastError = boost::beast::error_code;

namespace {

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

unsigned status_of(const BeastError &error) {
    if (error == http::error::header_limit) return 431;
    if (error == http::error::body_limit) return 413;
    if (error == http::error::bad_version) return 505;
    return 400;
}

using BeastRequest = http::request<http::string_body>;

// What a proxy in front of us could take otherwise than Beast does (RFC 9112 sections 3.2 and 6.1).
bool is_ambiguous(const BeastRequest &request) {
    const bool has_coding = request.count(http::field::transfer_encoding) > 0;
    if (has_coding && (request.count(http::field::content_length) > 0 || request.version() < 11)) return true;
    const auto hosts = request.count(http::field::host);
    return hosts > 1 || (hosts == 0 && request.version() == 11);
}

// With what a coding of the body is refused; 0: there is none, or it is chunked and nothing else. Beast reads no body
// where chunked is not the last one, and would take what comes for the next request (RFC 9112 section 6.3).
unsigned refuse_coding(const BeastRequest &request, bool is_chunked) {
    if (request.count(http::field::transfer_encoding) == 0) return 0;
    if (!is_chunked) return 400;
    return boost::beast::iequals(request[http::field::transfer_encoding], "chunked") ? 0 : 501;
}

// A field that stands on several lines is one list (RFC 9110 section 5.3); Beast keeps its lines together.
HttpRequest head_of(const BeastRequest &request) {
    HttpRequest head;
    head.method = view(request.method_string());
    head.target = view(request.target());
    for (const auto &field : request) {
        const std::string_view name = view(field.name_string());
        if (!head.fields.empty() && equals_ignoring_case(head.fields.back().name, name)) {
            head.fields.back().value.append(", ").append(view(field.value()));
        } else {
            head.fields.push_back({std::string(name), std::string(view(field.value()))});
        }
    }
    return head;
}

} // namespace

struct HttpParser::Impl {
    explicit Impl(const HttpParserLimits &its_limits) : limits(its_limits) {
        parser.header_limit(static_cast<std::uint32_t>(limits.header_max));
        parser.body_limit(limits.body_max);
    }

    HttpStep fail(unsigned with) {
        status = with;
        return {HttpParse::failed, 0};
    }

    HttpParserLimits limits;
    http::request_parser<http::string_body> parser;
    // Once: what comes behind the body, too, is a field for Beast (RFC 9110 section 6.5.1). 0, or how it is refused.
    unsigned take_head() {
        const BeastRequest &request = parser.get();
        if (is_ambiguous(request)) return 400;
        head = head_of(request);
        return refuse_coding(request, parser.chunked());
    }

    unsigned status = 0;
    std::optional<HttpRequest> head; // none: it has not come
};

HttpParser::HttpParser(const HttpParserLimits &limits) : impl_(std::make_unique<Impl>(limits)) {}
HttpParser::~HttpParser() = default;
HttpParser::HttpParser(HttpParser &&) noexcept = default;
HttpParser &HttpParser::operator=(HttpParser &&) noexcept = default;

HttpStep HttpParser::feed(std::string_view bytes) {
    auto &parser = impl_->parser;
    std::size_t used = 0;
    // The parser stops behind the header, and at each end of a chunk.
    while (!parser.is_done() && used < bytes.size()) {
        // Beast 1.74 asserts that the last chunk has come with five bytes: fewer end no chunked body.
        if (parser.is_header_done() && parser.chunked() && bytes.size() - used < 5) break;
        BeastError error;
        const std::size_t size = parser.put(boost::asio::buffer(bytes.data() + used, bytes.size() - used), error);
        used += size;
        if (error && error != http::error::need_more) return impl_->fail(status_of(error));
        if (parser.is_header_done() && !impl_->head) {
            if (const unsigned refusal = impl_->take_head(); refusal != 0) return impl_->fail(refusal);
        }
        if (error || size == 0) break;
    }
    if (parser.is_done()) return {HttpParse::done, used};
    // What is not taken is one header, or the line before a chunk, that has not ended.
    if (bytes.size() - used > impl_->limits.header_max) return impl_->fail(431);
    return {HttpParse::need_more, used};
}

bool HttpParser::has_header() const { return impl_->parser.is_header_done(); }

bool HttpParser::wants_continue() const {
    const auto &parser = impl_->parser;
    if (!parser.is_header_done() || parser.is_done() || body_size() > 0) return false;
    const auto &request = parser.get();
    return request.version() >= 11 && boost::beast::iequals(request[http::field::expect], "100-continue");
}

std::size_t HttpParser::body_size() const { return impl_->parser.get().body().size(); }

unsigned HttpParser::status() const { return impl_->status; }

// HTTP/1.0 closes: there a connection goes on only where the response says so.
bool HttpParser::keeps_alive() const { return impl_->parser.keep_alive() && impl_->parser.get().version() >= 11; }

bool HttpParser::is_upgrade() const { return impl_->parser.upgrade(); }

HttpRequest HttpParser::take() {
    HttpRequest taken = std::move(*impl_->head);
    taken.body = std::move(impl_->parser.get().body());
    return taken;
}

} // namespace tandem
