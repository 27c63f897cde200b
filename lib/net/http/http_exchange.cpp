// A request and its response.
#include <algorithm>
#include <utility>
#include "base/text.hpp"
#include "net/http/http_connection.hpp"
#include "net/http/http_server_impl.hpp"
#include "net/http/web_socket_handshake.hpp"
#include "net/system_clock.hpp"

namespace tandem {
namespace {

// RFC 9112 section 2.2: lines that an old client sends behind a body.
void skip_empty_lines(std::string &in) { in.erase(0, std::min(in.find_first_not_of("\r\n"), in.size())); }

// A request may name us in its target (RFC 9112 section 3.2.2).
void use_origin_form(std::string &target) {
    const std::size_t scheme = target.find("://");
    if (target.starts_with('/') || scheme == std::string::npos) return;
    const std::size_t path = target.find('/', scheme + 3);
    target = path == std::string::npos ? std::string("/") : target.substr(path);
}

bool changes_something(const HttpRequest &request) {
    return request.method != "GET" && request.method != "HEAD" && request.method != "OPTIONS";
}

} // namespace

bool HttpConnection::read_request() { return (!in_.empty() && take_input()) || read_more(); }

bool HttpConnection::take_input() {
    if (phase_ == HttpPhase::idle) {
        skip_empty_lines(in_);
        if (in_.empty()) return false;
        enter(HttpPhase::reading);
    }
    if (!parser_) parser_.emplace(HttpParserLimits{server_.options.header_max, server_.options.body_max});
    const HttpStep step = parser_->feed(in_);
    in_.erase(0, step.used);
    if (step.state == HttpParse::failed) {
        refuse(text_response(parser_->status(), reason_phrase(parser_->status())));
        return true;
    }
    if (!count_body()) {
        refuse(text_response(503, "too much is under way"));
        return true;
    }
    if (step.state == HttpParse::done) {
        on_request_read();
        return true;
    }
    if (parser_->has_header() && header_read_ == never) {
        header_read_ = SystemClock::now();
        if (parser_->wants_continue()) {
            append([](std::string &out) { out += "HTTP/1.1 100 Continue\r\n\r\n"; });
            flush();
        }
    }
    return phase_ == HttpPhase::closed;
}

bool HttpConnection::count_body() {
    const std::size_t size = parser_->has_header() ? parser_->body_size() : 0;
    server_.body_bytes += size - body_counted_;
    body_counted_ = size;
    return server_.body_bytes <= server_.options.body_all_max;
}

void HttpConnection::on_request_read() {
    ++server_.statistics.requests;
    keeps_alive_ = parser_->keeps_alive() && !is_shutting_down_;
    HttpRequest request = parser_->take();
    parser_.reset();
    header_read_ = never;
    set_waiting(false);
    request.peer = peer_;
    is_head_ = request.method == "HEAD";
    use_origin_form(request.target);
    const bool is_upgrade = wants_web_socket(request);
    if ((is_upgrade || changes_something(request)) && !is_origin_allowed(request, server_.options.origins)) {
        ++server_.statistics.origins_refused;
        return respond(text_response(403, "this Origin is not allowed"));
    }
    is_upgrade ? upgrade(request) : hand_over(std::move(request));
}

void HttpConnection::hand_over(HttpRequest request) {
    enter(HttpPhase::handling);
    const auto answer = [weak = weak_from_this(), number = ++number_](HttpResponse response) {
        if (const auto self = weak.lock()) self->on_reply(number, std::move(response));
    };
    server_.handler.on_request(std::move(request), HttpReply(answer));
}

void HttpConnection::on_reply(std::uint64_t number, HttpResponse response) {
    if (phase_ != HttpPhase::handling || number != number_ || reply_) return;
    reply_ = std::move(response);
    advance_later();
}

void HttpConnection::refuse(const HttpResponse &response) {
    ++server_.statistics.bad_requests;
    parser_.reset();
    in_.clear();
    is_head_ = false;
    keeps_alive_ = false;
    set_waiting(false);
    respond(response);
}

void HttpConnection::respond(const HttpResponse &response) {
    enter(HttpPhase::writing);
    const bool is_too_much = server_.write_bytes + response.body.size() > server_.options.write_all_max;
    const HttpWriting writing{SystemClock::utc_us() / 1'000'000, !is_head_, keeps_alive_};
    append([&](std::string &out) {
        write_response(out, is_too_much ? text_response(503, "too much is under way") : response, writing);
    });
}

void HttpConnection::on_written() {
    release_body();
    set_waiting(true);
    if (keeps_alive_) return enter(HttpPhase::idle);
    channel_->shut_down();
    enter(HttpPhase::lingering);
}

void HttpConnection::release_body() {
    server_.body_bytes -= body_counted_;
    body_counted_ = 0;
}

} // namespace tandem
