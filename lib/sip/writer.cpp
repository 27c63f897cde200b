#include "sip/writer.hpp"
#include <array>
#include <charconv>
#include "sip/sofia.hpp"

namespace tandem {
namespace {

void append_number(std::string &out, std::uint64_t number) {
    std::array<char, 20> digits;
    const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), number);
    out.append(digits.data(), end);
}

} // namespace

std::string_view default_reason(std::uint16_t status) {
    const char *phrase = sip_status_phrase(status);
    return phrase && *phrase ? std::string_view(phrase) : std::string_view("Unknown");
}

Writer &Writer::request_line(std::string_view method, std::string_view uri) {
    out_.append(method).append(" ").append(uri).append(" SIP/2.0\r\n");
    return *this;
}

Writer &Writer::status_line(std::uint16_t status, std::string_view reason) {
    out_.append("SIP/2.0 ");
    append_number(out_, status);
    out_.append(" ").append(reason.empty() ? default_reason(status) : reason).append("\r\n");
    return *this;
}

Writer &Writer::header(std::string_view name, std::string_view value) {
    out_.append(name).append(": ").append(value).append("\r\n");
    return *this;
}

Writer &Writer::header(std::string_view name, std::uint64_t value) {
    out_.append(name).append(": ");
    append_number(out_, value);
    out_.append("\r\n");
    return *this;
}

Writer &Writer::header(const HeaderLine &line) {
    return header(line.id == Header::other ? line.name : header_name(line.id), line.value);
}

Writer &Writer::via(Transport transport, std::string_view sent_by, std::string_view branch) {
    out_.append("Via: SIP/2.0/").append(to_string(transport)).append(" ").append(sent_by);
    out_.append(";branch=").append(branch).append(";rport\r\n");
    return *this;
}

Writer &Writer::vias_of(const Message &request) {
    request.append_vias(out_);
    return *this;
}

Writer &Writer::party(std::string_view name, std::string_view display, std::string_view uri, std::string_view tag) {
    out_.append(name).append(": ");
    if (!display.empty()) out_.append(display).append(" ");
    out_.append("<").append(uri).append(">");
    if (!tag.empty()) out_.append(";tag=").append(tag);
    out_.append("\r\n");
    return *this;
}

Writer &Writer::cseq(std::uint32_t number, std::string_view method) {
    out_.append("CSeq: ");
    append_number(out_, number);
    out_.append(" ").append(method).append("\r\n");
    return *this;
}

Writer &Writer::lines(std::string_view whole_lines) {
    out_.append(whole_lines);
    return *this;
}

void Writer::body(std::string_view body) {
    header("Content-Length", body.size());
    out_.append("\r\n").append(body);
}

void write_response(std::string &out, const Message &request, std::uint16_t status, std::string_view reason,
                    std::string_view to_tag, std::string_view extra) {
    Writer writer(out);
    writer.status_line(status, reason).vias_of(request).header("From", request.value(Header::from));
    out.append("To: ").append(request.value(Header::to));
    if (request.to_tag().empty() && !to_tag.empty()) out.append(";tag=").append(to_tag);
    out.append("\r\n");
    writer.header("Call-ID", request.value(Header::call_id)).header("CSeq", request.value(Header::cseq));
    writer.lines(extra).body();
}

} // namespace tandem
