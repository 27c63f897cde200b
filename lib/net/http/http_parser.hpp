// Bytes of a connection to requests, by Boost.Beast, whose headers only the source includes.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include "net/http/http_message.hpp"

namespace tandem {

struct HttpParserLimits {
    std::size_t header_max = 8 << 10;
    std::size_t body_max = 1 << 20;
};

enum class HttpParse : std::uint8_t {
    need_more,
    done,   // take() has it
    failed, // status() says with what it is answered; nobody knows where a next request would begin
};

struct HttpStep {
    HttpParse state = HttpParse::need_more;
    std::size_t used = 0; // bytes, from the front: the rest comes again
};

// One request. The header has to be there in one piece; of the body each byte is taken as it comes.
class HttpParser {
public:
    explicit HttpParser(const HttpParserLimits &limits);
    ~HttpParser();
    HttpParser(HttpParser &&) noexcept;
    HttpParser &operator=(HttpParser &&) noexcept;

    HttpStep feed(std::string_view bytes);

    bool has_header() const;
    bool wants_continue() const;   // before the body (RFC 9110 section 10.1.1); false once some of it has come
    std::size_t body_size() const; // so far
    unsigned status() const;

    bool keeps_alive() const;
    bool is_upgrade() const; // to anything
    HttpRequest take();      // once; without the peer, and without what stood behind the body

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace tandem
