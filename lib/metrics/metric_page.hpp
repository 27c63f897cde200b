// Numbers for Prometheus: families with a name and a help, each with a value for every set of labels, as one page of
// its text format. A page is made when somebody asks for it, from counters that others have kept.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

namespace tandem {

enum class MetricKind : std::uint8_t {
    counter, // since the start of the process; its name ends in _total
    gauge,   // now
};

struct MetricLabel {
    std::string_view name;
    std::string_view value; // any text: what is no UTF-8 in it becomes U+FFFD
};

class MetricPage {
public:
    MetricPage();
    ~MetricPage();

    // Begins a family, each name once. The values that follow are its own.
    void family(MetricKind kind, std::string_view name, std::string_view help);
    void add(std::uint64_t value, std::initializer_list<MetricLabel> labels = {}); // each set of labels once

    std::string to_text() const;
    static constexpr std::string_view content_type = "text/plain; version=0.0.4; charset=utf-8";

private:
    struct Families;
    std::unique_ptr<Families> families_;
};

} // namespace tandem
