#include <doctest/doctest.h>
#include <string>
#include "metrics/metric_page.hpp"

using namespace tandem;

TEST_CASE("metrics: a family has its help, its type and a line for each set of labels") {
    MetricPage page;
    page.family(MetricKind::counter, "tandem_a_total", "What a is.");
    page.add(7);
    page.family(MetricKind::gauge, "tandem_b", "What b is.");
    page.add(1, {{"state", "early"}});
    page.add(1'000'000, {{"state", "confirmed"}});
    CHECK(page.to_text() == "# HELP tandem_a_total What a is.\n"
                            "# TYPE tandem_a_total counter\n"
                            "tandem_a_total 7\n"
                            "# HELP tandem_b What b is.\n"
                            "# TYPE tandem_b gauge\n"
                            "tandem_b{state=\"early\"} 1\n"
                            "tandem_b{state=\"confirmed\"} 1000000\n");
}

TEST_CASE("metrics: a label may be any text and stays on its line") {
    MetricPage page;
    page.family(MetricKind::gauge, "tandem_b", "B.");
    page.add(1, {{"value", "a\"b\\c\nd\xff"
                           "e"}});
    CHECK(page.to_text().find("tandem_b{value=\"a\\\"b\\\\c\\nd\xef\xbf\xbd"
                              "e\"} 1\n") != std::string::npos);
}

TEST_CASE("metrics: an empty page is an empty text") { CHECK(MetricPage().to_text().empty()); }
