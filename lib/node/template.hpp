// Text with holes that a call fills: "{from.user}", "{header.X-Tenant}". What is unset is empty.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>
#include "base/endpoint.hpp"
#include "base/result.hpp"
#include "sip/header.hpp"
#include "sip/message.hpp"

namespace tandem {

struct TemplateInput {
    const Message *invite = nullptr;
    const Endpoint *source = nullptr;
    std::string_view trunk;
    const std::vector<std::string_view> *groups = nullptr; // what $0, $1 and so on stand for; nullptr: nothing
};

class Template {
public:
    enum class Groups : std::uint8_t { none, allowed };

    // Names: from.user from.uri to.user to.uri request.user request.uri source.ip trunk header.NAME var.NAME.
    // "{{" is one brace. With groups, $1 to $9 are the groups of the route's match, $0 all of it, "$$" one dollar.
    // The failure says what is wrong and what would be right.
    static Result<Template, std::string> parse(std::string_view text, Groups groups = Groups::none);

    // Without holes, whatever it holds.
    static Template literal(std::string_view text);

    // Appends. The result may hold any byte that the message holds: the caller checks it for its place.
    void render(const TemplateInput &input, std::string &out) const;

    unsigned group_max() const { return group_max_; } // the highest $N; 0: none

private:
    enum class Kind : std::uint8_t {
        text,
        group,
        from_user,
        from_uri,
        to_user,
        to_uri,
        request_user,
        request_uri,
        source_ip,
        trunk,
        header,
        variable,
    };
    struct Part {
        Kind kind = Kind::text;
        std::string text; // of text; the name of a header or variable
        Header header = Header::other;
        std::size_t group = 0;
    };

    void add_text(std::string_view text);
    Result<void, std::string> add_name(std::string_view name);
    static void render_part(const Part &part, const TemplateInput &input, std::string &out);

    std::vector<Part> parts_;
    unsigned group_max_ = 0;
};

// The user of a URI, without a password; empty if there is none, or if the text is no URI.
std::string uri_user(std::string_view uri);

} // namespace tandem
