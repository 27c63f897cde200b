#include <algorithm>
#include <cstdint>
#include <doctest/doctest.h>
#include <iterator>
#include <map>
#include <string>
#include <vector>
#include "dialog/failing_memory.hpp"
#include "registrar/binding_table.hpp"

using namespace tandem;
using Bindings = BindingTable::Bindings;

namespace {

BindingRecord binding(std::uint64_t id, const std::string &aor, Instant expires) {
    BindingRecord record;
    record.id = id;
    record.version = id + 1;
    record.aor = aor;
    record.contact = "sip:a@192.0.2.1;x=" + std::to_string(id);
    record.instance = "<urn:uuid:" + std::to_string(id) + ">";
    record.reg_id = 1;
    record.q = static_cast<std::uint16_t>(id % 1000);
    record.call_id = "call-" + std::to_string(id);
    record.cseq = static_cast<std::uint32_t>(id + 2);
    record.user_agent = "phone/1";
    record.flow = {*IpAddress::parse("192.0.2.1"), static_cast<std::uint16_t>(1 + id % 7), Transport::tls, 1};
    record.registered = at_ms(5);
    record.expires = expires;
    return record;
}

std::vector<std::uint64_t> ids(const Bindings &bindings) {
    std::vector<std::uint64_t> ids;
    for (const BindingRecord &record : bindings) ids.push_back(record.id);
    return ids;
}

// What a table must do, in a few lines.
struct Model {
    std::vector<std::uint64_t> take(auto matches) {
        std::vector<std::uint64_t> taken;
        for (auto user = users.begin(); user != users.end();) {
            std::erase_if(user->second, [&](const BindingRecord &record) {
                if (matches(record)) taken.push_back(record.id);
                return matches(record);
            });
            user = user->second.empty() ? users.erase(user) : std::next(user);
        }
        return taken;
    }
    void forget(const Endpoint &flow) {
        for (auto &[aor, bindings] : users) {
            for (BindingRecord &record : bindings) {
                if (record.flow == flow) record.flow.port = 0;
            }
        }
    }
    Bindings list() const {
        Bindings all;
        for (const auto &[aor, bindings] : users) all.insert(all.end(), bindings.begin(), bindings.end());
        return all;
    }
    std::map<std::string, Bindings> users;
};

} // namespace

TEST_CASE("binding table: a binding comes out as it went in") {
    SeededRandom random(1);
    BindingTable table(random);
    BindingRecord record = binding(7, "alice@example.com", at_ms(1000));
    record.path = "<sip:192.0.2.7;lr>";
    record.is_direct = false;
    table.add(record);
    REQUIRE(table.of(record.aor).size() == 1);
    CHECK(table.of(record.aor)[0] == record);
    CHECK(table.of("alice@example.co").empty());
}

TEST_CASE("binding table: after any changes it has what a plain map has, in the same order") {
    SeededRandom random(2);
    BindingTable table(random);
    Model model;
    Instant now = at_ms(1000);
    std::uint64_t id = 0;
    for (int step = 0; step < 20'000; ++step) {
        const std::string aor = "user" + std::to_string(random.next() % 20) + "@example.com";
        const auto until = [&] { return now + std::chrono::milliseconds(1 + random.next() % 500); };
        const std::uint64_t dice = random.next() % 10;
        std::vector<std::uint64_t> gone;
        const auto note = [&](const BindingRecord &record) { gone.push_back(record.id); };
        std::vector<std::uint64_t> expected;
        const auto another = [&] {
            BindingRecord record = binding(++id, aor, until());
            record.reg_id = static_cast<std::uint32_t>(id % 3); // 0: no flow of outbound
            return record;
        };
        if (dice < 4) {
            Bindings bindings = table.of(aor);
            if (!bindings.empty())
                bindings.erase(bindings.begin() + static_cast<long>(random.next() % bindings.size()));
            for (std::uint64_t more = random.next() % 3; more > 0; --more) bindings.push_back(another());
            table.replace(aor, bindings);
            model.users[aor] = bindings;
            if (bindings.empty()) model.users.erase(aor);
        } else if (dice < 6) {
            const BindingRecord record = another();
            table.add(record);
            model.users[aor].push_back(record);
        } else if (dice < 7) {
            const Endpoint flow = binding(random.next() % 7, aor, now).flow;
            table.lose(flow, now, note);
            expected =
                model.take([&](const BindingRecord &record) { return record.flow == flow && record.reg_id != 0; });
            model.forget(flow);
        } else {
            now += std::chrono::milliseconds(random.next() % 20);
            table.expire(now, note);
            expected = model.take([&](const BindingRecord &record) { return record.expires <= now; });
        }
        std::sort(gone.begin(), gone.end());
        std::sort(expected.begin(), expected.end());
        REQUIRE(gone == expected);
        REQUIRE(ids(table.of(aor)) == (model.users.contains(aor) ? ids(model.users[aor]) : ids({})));
        REQUIRE((!model.users.contains(aor) || table.of(aor) == model.users[aor]));
        if (step % 16 != 0) continue;
        REQUIRE(ids(table.list("", 1'000'000)) == ids(model.list()));
        REQUIRE(table.size() == model.list().size());
    }
    CHECK(id > 5000);
    now += std::chrono::seconds(1);
    table.expire(now, [](const BindingRecord &) {});
    CHECK(table.size() == 0);
    CHECK_FALSE(table.next_deadline());
}

TEST_CASE("binding table: where memory ends nothing has changed") {
    const std::string aor = "alice@example.com";
    const Bindings old = {binding(1, aor, at_ms(1000)), binding(2, aor, at_ms(2000))};
    const Bindings wanted = {binding(2, aor, at_ms(3000)), binding(3, aor, at_ms(3000)), binding(4, aor, at_ms(4000))};
    for (const std::size_t others : {0U, 12U, 13U, 253U, 254U}) { // so that each part of the table grows in its turn
        CAPTURE(others);
        std::size_t blocks = 0;
        for (bool is_done = false; !is_done; ++blocks) {
            SeededRandom random(3);
            BindingTable table(random);
            table.replace(aor, old);
            for (std::size_t i = 0; i < others; ++i) table.add(binding(5 + i, "bob@example.com", at_ms(9000)));
            is_done = test::runs_with(blocks, [&] { table.replace(aor, wanted); });
            REQUIRE(ids(table.of(aor)) == ids(is_done ? wanted : old));
            REQUIRE(table.next_deadline() == at_ms(is_done ? 3000 : 1000));
            std::size_t ended = 0;
            for (std::uint64_t port = 0; port < 7; ++port) {
                table.lose(binding(port, aor, at_ms(0)).flow, at_ms(5), [&](const BindingRecord &) { ++ended; });
            }
            REQUIRE(ended == others + (is_done ? wanted : old).size());
            REQUIRE(table.size() == 0);
            REQUIRE_FALSE(table.next_deadline());
        }
        CHECK(blocks > 4);
    }
}
