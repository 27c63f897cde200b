#include <array>
#include <cstring>
#include <string>
#include "base/method.hpp"
#include "capi/message_view.hpp"
#include "capi/status.hpp"
#include "capi/struct_size.hpp"

namespace tandem::capi {
namespace {

static_assert(static_cast<std::uint32_t>(Method::invite) == TANDEM_METHOD_INVITE);
static_assert(static_cast<std::uint32_t>(Method::ack) == TANDEM_METHOD_ACK);
static_assert(static_cast<std::uint32_t>(Method::bye) == TANDEM_METHOD_BYE);
static_assert(static_cast<std::uint32_t>(Method::cancel) == TANDEM_METHOD_CANCEL);
static_assert(static_cast<std::uint32_t>(Method::options) == TANDEM_METHOD_OPTIONS);
static_assert(static_cast<std::uint32_t>(Method::register_) == TANDEM_METHOD_REGISTER);
static_assert(static_cast<std::uint32_t>(Method::prack) == TANDEM_METHOD_PRACK);
static_assert(static_cast<std::uint32_t>(Method::update) == TANDEM_METHOD_UPDATE);
static_assert(static_cast<std::uint32_t>(Method::info) == TANDEM_METHOD_INFO);
static_assert(static_cast<std::uint32_t>(Method::refer) == TANDEM_METHOD_REFER);
static_assert(static_cast<std::uint32_t>(Method::subscribe) == TANDEM_METHOD_SUBSCRIBE);
static_assert(static_cast<std::uint32_t>(Method::notify) == TANDEM_METHOD_NOTIFY);
static_assert(static_cast<std::uint32_t>(Method::message) == TANDEM_METHOD_MESSAGE);
static_assert(static_cast<std::uint32_t>(Method::publish) == TANDEM_METHOD_PUBLISH);

constexpr std::uint32_t cseq_max = 0x7fffffff; // RFC 3261 section 8.1.1.5

struct Field {
    tandem_str given;
    std::string_view MessageView::*read;
    std::size_t size_max;
    const char *name;
};

// Sets the top bit of every zero byte of `word`, and perhaps of bytes above one.
std::uint64_t zero_bytes(std::uint64_t word) { return (word - 0x0101010101010101) & ~word & 0x8080808080808080; }

} // namespace

bool is_line(std::string_view text) {
    // Eight bytes at a time: every message of every call passes here.
    std::uint64_t found = 0;
    std::size_t i = 0;
    for (; i + 8 <= text.size(); i += 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, text.data() + i, 8);
        found |= zero_bytes(word) | zero_bytes(word ^ 0x0a0a0a0a0a0a0a0a) | zero_bytes(word ^ 0x0d0d0d0d0d0d0d0d);
    }
    for (; i < text.size(); ++i) {
        if (text[i] == '\0' || text[i] == '\n' || text[i] == '\r') return false;
    }
    return found == 0;
}

tandem_status read_message(const tandem_message *message, MessageView &view) {
    if (!has_size(message)) return fail(TANDEM_E_INVALID, "message is NULL or has no size");
    tandem_message copy;
    const tandem_message &given = read_struct(message, copy);
    if (given.method > TANDEM_METHOD_PUBLISH) return fail(TANDEM_E_INVALID, "message.method is no TANDEM_METHOD_");
    if (given.status != 0 && (given.status < 100 || given.status > 699)) {
        return fail(TANDEM_E_INVALID, "message.status is neither 0 nor from 100 to 699");
    }
    if (given.cseq > cseq_max) return fail(TANDEM_E_INVALID, "message.cseq is not below 2^31");
    view.method = static_cast<Method>(given.method);
    view.status = static_cast<std::uint16_t>(given.status);
    view.cseq = given.cseq;
    view.is_ours = given.is_ours != 0;
    const std::array fields = {
        Field{given.call_id, &MessageView::call_id, 256, "message.call_id"},
        Field{given.from_tag, &MessageView::from_tag, 256, "message.from_tag"},
        Field{given.to_tag, &MessageView::to_tag, 256, "message.to_tag"},
        Field{given.from_uri, &MessageView::from_uri, 2048, "message.from_uri"},
        Field{given.to_uri, &MessageView::to_uri, 2048, "message.to_uri"},
        Field{given.request_uri, &MessageView::request_uri, 2048, "message.request_uri"},
        Field{given.contact_uri, &MessageView::contact_uri, 2048, "message.contact_uri"},
        Field{given.record_route, &MessageView::record_route, 16384, "message.record_route"},
        Field{given.reason, &MessageView::reason, 2048, "message.reason"},
        Field{given.branch, &MessageView::branch, 256, "message.branch"},
    };
    for (const Field &field : fields) {
        if (field.given.size == 0) continue;
        if (!field.given.data) return fail(TANDEM_E_INVALID, std::string(field.name) + " has a size and no data");
        const std::string_view text = capi::view(field.given);
        if (text.size() > field.size_max) return fail(TANDEM_E_TOO_LARGE, std::string(field.name) + " is too long");
        if (!is_line(text)) return fail(TANDEM_E_INVALID, std::string(field.name) + " holds CR, LF or NUL");
        view.*field.read = text;
    }
    if (view.call_id.empty()) return fail(TANDEM_E_INVALID, "message.call_id is empty");
    return TANDEM_OK;
}

} // namespace tandem::capi

extern "C" uint32_t tandem_method_of(tandem_str name) {
    return static_cast<uint32_t>(tandem::parse_method(tandem::capi::view(name)));
}
