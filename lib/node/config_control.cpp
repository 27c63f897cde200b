// [control]: who decides about calls.
#include <fmt/format.h>
#include "net/http/http_client.hpp"
#include "node/config_sections.hpp"

namespace tandem {
namespace {

constexpr std::size_t server_max = 16;

// A URL may have a password in it, which no problem repeats.
void read_urls(ConfigSection &section, ControlConfig &control) {
    const TomlValue *urls = section.texts("url");
    if (!urls) return;
    for (const TomlValue &item : urls->items) {
        if (!is_http_url(item.text) || item.text.size() > 1024) {
            section.problem(item.at, "bad URL in \"url\" of [control]; write for example "
                                     "\"http://127.0.0.1:8082/api/callcontrol\"");
        }
        control.urls.push_back(item.text);
    }
    if (control.urls.size() > server_max) {
        section.problem(urls->at, fmt::format("\"url\" in [control] may name {} servers at most, not {}", server_max,
                                              control.urls.size()));
    }
}

} // namespace

void read_control(ConfigSection &section, Config &config) {
    ControlConfig &control = config.control;
    read_urls(section, control);
    section.milliseconds("timeout_ms", 1, 60'000, control.timeout);
    std::string on_failure = "reject";
    section.choice("on_failure", {"reject", "allow"}, on_failure);
    control.allows_undecided = on_failure == "allow";
    section.text("ca", control.ca);
    std::int64_t pending = control.pending_max;
    section.number("pending_max", 1, 1'000'000, pending);
    control.pending_max = static_cast<std::uint32_t>(pending);
    const TomlValue *asked = section.flag("register", control.is_asked_for_register);
    if (control.is_asked_for_register && control.urls.empty()) {
        section.problem(asked->at, "\"register\" in [control] needs \"url\" beside it");
    }
    section.finish();
}

} // namespace tandem
