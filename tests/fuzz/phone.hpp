// A phone that knows what it sent and what it got, and writes from that what a phone could say next, right or wrong.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include "base/endpoint.hpp"
#include "fuzz/line.hpp"
#include "sip/message.hpp"

namespace tandem::test {

class Phone {
public:
    Phone(std::string name, const Endpoint &endpoint) : name_(std::move(name)), endpoint_(endpoint) {}

    const Endpoint &endpoint() const { return endpoint_; }
    bool has_got(std::string_view bytes) const;
    void keep_got(const Message &message, std::string_view bytes);
    void keep_sent(std::string_view bytes);
    const Message *got(std::uint32_t back) const; // the newest, or the one `back` before it; null: there is none

    // The datagram that a step asks for; empty if there is nothing yet that it could refer to.
    std::string write(Line step);

private:
    struct Kept {
        Message message; // empty: what was sent is no SIP
        std::string bytes;
    };

    std::string write_invite(Line step);
    std::string write_response(Line step);
    std::string write_request(Line step);
    std::string write_ack(Line step);
    std::string write_cancel(Line step) const;
    std::string start(std::string_view method, std::string_view uri, std::string_view branch) const;
    std::string tag(Line &step) const;
    std::string next_branch();

    std::string name_;
    Endpoint endpoint_;
    std::uint32_t cseq_ = 0;
    std::uint32_t branches_ = 0;
    std::vector<Kept> got_; // the oldest first
    std::vector<Kept> sent_;
};

} // namespace tandem::test
