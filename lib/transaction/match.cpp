#include "transaction/match.hpp"
#include <array>
#include "base/text.hpp"
#include "base/token.hpp"

namespace tandem {
namespace {

constexpr std::string_view cookie = "z9hG4bK";

// A cookie with nothing behind it names no transaction (RFC 4475 section 3.2.1): it counts as none.
bool has_cookie(std::string_view branch) {
    return branch.size() > cookie.size() && equals_ignoring_case(branch.substr(0, cookie.size()), cookie);
}

// The host of a sent-by, which is compared without case. No host name is longer than the buffer; what is longer
// counts as written.
class LowerCase {
public:
    explicit LowerCase(std::string_view text) : text_(text) {
        if (text.size() > buffer_.size()) return;
        for (std::size_t i = 0; i < text.size(); ++i) {
            const char c = text[i];
            buffer_[i] = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        }
        text_ = std::string_view(buffer_.data(), text.size());
    }
    LowerCase(const LowerCase &) = delete;
    LowerCase &operator=(const LowerCase &) = delete;
    std::string_view view() const { return text_; }

private:
    std::array<char, 256> buffer_;
    std::string_view text_;
};

// A port that is left out is the transport's own (RFC 3261 section 18.1.1).
std::string_view port_of(const ViaView &via) {
    if (!via.port.empty()) return via.port;
    return via.transport == Transport::tls || via.transport == Transport::wss ? "5061" : "5060";
}

// A number as the four bytes it has here: no hash leaves the process.
std::string_view bytes_of(const std::uint32_t &number) {
    return {reinterpret_cast<const char *>(&number), sizeof number};
}

} // namespace

Matcher::Matcher(Random &random) : index_(random), check_(random), tags_(random), shard_(random.shard()) {}

MatchKey Matcher::client(std::string_view branch) const { return {index_(branch), check_(branch)}; }

ServerMatch Matcher::server(const Message &request) const {
    const ViaView via = request.top_via();
    const LowerCase lower_host(via.host);
    const std::string_view host = lower_host.view();
    const std::string_view port = port_of(via);
    // Methods that tandem does not know are one Method, but several methods.
    const std::string_view name = request.method() == Method::unknown ? request.method_name() : std::string_view();

    ServerMatch match;
    match.is_old = !has_cookie(via.branch);
    const std::uint32_t cseq = request.cseq();
    const auto digest = [&](const KeyedHash &hash) {
        if (!match.is_old) return hash(via.branch, host, port, name);
        return hash(via.branch, host, port, name, request.request_uri(), request.from_tag(), request.call_id(),
                    bytes_of(cseq));
    };
    match.key = {digest(index_), digest(check_)};
    if (match.is_old) match.to_tag = tag(request.to_tag());
    return match;
}

std::uint64_t Matcher::repeated(std::string_view call_id, std::string_view from_tag, std::uint32_t cseq) const {
    const std::array<char, 4> number = {static_cast<char>(cseq >> 24), static_cast<char>(cseq >> 16),
                                        static_cast<char>(cseq >> 8), static_cast<char>(cseq)};
    const std::uint64_t hash = check_(call_id, from_tag, std::string_view(number.data(), number.size()));
    return hash != 0 ? hash : 1;
}

std::uint64_t Matcher::peer(const Endpoint &peer) const {
    const std::array<char, 4> rest = {static_cast<char>(peer.port >> 8), static_cast<char>(peer.port & 0xff),
                                      static_cast<char>(peer.transport), static_cast<char>(peer.listener)};
    const std::string_view ip(reinterpret_cast<const char *>(peer.ip.bytes.data()), peer.ip.is_v6 ? 16 : 4);
    return index_(ip, std::string_view(rest.data(), rest.size()));
}

std::uint32_t Matcher::tag(std::string_view tag) const {
    return static_cast<std::uint32_t>(check_(tag)) | 1; // 0 says that there is none
}

std::uint64_t Matcher::merge(const Message &request) const {
    const std::uint32_t cseq = request.cseq();
    return index_(request.call_id(), request.from_tag(), bytes_of(cseq), request.method_name()) | 1;
}

void Matcher::append_tag(const Message &request, std::string &out) const {
    const std::uint32_t cseq = request.cseq();
    append_token(tags_(request.call_id(), request.from_tag(), bytes_of(cseq)), shard_, out);
}

} // namespace tandem
