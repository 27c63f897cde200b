#include "metrics/metric_page.hpp"
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <utility>
#include <vector>
#include "base/assert.hpp"
#include "base/text.hpp"

namespace tandem {
namespace {

std::string utf8_of(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const Utf8Part part = first_utf8(text);
        out += part.is_valid ? text.substr(0, part.size) : "\xef\xbf\xbd"; // U+FFFD
        text.remove_prefix(part.size);
    }
    return out;
}

} // namespace

struct MetricPage::Families {
    std::vector<prometheus::MetricFamily> all;

    void add(double value, std::initializer_list<MetricLabel> labels) {
        TANDEM_ASSERT(!all.empty(), "a value belongs to a family");
        prometheus::MetricFamily &family = all.back();
        prometheus::ClientMetric metric;
        for (const MetricLabel &label : labels) {
            metric.label.push_back({std::string(label.name), utf8_of(label.value)});
        }
        (family.type == prometheus::MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
        family.metric.push_back(std::move(metric));
    }
};

MetricPage::MetricPage() : families_(std::make_unique<Families>()) {}
MetricPage::~MetricPage() = default;

void MetricPage::family(MetricKind kind, std::string_view name, std::string_view help) {
    prometheus::MetricFamily family;
    family.name = name;
    family.help = help;
    family.type = kind == MetricKind::counter ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge;
    families_->all.push_back(std::move(family));
}

void MetricPage::add(std::uint64_t value, std::initializer_list<MetricLabel> labels) {
    families_->add(static_cast<double>(value), labels);
}

std::string MetricPage::to_text() const { return prometheus::TextSerializer().Serialize(families_->all); }

} // namespace tandem
