#include "event/event.hpp"
#include <fmt/format.h>
#include <iterator>
#include "base/json_text.hpp"

namespace tandem {

void append_members(std::string &out, const Event &event) {
    fmt::format_to(std::back_inserter(out), "\"seq\":{},\"event\":", event.sequence);
    append_json_string(out, event.name);
    fmt::format_to(std::back_inserter(out), ",\"time-us\":{}", event.time_us);
    for (std::size_t i = 0; i < event.fields.size(); ++i) {
        out += ',';
        append_json_string(out, event.fields.key(i));
        out += ':';
        append_json_string(out, event.fields.value(i));
    }
    if (!event.data.empty()) out.append(",\"data\":").append(event.data);
}

std::string to_json(const Event &event) {
    std::string out = "{";
    append_members(out, event);
    out += '}';
    return out;
}

} // namespace tandem
