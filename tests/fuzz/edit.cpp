#include "fuzz/edit.hpp"
#include <algorithm>
#include <cstdint>
#include "base/text.hpp"
#include "fuzz/line.hpp"
#include "sip/limits.hpp"

namespace tandem::test {
namespace {

struct Range {
    std::size_t start;
    std::size_t end; // with the line end
};

std::size_t headers_start(const std::string &bytes) {
    const std::size_t end = bytes.find('\n');
    return end == std::string::npos ? bytes.size() : end + 1;
}

// The first header line with this name; empty, behind the start line, if there is none.
Range find_header(const std::string &bytes, std::string_view name) {
    std::size_t start = headers_start(bytes);
    while (start < bytes.size()) {
        const std::size_t stop = bytes.find('\n', start);
        const std::size_t end = stop == std::string::npos ? bytes.size() : stop + 1;
        const std::string_view line = std::string_view(bytes).substr(start, end - start);
        if (trim(line).empty()) break;
        if (equals_ignoring_case(trim(line.substr(0, line.find(':'))), name)) return {start, end};
        start = end;
    }
    return {headers_start(bytes), headers_start(bytes)};
}

void set_header(std::string &bytes, std::string_view name, const std::string &line) {
    const Range range = find_header(bytes, name);
    bytes.replace(range.start, range.end - range.start, line);
}

void set_body(std::string &bytes, std::string_view body) {
    const std::size_t end = bytes.find("\r\n\r\n");
    if (end == std::string::npos) return;
    bytes.replace(end + 4, std::string::npos, body);
    set_header(bytes, "Content-Length", "Content-Length: " + std::to_string(body.size()) + "\r\n");
}

std::string repeated(std::string_view text, std::size_t count) {
    std::string out;
    while (count-- > 0 && out.size() + text.size() <= datagram_size_max) out.append(text);
    return out;
}

} // namespace

void edit(std::string &bytes, std::string_view what) {
    Line line(what);
    switch (line.letter()) {
    case '=': // m=Name: value       takes the place of the header, or is added
        set_header(bytes, trim(line.rest().substr(0, line.rest().find(':'))), std::string(line.rest()) + "\r\n");
        break;
    case '-': set_header(bytes, trim(line.rest()), {}); break;
    case '+': bytes.insert(headers_start(bytes), std::string(line.rest()) + "\r\n"); break;
    case '*': { // m*count Name: value   the line as often as that
        const std::uint32_t count = line.number(600);
        bytes.insert(headers_start(bytes), repeated(std::string(line.rest()) + "\r\n", count));
        break;
    }
    case '~': { // m~count Name: value   the value as often as that
        const std::uint32_t count = line.number(20'000);
        const std::string_view name = line.rest().substr(0, line.rest().find(':'));
        const std::string_view value = line.rest().substr(std::min(name.size() + 1, line.rest().size()));
        set_header(bytes, trim(name), std::string(name) + ": " + repeated(value, count) + "\r\n");
        break;
    }
    case '!': bytes.replace(0, headers_start(bytes), std::string(line.rest()) + "\r\n"); break;
    case '@': { // m@offset text
        const std::size_t at = std::min<std::size_t>(line.number(datagram_size_max), bytes.size());
        bytes.replace(at, line.rest().size(), line.rest());
        break;
    }
    case '^': { // m^offset text
        const std::size_t at = std::min<std::size_t>(line.number(datagram_size_max), bytes.size());
        bytes.insert(at, line.rest());
        break;
    }
    case '<': bytes.resize(std::min<std::size_t>(line.number(datagram_size_max), bytes.size())); break;
    case 'b': set_body(bytes, line.rest()); break;
    default: break;
    }
    if (bytes.size() > datagram_size_max) bytes.resize(datagram_size_max);
}

} // namespace tandem::test
