#include "node/node_metrics.hpp"
#include <doctest/doctest.h>
#include <string>
#include "base/random.hpp"

using namespace tandem;

namespace {

std::string page_of(const NodeNumbers &numbers, const ProfileTable &profiles) {
    MetricPage page;
    write_metrics(page, numbers, profiles);
    return page.to_text();
}

std::size_t count(const std::string &text, const std::string &part) {
    std::size_t found = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
    return found;
}

bool has(const std::string &text, const std::string &line) { return text.find(line + "\n") != std::string::npos; }

} // namespace

TEST_CASE("metrics: what workers have counted is summed") {
    SeededRandom random{1};
    const ProfileTable profiles{random};
    NodeNumbers numbers;
    numbers.workers.resize(2);
    for (WorkerStatistics &worker : numbers.workers) {
        worker.dialog.early = 6;
        worker.dialog.trying = 1;
        worker.dialog.proceeding = 2;
        worker.dialog.active = 10;
        worker.by_transport[1].received = 5;
        worker.journal.lost = 1;
    }
    numbers.workers[1].journal.is_behind = true;
    std::string text = page_of(numbers, profiles);
    CHECK(has(text, "tandem_dialogs{state=\"trying\"} 2"));
    CHECK(has(text, "tandem_dialogs{state=\"proceeding\"} 4"));
    CHECK(has(text, "tandem_dialogs{state=\"early\"} 6"));
    CHECK(has(text, "tandem_dialogs{state=\"confirmed\"} 20"));
    CHECK(has(text, "tandem_sip_messages_total{direction=\"in\",transport=\"tcp\"} 10"));
    CHECK(count(text, "tandem_store") == 0); // there is none
    numbers.has_store = true;
    text = page_of(numbers, profiles);
    CHECK(has(text, "tandem_store_behind 1"));
    CHECK(has(text, "tandem_store_lost_total 2"));
}

TEST_CASE("metrics: of a profile with too many values the rest is counted") {
    SeededRandom random{1};
    ProfileTable profiles{random};
    REQUIRE(profiles.declare({"user", true, 5, {}}));
    REQUIRE(profiles.declare({"total", false, 0, {}}));
    Memberships memberships;
    for (std::size_t i = 0; i < metric_values_max + 7; ++i) {
        const std::string value = "user-" + std::to_string(i);
        const ProfileRequest request{"user", value, {}};
        Memberships one;
        REQUIRE(profiles.reserve(DialogId(static_cast<std::uint32_t>(i), 1), one, {&request, 1}));
        memberships.push_back(std::move(one.front()));
    }
    NodeNumbers numbers;
    numbers.workers.resize(1);
    const std::string text = page_of(numbers, profiles);
    CHECK(count(text, "\ntandem_profile_size{profile=\"user\",value=\"user-") == metric_values_max);
    CHECK(has(text, "tandem_profile_values_hidden{profile=\"user\"} 7"));
    CHECK(has(text, "tandem_profile_members{profile=\"user\"} " + std::to_string(metric_values_max + 7)));
    CHECK(has(text, "tandem_profile_limit{profile=\"user\"} 5"));
    CHECK(has(text, "tandem_profile_size{profile=\"total\"} 0"));
}
