#include "sim/text_message.hpp"
#include <algorithm>
#include <cctype>
#include <charconv>

namespace tandem::sim {
namespace {

std::string_view trim(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

template <class Number>
std::optional<Number> number(std::string_view text) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
    return value;
}

std::string_view long_name(std::string_view name) {
    constexpr std::pair<std::string_view, std::string_view> compact[] = {
        {"v", "Via"},     {"f", "From"},           {"t", "To"},           {"i", "Call-ID"},
        {"m", "Contact"}, {"l", "Content-Length"}, {"c", "Content-Type"}, {"k", "Supported"}};
    for (const auto &[from, to] : compact)
        if (same_word(from, name)) return to;
    return name;
}

constexpr std::string_view directions[] = {"sendrecv", "sendonly", "recvonly", "inactive"};

bool is_direction(std::string_view line) {
    return line.substr(0, 2) == "a=" &&
           std::find(std::begin(directions), std::end(directions), line.substr(2)) != std::end(directions);
}

} // namespace

bool same_word(std::string_view a, std::string_view b) {
    const auto same = [](char x, char y) {
        return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
    };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), same);
}

std::string parameter(std::string_view value, std::string_view name) {
    if (const auto close = value.find('>'); close != value.npos) value.remove_prefix(close + 1);
    for (auto at = value.find(';'); at != value.npos; at = value.find(';')) {
        value.remove_prefix(at + 1);
        const auto item = trim(value.substr(0, value.find(';')));
        const auto equals = item.find('=');
        if (same_word(trim(item.substr(0, equals)), name))
            return equals == item.npos ? std::string() : std::string(trim(item.substr(equals + 1)));
    }
    return {};
}

std::string uri_in(std::string_view value) {
    const auto open = value.find('<');
    if (open == value.npos) return std::string(trim(value.substr(0, value.find(';'))));
    return std::string(value.substr(open + 1, value.find('>', open) - open - 1));
}

std::optional<TextMessage> TextMessage::parse(std::string_view bytes, std::string &why) {
    TextMessage out;
    const auto end = bytes.find("\r\n\r\n");
    if (end == bytes.npos) {
        why = "no empty line";
        return std::nullopt;
    }
    auto head = bytes.substr(0, end + 2);
    out.body = bytes.substr(end + 4);

    const auto next_line = [&] {
        const auto stop = head.find("\r\n");
        const auto line = head.substr(0, stop);
        head.remove_prefix(stop + 2);
        return line;
    };
    const auto start = next_line();
    if (start.substr(0, 8) == "SIP/2.0 ") {
        const auto status = number<int>(start.substr(8, 3));
        if (!status || *status < 100 || *status > 699 || start.size() < 12 || start[11] != ' ') {
            why = "status line";
            return std::nullopt;
        }
        out.status = *status;
        out.phrase = start.substr(12);
    } else {
        const auto first = start.find(' ');
        const auto last = start.rfind(' ');
        if (first == start.npos || first == last || start.substr(last) != " SIP/2.0") {
            why = "request line";
            return std::nullopt;
        }
        out.method = start.substr(0, first);
        out.uri = start.substr(first + 1, last - first - 1);
    }

    std::optional<std::size_t> length;
    while (!head.empty()) {
        const auto line = next_line();
        const auto colon = line.find(':');
        if (colon == line.npos || colon == 0 || line[0] == ' ') {
            why = "header line";
            return std::nullopt;
        }
        const auto name = long_name(trim(line.substr(0, colon)));
        const auto value = trim(line.substr(colon + 1));
        if (same_word(name, "Content-Length")) {
            if (length) why = "two Content-Length";
            length = number<std::size_t>(value);
        } else {
            out.add(std::string(name), std::string(value));
        }
    }
    if (!length || *length != out.body.size()) why = "Content-Length";
    for (const auto name : {"Via", "From", "To", "Call-ID", "CSeq"})
        if (out.header(name).empty()) why = std::string("no ") + name;
    if (out.is_request() && out.header("Max-Forwards").empty()) why = "no Max-Forwards";
    if (out.is_request() && out.cseq_method() != out.method) why = "CSeq names another method";
    if (out.cseq() == 0) why = "CSeq";
    if (!out.body.empty() && out.header("Content-Type").empty()) why = "a body without Content-Type";
    if (!why.empty()) return std::nullopt;
    return out;
}

