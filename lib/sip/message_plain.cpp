// The everyday message in one pass, at a quarter of what sofia takes. Whatever is spelled in an unusual way, also what
// is malformed, is left to sofia: this reader never calls a message bad, it only declines. What it takes reads the same
// in sofia; tests and the fuzzer hold it to that.
#include "base/text.hpp"
#include "sip/limits.hpp"
#include "sip/message_fields.hpp"
#include "sip/plain_text.hpp"

namespace tandem {
namespace {

// A line that ends in CRLF and has no CR within; false if there is none.
bool take_line(std::string_view &rest, std::string_view &line) {
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos || end == 0 || rest.find('\r') + 1 != end) return false;
    line = rest.substr(0, end - 1);
    rest.remove_prefix(end + 1);
    return true;
}

bool any_param(std::string_view, std::string_view) { return true; }

// A parameter that a dialog or transaction hangs on: once, in lower case, with a value of one word.
bool set_once(std::string_view value, std::string_view &field, std::size_t size_max) {
    if (value.empty() || value.front() == '"' || value.size() > size_max || !field.empty()) return false;
    field = value;
    return true;
}

bool take_bracketed_uri(Cursor &cursor, std::string_view &text) {
    PlainUri uri;
    if (!cursor.take('<') || !take_uri(cursor, uri) || !cursor.take('>')) return false;
    text = uri.text;
    return true;
}

// One word, or text in quotation marks; empty if there is none.
bool take_display(Cursor &cursor, std::string_view &display) {
    const char *start = cursor.at();
    if (cursor.take('"')) {
        cursor.take_all(CharSet::phrase);
        if (!cursor.take('"')) return false;
    } else {
        cursor.take_all(CharSet::word);
    }
    display = {start, cursor.at()};
    if (!display.empty()) cursor.take(' ');
    return true;
}

class PlainReader {
public:
    explicit PlainReader(MessageFields &fields) : fields_(fields) {}

    bool read(std::string_view bytes) {
        std::string_view rest = bytes;
        std::string_view line;
        if (!take_line(rest, line) || !read_start(line)) return false;
        fields_.lines.reserve(24); // as many as an INVITE usually has
        while (take_line(rest, line)) {
            if (line.empty()) return read_end(bytes, rest);
            if (!read_header(line)) return false;
        }
        return false;
    }

private:
    bool read_start(std::string_view line) {
        Cursor cursor(line);
        if (cursor.take("SIP/2.0 ")) return read_status(cursor);
        fields_.is_request = true;
        fields_.method_name = cursor.take_all(CharSet::word);
        fields_.method = parse_method(fields_.method_name);
        PlainUri uri;
        if (fields_.method == Method::unknown || !cursor.take(' ') || !take_uri(cursor, uri)) return false;
        fields_.request_uri = uri.text;
        return cursor.take(" SIP/2.0") && cursor.is_done();
    }

    bool read_status(Cursor &cursor) {
        std::uint64_t status = 0;
        if (!take_number(cursor, 3, 699, status) || status < 100 || !cursor.take(' ')) return false;
        fields_.status = static_cast<std::uint16_t>(status);
        fields_.reason_phrase = cursor.take_all(CharSet::phrase);
        return cursor.is_done() && !fields_.reason_phrase.empty() &&
               trim(fields_.reason_phrase) == fields_.reason_phrase;
    }

    bool read_header(std::string_view text) {
        Cursor cursor(text);
        const std::string_view name = cursor.take_all(CharSet::word);
        if (name.empty() || !cursor.take(':') || fields_.lines.size() + 1 == header_count_max) return false;
        if (text.size() > header_size_max) return false;
        HeaderLine &line = fields_.lines.emplace_back();
        line.id = parse_header_name(name);
        line.name = name;
        line.value = trim(text.substr(name.size() + 1));
        return !line.value.empty() && read_value(line.id, line.value);
    }

    // Only of the headers that tandem acts on. All others pass as text.
    bool read_value(Header header, std::string_view value) {
        Cursor cursor(value);
        switch (header) {
        case Header::via: return read_via(cursor);
        case Header::from:
            return is_first(header) && read_party(cursor, fields_.from_display, fields_.from_uri, fields_.from_tag);
        case Header::to:
            return is_first(header) && read_party(cursor, fields_.to_display, fields_.to_uri, fields_.to_tag);
        case Header::call_id: return is_first(header) && read_call_id(cursor);
        case Header::cseq: return is_first(header) && read_cseq(cursor);
        case Header::contact: return is_first(header) && read_contact(cursor);
        case Header::max_forwards: return is_first(header) && read_max_forwards(cursor);
        case Header::content_length:
            return is_first(header) && take_number(cursor, 5, message_size_max, body_size_) && cursor.is_done();
        case Header::content_type: return is_first(header) && read_content_type(cursor);
        case Header::require: return is_first(header) && !cursor.take_all(CharSet::word).empty() && cursor.is_done();
        case Header::route:
        case Header::record_route: return read_route(cursor);
        default: return true;
        }
    }

