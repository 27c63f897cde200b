#include "net/http/web_socket_frame.hpp"
#include "base/text.hpp"

namespace tandem {
namespace {

constexpr std::size_t control_max = 125; // RFC 6455 section 5.5
constexpr std::size_t mask_size = 4;

std::uint8_t byte_at(std::string_view text, std::size_t at) { return static_cast<std::uint8_t>(text[at]); }

std::uint64_t number_at(std::string_view text, std::size_t at, std::size_t size) {
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < size; ++i) number = number << 8 | byte_at(text, at + i);
    return number;
}

bool is_control(WebSocketOpcode opcode) { return opcode >= WebSocketOpcode::close; }

bool is_known(std::uint8_t opcode) { return opcode <= 2 || (opcode >= 8 && opcode <= 10); }

// RFC 6455 section 7.4: those of the protocol that may be sent, those of its registry, those of applications.
bool may_be_sent(std::uint16_t code) {
    return (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
           (code >= 3000 && code <= 4999);
}

WebSocketInput failure(WebSocketClose code, std::string_view why) { return {WebSocketInputKind::failed, why, code}; }

} // namespace

WebSocketInput WebSocketReader::next() {
    release();
    for (;;) {
        Head head;
        if (const auto bad = read_head(head); bad.kind == WebSocketInputKind::failed) return bad;
        if (head.head == 0) return {};
        // What is too large is refused before it comes.
        if (const auto bad = check(head); bad.kind == WebSocketInputKind::failed) return bad;
        if (in_.size() - used_ < head.head + head.size) return {};
        const std::string_view payload = unmask(head);
        used_ += head.head + head.size;
        if (is_control(head.opcode)) return take_control(head.opcode, payload);

        message_.append(payload);
        ++fragments_;
        if (!head.is_final) continue;
        fragments_ = 0;
        if (!is_utf8(message_)) return failure(WebSocketClose::invalid_text, "text that is no UTF-8");
        return {WebSocketInputKind::text, message_, WebSocketClose::none};
    }
}

WebSocketInput WebSocketReader::read_head(Head &head) const {
    const std::string_view in = std::string_view(in_).substr(used_);
    if (in.size() < 2) return {};
    const std::uint8_t first = byte_at(in, 0);
    const std::uint8_t second = byte_at(in, 1);
    if ((first & 0x70) != 0) return failure(WebSocketClose::protocol_error, "an extension that was not agreed on");
    if (!is_known(first & 0x0f)) return failure(WebSocketClose::protocol_error, "an unknown opcode");
    if ((second & 0x80) == 0) return failure(WebSocketClose::protocol_error, "a frame without a mask");
    head.is_final = (first & 0x80) != 0;
    head.opcode = static_cast<WebSocketOpcode>(first & 0x0f);

    const std::uint8_t brief = second & 0x7f;
    const std::size_t more = brief == 127 ? 8 : brief == 126 ? 2 : 0;
    if (in.size() < 2 + more + mask_size) return {};
    const std::uint64_t size = more == 0 ? brief : number_at(in, 2, more);
    const std::uint64_t least = more == 0 ? 0 : more == 2 ? 126 : 0x10000;
    if (size < least) return failure(WebSocketClose::protocol_error, "a length that is longer than it must be");
    // The highest bit may not be set; what is beyond the limit is told from it all the same.
    if (size >> 63 != 0) return failure(WebSocketClose::protocol_error, "a length of 64 bits");
    if (size > limits_.message_max && !is_control(head.opcode)) {
        return failure(WebSocketClose::too_big, "a message beyond the limit");
    }
    head.size = static_cast<std::size_t>(size);
    head.head = 2 + more + mask_size;
    return {};
}

WebSocketInput WebSocketReader::check(const Head &head) const {
    if (is_control(head.opcode)) {
        const bool is_right = head.is_final && head.size <= control_max;
        return is_right ? WebSocketInput()
                        : failure(WebSocketClose::protocol_error, "a control frame that is too long");
    }
    const bool continues = head.opcode == WebSocketOpcode::continuation;
    if (continues != (fragments_ > 0)) return failure(WebSocketClose::protocol_error, "fragments out of order");
    if (head.opcode == WebSocketOpcode::binary) return failure(WebSocketClose::unsupported_data, "a binary message");
    if (message_.size() + head.size > limits_.message_max) {
        return failure(WebSocketClose::too_big, "a message beyond the limit");
    }
    if (fragments_ >= limits_.fragments_max) return failure(WebSocketClose::policy, "too many fragments");
    return {};
}

WebSocketInput WebSocketReader::take_control(WebSocketOpcode opcode, std::string_view payload) {
    if (opcode == WebSocketOpcode::ping) return {WebSocketInputKind::ping, payload, WebSocketClose::none};
    if (opcode == WebSocketOpcode::pong) return {WebSocketInputKind::pong, {}, WebSocketClose::none};
    if (payload.empty()) return {WebSocketInputKind::close, {}, WebSocketClose::none};
    const auto code = static_cast<std::uint16_t>(payload.size() < 2 ? 0 : number_at(payload, 0, 2));
    if (!may_be_sent(code)) return failure(WebSocketClose::protocol_error, "a close code that nobody may send");
    if (!is_utf8(payload.substr(2))) return failure(WebSocketClose::invalid_text, "text that is no UTF-8");
    return {WebSocketInputKind::close, {}, static_cast<WebSocketClose>(code)};
}

std::string_view WebSocketReader::unmask(const Head &head) {
    char *const payload = in_.data() + used_ + head.head;
    const char *const mask = payload - mask_size;
    for (std::size_t i = 0; i < head.size; ++i) {
        payload[i] = static_cast<char>(byte_at({payload, head.size}, i) ^ byte_at({mask, mask_size}, i % mask_size));
    }
    return {payload, head.size};
}

// What was handed out is done with.
void WebSocketReader::release() {
    if (fragments_ == 0) message_.clear();
    constexpr std::size_t kept = 4096;
    if (used_ == in_.size() || used_ > kept) {
        in_.erase(0, used_);
        used_ = 0;
    }
    if (in_.empty() && in_.capacity() > kept) in_.shrink_to_fit();
    if (message_.empty() && message_.capacity() > kept) message_.shrink_to_fit();
}

void write_frame(std::string &out, WebSocketOpcode opcode, std::string_view payload) {
    const auto put = [&out](std::uint64_t byte) { out += static_cast<char>(byte & 0xff); };
    const std::uint64_t size = payload.size();
    put(0x80U | static_cast<std::uint8_t>(opcode));
    const unsigned more = size < 126 ? 0 : size <= 0xffff ? 2 : 8;
    put(more == 0 ? size : more == 2 ? 126 : 127);
    for (unsigned i = more; i > 0; --i) put(size >> 8 * (i - 1));
    out.append(payload);
}

void write_close_frame(std::string &out, WebSocketClose code, std::string_view reason) {
    std::string payload;
    if (code != WebSocketClose::none && code != WebSocketClose::abnormal) {
        const auto number = static_cast<std::uint16_t>(code);
        payload += static_cast<char>(number >> 8);
        payload += static_cast<char>(number & 0xff);
        payload += reason.substr(0, control_max - 2);
    }
    write_frame(out, WebSocketOpcode::close, payload);
}

} // namespace tandem