std::string TextMessage::print() const {
    std::string out;
    out.reserve(512 + body.size());
    if (is_request())
        out.append(method).append(" ").append(uri).append(" SIP/2.0\r\n");
    else
        out.append("SIP/2.0 ").append(std::to_string(status)).append(" ").append(phrase).append("\r\n");
    for (const auto &[name, value] : headers) out.append(name).append(": ").append(value).append("\r\n");
    out.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n\r\n").append(body);
    return out;
}

void TextMessage::set(std::string_view name, std::string value) {
    for (auto &header : headers)
        if (same_word(header.first, name)) {
            header.second = std::move(value);
            return;
        }
    add(std::string(name), std::move(value));
}

void TextMessage::remove(std::string_view name) {
    std::erase_if(headers, [&](const auto &header) { return same_word(header.first, name); });
}

std::string_view TextMessage::header(std::string_view name) const {
    for (const auto &[key, value] : headers)
        if (same_word(key, name)) return value;
    return {};
}

std::vector<std::string> TextMessage::list(std::string_view name) const {
    std::vector<std::string> out;
    for (const auto &[key, value] : headers) {
        if (!same_word(key, name)) continue;
        std::string_view rest = value;
        std::size_t start = 0;
        bool in_quotes = false;
        bool in_brackets = false;
        for (std::size_t i = 0; i <= rest.size(); ++i) {
            if (i < rest.size() && rest[i] == '"') in_quotes = !in_quotes;
            if (i < rest.size() && rest[i] == '<') in_brackets = true;
            if (i < rest.size() && rest[i] == '>') in_brackets = false;
            if (i < rest.size() && (rest[i] != ',' || in_quotes || in_brackets)) continue;
            out.emplace_back(trim(rest.substr(start, i - start)));
            start = i + 1;
        }
    }
    return out;
}

std::string TextMessage::from_tag() const { return parameter(header("From"), "tag"); }
std::string TextMessage::to_tag() const { return parameter(header("To"), "tag"); }

std::string TextMessage::branch() const {
    const auto vias = list("Via");
    return vias.empty() ? std::string() : parameter(vias.front(), "branch");
}

std::uint32_t TextMessage::cseq() const {
    const auto value = header("CSeq");
    return number<std::uint32_t>(value.substr(0, value.find(' '))).value_or(0);
}

std::string TextMessage::cseq_method() const {
    const auto value = header("CSeq");
    const auto space = value.find(' ');
    return space == value.npos ? std::string() : std::string(trim(value.substr(space)));
}

std::string TextMessage::contact() const {
    const auto value = header("Contact");
    return value.empty() ? std::string() : uri_in(value);
}

std::string TextMessage::label() const {
    const auto at = body.find("s=");
    if (at == body.npos) return {};
    return body.substr(at + 2, body.find("\r\n", at) - at - 2);
}

std::string bare_sdp(std::string_view body) {
    std::string out;
    while (!body.empty()) {
        const auto end = std::min(body.find("\r\n"), body.size());
        const auto line = body.substr(0, end);
        body.remove_prefix(std::min(end + 2, body.size()));
        if (line.substr(0, 2) != "o=" && !is_direction(line)) out.append(line).append("\r\n");
    }
    return out;
}

std::optional<OriginLine> origin_in(std::string_view body) {
    const auto at = body.find("\r\no=");
    if (at == body.npos) return std::nullopt;
    const auto end = std::min(body.find("\r\n", at + 2), body.size());
    const auto line = body.substr(at + 4, end - at - 4);
    const auto name = line.find(' ', line.find(' ') + 1);
    if (name == line.npos) return std::nullopt;
    const auto address = std::min(line.find(' ', name + 1), line.size());
    const auto version = number<std::uint64_t>(line.substr(name + 1, address - name - 1));
    if (!version) return std::nullopt;
    return OriginLine{std::string(line.substr(0, name)).append(line.substr(address)), *version,
                      std::string(body.substr(0, at)).append(body.substr(end))};
}

std::string direction_in(std::string_view body) {
    for (const auto word : directions)
        if (body.find("\r\na=" + std::string(word) + "\r\n") != body.npos) return std::string(word);
    return "sendrecv";
}

std::string TextMessage::title() const { return is_request() ? method : std::to_string(status) + " " + cseq_method(); }

} // namespace tandem::sim
