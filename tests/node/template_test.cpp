#include <doctest/doctest.h>
#include "node/invite.hpp"
#include "node/template.hpp"

using namespace tandem;

namespace {

std::string render(std::string_view text, const Message &invite) {
    const Endpoint source = test::endpoint("192.0.2.10", 5061);
    std::string out;
    Template::parse(text).value().render({&invite, &source, "carrier-a", nullptr}, out);
    return out;
}

} // namespace

TEST_CASE("template: each name gives its part of the call") {
    const Message invite = test::invite("sip:+44:secret@192.0.2.1;user=phone", "X-Tenant: blue\r\nk: timer\r\n");
    CHECK(render("{from.user} {from.uri}", invite) == "alice sip:alice@a.example");
    CHECK(render("{to.user} {to.uri}", invite) == "bob sip:bob@b.example");
    CHECK(render("{request.user}", invite) == "+44");
    CHECK(render("{request.uri}", invite) == "sip:+44:secret@192.0.2.1;user=phone");
    CHECK(render("{source.ip}/{trunk}", invite) == "192.0.2.10/carrier-a");
    CHECK(render("{header.x-tenant}", invite) == "blue");
    CHECK(render("{header.Supported}", invite) == "timer");
}

TEST_CASE("template: what is unset is empty") {
    const Message invite = test::invite("sip:192.0.2.1", {}, "<sip:a.example>");
    CHECK(render("<{request.user}{from.user}{header.X-None}{header.Subject}{var.a}>", invite) == "<>");
}

TEST_CASE("template: text around the names stays, and two braces are one") {
    const Message invite = test::invite("sip:bob@192.0.2.1");
    CHECK(render("", invite).empty());
    CHECK(render("a } $1 {{trunk} {trunk}", invite) == "a } $1 {trunk} carrier-a");
}

TEST_CASE("template: groups stand only where they are allowed") {
    const Message invite = test::invite("sip:bob@192.0.2.1");
    const std::vector<std::string_view> groups = {"0044123", "44", ""};
    const auto made = Template::parse("+$1$$$0$2$9", Template::Groups::allowed);
    REQUIRE(made.ok());
    CHECK(made->group_max() == 9);
    std::string out;
    const Endpoint source;
    made->render({&invite, &source, "", &groups}, out);
    CHECK(out == "+44$0044123");
    CHECK(!Template::parse("$x", Template::Groups::allowed).ok());
    CHECK(!Template::parse("a$", Template::Groups::allowed).ok());
}

TEST_CASE("template: a name that is unknown or not closed is refused") {
    for (std::string_view text :
         {"{", "{}", "{from}", "{from.user", "{header.}", "{var.}", "{From.user}", "{ trunk}"}) {
        CAPTURE(text);
        CHECK(!Template::parse(text).ok());
    }
}
