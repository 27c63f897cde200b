// A challenge tells what was challenged, so that its user can send it again with credentials (RFC 3261 section 22.2).
#include <doctest/doctest.h>
#include <string_view>
#include "transaction/harness.hpp"

namespace tandem {
using test::Harness;

TEST_CASE("challenge: a 401 or 407 carries the request and where it went, over any transport; nothing else does") {
    for (const std::string_view method : {"INVITE", "BYE"}) {
        for (const Endpoint &peer : {test::udp(), test::tcp()}) {
            for (const std::uint16_t status : {std::uint16_t{401}, std::uint16_t{407}, std::uint16_t{403}}) {
                Harness h(peer);
                h.send(std::string(method));
                REQUIRE(h.sent.size() == 1);
                h.receive(h.answer(status, std::string(method)));
                REQUIRE(h.told.size() == 1);
                const TransactionEvent &event = h.told[0].event;
                CHECK(event.sent.view() == (status == 403 ? std::string_view() : std::string_view(h.sent[0].bytes)));
                CHECK_FALSE(event.is_cancelled);
                if (status != 403) CHECK(event.sent_to == peer);
            }
        }
    }
}

TEST_CASE("challenge: of an INVITE that its user has cancelled it says so") {
    Harness h;
    const auto id = h.send("INVITE");
    h.receive(h.answer(180, "INVITE"));
    CHECK(h.table.cancel(id, {}, at_ms(0)).ok());
    h.receive(h.answer(407, "INVITE"));
    CHECK(h.told.back().event.is_cancelled);
}
} // namespace tandem
