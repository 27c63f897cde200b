#include "sip/stream_framer.hpp"
#include <algorithm>
#include <optional>
#include "base/text.hpp"
#include "sip/header.hpp"

namespace tandem {
namespace {

constexpr std::size_t kept_max = 1024; // capacity that a connection keeps while nothing has begun

bool is_line_end(char c) { return c == '\r' || c == '\n'; }
bool is_blank(char c) { return c == ' ' || c == '\t'; }

// The end of a header that begins at `from`, with the lines that are folded into it (RFC 3261 section 7.3.1).
std::size_t end_of_header(std::string_view headers, std::size_t from) {
    for (;;) {
        const std::size_t end = headers.find('\n', from);
        if (end == std::string_view::npos) return headers.size();
        if (end + 1 >= headers.size() || !is_blank(headers[end + 1])) return end;
        from = end + 1;
    }
}

// Blanks and folds around it are the grammar's (SWS); anything inside it is not.
std::string_view value_of(std::string_view header) { return trim(header.substr(header.find(':') + 1)); }

bool is_content_length(std::string_view header) {
    const std::size_t colon = header.find(':');
    if (colon == std::string_view::npos) return false;
    const std::string_view name = trim(header.substr(0, colon));
    return equals_ignoring_case(name, "l") || equals_ignoring_case(name, header_name(Header::content_length));
}

bool is_number(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

} // namespace

void StreamFramer::feed(std::string_view bytes) {
    if (is_broken_) return;
    if (!is_kept_) {
        rest_ = bytes;
        return;
    }
    kept_.append(bytes);
    rest_ = kept_;
}

void StreamFramer::release() {
    if (is_broken_) rest_ = {};
    if (is_kept_) {
        kept_.erase(0, kept_.size() - rest_.size());
    } else {
        kept_.assign(rest_);
    }
    is_kept_ = !kept_.empty();
    if (!is_kept_ && kept_.capacity() > kept_max) std::string().swap(kept_);
    rest_ = kept_;
}

// A run of any length leaves nothing but how it ended.
bool StreamFramer::skip_line_ends() {
    bool is_ping = false;
    std::size_t i = 0;
    for (; i < rest_.size() && is_line_end(rest_[i]); ++i) {
        const bool is_expected = (rest_[i] == '\r') == (line_ends_ % 2 == 0);
        line_ends_ = is_expected ? static_cast<std::uint8_t>(line_ends_ + 1) : std::uint8_t(rest_[i] == '\r');
        if (line_ends_ < 4) continue;
        line_ends_ = 0;
        is_ping = true;
    }
    rest_.remove_prefix(i);
    return is_ping;
}

Frame StreamFramer::next() {
    if (is_broken_) return {};
    if (size_ == 0) {
        if (scanned_ == 0 && skip_line_ends()) return {FrameKind::ping, {}, 0, {}};
        if (rest_.empty()) return {};
        line_ends_ = 0;
        // A method or "SIP": not a handshake of TLS that has come to the wrong port, for one.
        if (rest_[0] <= ' ' || rest_[0] == '\x7f') return give_up(400, "Bad Start Line");
        // However it is cut; nobody waits for an end that may never come.
        if (scanned_ == 0 && std::min(rest_.find('\n'), rest_.size()) > start_line_size_max) {
            return give_up(414, "Start Line Too Long");
        }
        if (!find_headers_end()) {
            if (is_broken_) return {FrameKind::broken, rest_.substr(0, scanned_), 400, "Bad Byte In Header"};
            return rest_.size() > size_max_ ? give_up(413, "Headers Too Long") : Frame();
        }
        const Length length = content_length();
        if (!length.defect.empty()) return give_up(length.status, length.defect);
        if (length.value > size_max_ || headers_end_ + length.value > size_max_) {
            return give_up(413, "Message Too Long");
        }
        size_ = headers_end_ + length.value;
    }
    return rest_.size() < size_ ? Frame() : take(size_);
}

// Lines end with LF, as sofia's parser takes them; the CR before it may be missing. A CR elsewhere ends a line for some
// parsers, and a NUL the whole text.
bool StreamFramer::find_headers_end() {
    for (;;) {
        const std::size_t end = rest_.find('\n', scanned_);
        if (end == std::string_view::npos) return false;
        std::string_view line = rest_.substr(scanned_, end - scanned_);
        if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
        if (line.find_first_of(std::string_view("\r\0", 2)) != std::string_view::npos) {
            is_broken_ = true;
            return false;
        }
        scanned_ = end + 1;
        if (!line.empty()) continue;
        headers_end_ = scanned_;
        return true;
    }
}

StreamFramer::Length StreamFramer::content_length() const {
    const std::string_view headers = rest_.substr(0, headers_end_);
    std::optional<std::string_view> found;
    for (std::size_t at = headers.find('\n') + 1; at < headers.size();) {
        const std::size_t end = end_of_header(headers, at);
        const std::string_view header = headers.substr(at, end - at);
        at = end + 1;
        if (header.empty() || is_blank(header[0]) || !is_content_length(header)) continue;
        const std::string_view value = value_of(header);
        if (!is_number(value)) return {0, "Bad Content-Length"};
        if (found && *found != value) return {0, "Two Content-Lengths"};
        found = value;
    }
    if (!found) return {0, "Missing Content-Length"}; // RFC 3261 section 20.14: it must be there on a stream
    const auto value = parse_number(*found);
    if (!value || *value > size_max_) return {0, "Message Too Long", 413};
    return {static_cast<std::size_t>(*value), {}};
}

Frame StreamFramer::take(std::size_t size) {
    const Frame frame{FrameKind::message, rest_.substr(0, size), 0, {}};
    rest_.remove_prefix(size);
    scanned_ = headers_end_ = size_ = 0;
    return frame;
}

Frame StreamFramer::give_up(std::uint16_t status, std::string_view reason) {
    is_broken_ = true;
    const std::size_t size = headers_end_ != 0 ? headers_end_ : std::min(rest_.size(), size_max_);
    return {FrameKind::broken, rest_.substr(0, size), status, reason};
}

} // namespace tandem