    bool is_first(Header header) {
        const std::uint64_t bit = std::uint64_t{1} << static_cast<unsigned>(header);
        static_assert(static_cast<unsigned>(Header::www_authenticate) < 64);
        if ((seen_ & bit) != 0) return false;
        seen_ |= bit;
        return true;
    }
    bool has(Header header) const { return (seen_ >> static_cast<unsigned>(header) & 1) != 0; }

    bool read_via(Cursor &cursor) {
        ViaFields via;
        const char *start = cursor.at();
        if (!cursor.take("SIP/2.0/")) return false;
        const auto transport = parse_transport(cursor.take_all(CharSet::word));
        if (!transport) return false;
        via.protocol = {start, cursor.at()};
        // Written otherwise it is the same protocol, but not the same text.
        if (via.protocol.substr(8) != to_string(*transport) || !cursor.take(' ')) return false;
        via.view.transport = *transport;
        via.view.host = cursor.take_all(CharSet::host);
        if (via.view.host.empty() || !take_via_port(cursor, via.view.port)) return false;
        const char *params = cursor.at();
        const auto on_param = [&via](std::string_view name, std::string_view value) {
            if (name == "branch") return set_once(value, via.view.branch, branch_size_max);
            if (name == "rport") via.view.has_rport = true;
            if (name == "alias") via.view.has_alias = true;
            if (name == "rport" || name == "alias") return true;
            return !equals_ignoring_case(name, "branch") && !equals_ignoring_case(name, "rport") &&
                   !equals_ignoring_case(name, "alias");
        };
        if (!take_params(cursor, on_param) || !cursor.is_done() || via.view.branch.empty()) return false;
        via.params = {params, cursor.at()};
        if (fields_.vias.size() == via_count_max) return false;
        fields_.vias.push_back(via);
        return true;
    }

    // The text of it, as a response has to repeat it; also none.
    static bool take_via_port(Cursor &cursor, std::string_view &text) {
        if (!cursor.take(':')) return true;
        const char *start = cursor.at();
        std::uint16_t port = 0;
        if (!take_port(cursor, port)) return false;
        text = {start, cursor.at()};
        return true;
    }

    static bool read_party(Cursor &cursor, std::string_view &display, std::string_view &uri, std::string_view &tag) {
        const auto on_param = [&tag](std::string_view name, std::string_view value) {
            if (name == "tag") return set_once(value, tag, tag_size_max);
            return !equals_ignoring_case(name, "tag");
        };
        return take_display(cursor, display) && take_bracketed_uri(cursor, uri) && take_params(cursor, on_param) &&
               cursor.is_done();
    }

    bool read_call_id(Cursor &cursor) {
        const char *start = cursor.at();
        if (cursor.take_all(CharSet::word).empty()) return false;
        if (cursor.take('@') && cursor.take_all(CharSet::word).empty()) return false;
        fields_.call_id = {start, cursor.at()};
        return cursor.is_done() && fields_.call_id.size() <= call_id_size_max;
    }

    bool read_cseq(Cursor &cursor) {
        std::uint64_t number = 0;
        if (!take_number(cursor, 10, 0x7fffffff, number) || !cursor.take(' ')) return false;
        const std::string_view name = cursor.take_all(CharSet::word);
        if (!cursor.is_done()) return false;
        fields_.cseq = static_cast<std::uint32_t>(number);
        if (fields_.is_request) return name == fields_.method_name;
        fields_.method_name = name;
        fields_.method = parse_method(name);
        return fields_.method != Method::unknown;
    }

    bool read_contact(Cursor &cursor) {
        std::string_view display;
        return take_display(cursor, display) && take_bracketed_uri(cursor, fields_.contact_uri) &&
               take_params(cursor, any_param) && cursor.is_done();
    }

    bool read_max_forwards(Cursor &cursor) {
        std::uint64_t number = 0;
        if (!take_number(cursor, 3, 255, number) || !cursor.is_done()) return false;
        fields_.max_forwards = static_cast<std::uint32_t>(number);
        return true;
    }

    static bool read_content_type(Cursor &cursor) {
        return !cursor.take_all(CharSet::word).empty() && cursor.take('/') && !cursor.take_all(CharSet::word).empty() &&
               take_params(cursor, any_param) && cursor.is_done();
    }

    bool read_route(Cursor &cursor) {
        std::string_view uri;
        return ++routes_ <= route_count_max && take_bracketed_uri(cursor, uri) && cursor.is_done();
    }

    bool read_end(std::string_view bytes, std::string_view body) {
        for (Header needed : {Header::from, Header::to, Header::call_id, Header::cseq, Header::content_length}) {
            if (!has(needed)) return false;
        }
        const std::string_view headers = bytes.substr(0, bytes.size() - body.size());
        if (fields_.vias.empty() || body_size_ != body.size() || headers.find('\0') != std::string_view::npos)
            return false;
        fields_.body = body;
        return true;
    }

    MessageFields &fields_;
    std::uint64_t seen_ = 0; // a bit for each Header that may stand once
    std::uint64_t body_size_ = 0;
    std::size_t routes_ = 0;
};

} // namespace

bool read_plain(std::string_view bytes, MessageFields &fields) { return PlainReader(fields).read(bytes); }

} // namespace tandem
