#include "sip/message.hpp"
#include <algorithm>
#include <utility>
#include "base/text.hpp"
#include "sip/message_parsed.hpp"

namespace tandem {

Message::Message(std::unique_ptr<Parsed> parsed) : parsed_(parsed.release()) {}

Message::Message(const Message &other) noexcept : parsed_(other.parsed_) {
    if (parsed_) ++parsed_->owners;
}

Message::Message(Message &&other) noexcept : parsed_(std::exchange(other.parsed_, nullptr)) {}

Message &Message::operator=(Message other) noexcept {
    std::swap(parsed_, other.parsed_);
    return *this;
}

Message::~Message() {
    if (parsed_ && --parsed_->owners == 0) delete parsed_;
}

std::size_t Message::size() const { return parsed_->size; }
std::string_view Message::defect() const { return parsed_->defect; }
std::uint16_t Message::defect_status() const { return parsed_->defect_status; }
bool Message::is_request() const { return parsed_->is_request; }
Method Message::method() const { return parsed_->method; }
std::string_view Message::method_name() const { return parsed_->method_name; }
std::uint16_t Message::status() const { return parsed_->status; }
std::string_view Message::reason_phrase() const { return parsed_->reason_phrase; }
std::string_view Message::request_uri() const { return parsed_->request_uri; }
std::string_view Message::call_id() const { return parsed_->call_id; }
std::string_view Message::from_tag() const { return parsed_->from_tag; }
std::string_view Message::to_tag() const { return parsed_->to_tag; }
std::string_view Message::from_uri() const { return parsed_->from_uri; }
std::string_view Message::to_uri() const { return parsed_->to_uri; }
std::string_view Message::from_display() const { return parsed_->from_display; }
std::string_view Message::to_display() const { return parsed_->to_display; }
std::uint32_t Message::cseq() const { return parsed_->cseq; }
std::optional<std::uint32_t> Message::max_forwards() const { return parsed_->max_forwards; }
std::string_view Message::contact_uri() const { return parsed_->contact_uri; }
std::string_view Message::content_type() const { return value(Header::content_type); }
std::string_view Message::body() const { return parsed_->body; }

std::string_view MessageFields::value(Header header) const {
    for (const HeaderLine &line : lines) {
        if (line.id == header) return line.value;
    }
    return {};
}

bool Message::has(Header header) const {
    return std::any_of(headers().begin(), headers().end(), [&](const HeaderLine &line) { return line.id == header; });
}

std::string_view Message::value(Header header) const { return parsed_->value(header); }

std::string Message::values(Header header) const {
    std::string values;
    for (const HeaderLine &line : headers()) {
        if (line.id != header) continue;
        if (!values.empty()) values.append(",");
        values.append(line.value);
    }
    return values;
}

std::vector<std::string_view> Message::lines(Header header) const {
    std::vector<std::string_view> lines;
    for (const HeaderLine &line : headers()) {
        if (line.id == header) lines.push_back(line.value);
    }
    return lines;
}

std::span<const HeaderLine> Message::headers() const { return parsed_->lines; }

void Message::drop(Header header) {
    std::erase_if(parsed_->lines, [header](const HeaderLine &line) { return line.id == header; });
}

std::vector<std::string_view> Message::routes(Header header) const {
    std::vector<std::string_view> routes;
    for (const HeaderLine &line : headers()) {
        if (line.id != header) continue;
        const std::vector<std::string_view> entries = split_values(line.value);
        routes.insert(routes.end(), entries.begin(), entries.end());
    }
    return routes;
}

} // namespace tandem
