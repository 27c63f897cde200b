// A SIP message as plain text, read and written without tandem's parser: an error there must not hide itself in the
// peers that test it.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tandem::sim {

struct TextMessage {
    std::string method; // empty: a response
    std::string uri;
    int status = 0;
    std::string phrase;
    std::vector<std::pair<std::string, std::string>> headers; // without Content-Length
    std::string body;

    // None if it is no whole and well-formed message: `why` tells.
    static std::optional<TextMessage> parse(std::string_view bytes, std::string &why);
    std::string print() const; // with Content-Length

    bool is_request() const { return !method.empty(); }
    void add(std::string name, std::string value) { headers.emplace_back(std::move(name), std::move(value)); }
    void set(std::string_view name, std::string value); // replaces the first of that name, or adds one
    void remove(std::string_view name);

    std::string_view header(std::string_view name) const;       // the first of that name; empty: none
    std::vector<std::string> list(std::string_view name) const; // the entries of all headers of that name

    std::string call_id() const { return std::string(header("Call-ID")); }
    std::string from_tag() const;
    std::string to_tag() const;
    std::string branch() const; // of the top Via
    std::uint32_t cseq() const;
    std::string cseq_method() const;
    std::string contact() const; // the URI
    std::string label() const;   // what a simulated peer wrote into the body: see make_body()
    // A request of the B2BUA's own: one that is passed has made a hop already (RFC 3261 section 16.6 item 3).
    bool is_own() const { return header("Max-Forwards") == "70"; }
    std::string title() const; // "INVITE" or "200 INVITE", for findings
};

// Of a description: what a B2BUA that asks for itself may say in another way, the origin and the directions, left out.
std::string bare_sdp(std::string_view body);
struct OriginLine {
    std::string who; // all of it but the version
    std::uint64_t version = 0;
    std::string rest; // the description without it
};
std::optional<OriginLine> origin_in(std::string_view body);
std::string direction_in(std::string_view body);                      // of its only media; sendrecv if it says none
std::string parameter(std::string_view value, std::string_view name); // ";name=value"; empty: none
std::string uri_in(std::string_view value);                           // what stands between < and >
bool same_word(std::string_view a, std::string_view b);               // without case

} // namespace tandem::sim
