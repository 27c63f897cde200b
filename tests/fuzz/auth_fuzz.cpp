// Any bytes as challenges and credentials, a header value a line: what is read is written and reads the same, what the
// client sends stays within its lines and comes to an end, and nobody without the password passes the server.
//
// The first letter of a line chooses what it is: w and p challenges of one response with the lines before it, 4 their
// end, i an Authentication-Info, c credentials.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>
#include "auth/challenge.hpp"
#include "auth/credentials.hpp"
#include "auth/digest_client.hpp"
#include "auth/digest_server.hpp"
#include "base/assert.hpp"
#include "base/text.hpp"

using namespace tandem;

namespace {

void check_challenges(std::string_view value) {
    Challenges read;
    read_challenges(value, false, read);
    TANDEM_ASSERT(read.usable.size() <= challenges_max, "their number has a limit");
    for (const Challenge &challenge : read.usable) {
        std::string written;
        append_challenge(challenge, written);
        TANDEM_ASSERT(is_header_safe(written), "what was read ends no line");
        Challenges again;
        read_challenges(written, false, again);
        TANDEM_ASSERT(again.usable.size() == 1 && again.unusable == 0, "what is written is one challenge");
        TANDEM_ASSERT(again.usable[0].realm == challenge.realm && again.usable[0].nonce == challenge.nonce &&
                          again.usable[0].opaque == challenge.opaque &&
                          again.usable[0].algorithm == challenge.algorithm &&
                          again.usable[0].is_stale == challenge.is_stale,
                      "and reads the same");
    }
}

void check_credentials(std::string_view value) {
    const auto read = read_credentials(value);
    if (!read) return;
    TANDEM_ASSERT(is_digest(value), "only this scheme has them");
    std::string written;
    append_credentials(*read, written);
    TANDEM_ASSERT(is_header_safe(written), "what was read ends no line");
    const auto again = read_credentials(written);
    if (written.size() > 8192) return; // escapes make it longer than what is read
    TANDEM_ASSERT(again.ok(), "what is written is read");
    TANDEM_ASSERT(again->username == read->username && again->realm == read->realm && again->nonce == read->nonce &&
                      again->uri == read->uri && again->response == read->response && again->nc == read->nc,
                  "and reads the same");
}

// A client that meets a server which answers everything with a challenge of the input's choice.
class Client {
public:
    void add(std::string_view value, bool is_proxy) { (is_proxy ? proxy_ : www_).push_back(value); }

    void end_response() {
        const ChallengeOutcome outcome = client_.on_challenge(www_, proxy_, attempt_);
        www_.clear();
        proxy_.clear();
        TANDEM_ASSERT(attempt_.rounds() <= digest_rounds_max, "retries come to an end");
        send();
        if (outcome == ChallengeOutcome::retry) return;
        attempt_ = DigestAttempt();
        send();
    }

    void info(std::string_view value) { client_.on_info(value, false); }

private:
    void send() {
        const std::string lines = client_.authorize("INVITE", "sip:bob@example.com", "v=0\r\n", attempt_);
        std::size_t count = 0;
        for (std::string_view rest = lines; !rest.empty(); ++count) {
            const std::size_t end = rest.find("\r\n");
            TANDEM_ASSERT(end != std::string_view::npos, "a line ends");
            const std::string_view line = rest.substr(0, end);
            TANDEM_ASSERT(is_header_safe(line), "a challenge begins no line of its own");
            TANDEM_ASSERT(line.starts_with("Authorization: Digest ") ||
                              line.starts_with("Proxy-Authorization: Digest "),
                          "a line is credentials");
            rest.remove_prefix(end + 2);
        }
        TANDEM_ASSERT(count <= digest_realms_max, "realms have a limit");
        TANDEM_ASSERT((count > 0) == client_.knows_challenge(), "what is known is sent");
    }

    SeededRandom random_{1};
    DigestClient client_{{"al\"ice", "wonderland", ""}, random_};
    DigestAttempt attempt_;
    std::vector<std::string_view> www_;
    std::vector<std::string_view> proxy_;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    std::string_view rest(reinterpret_cast<const char *>(data), size);
    SeededRandom random(2);
    DigestServer server({.realm = "example.com"}, random);
    server.replace_users({{"alice", "wonderland"}});
    Client client;
    std::vector<std::string_view> credentials;
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        const std::string_view line = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        if (line.empty()) continue;
        const std::string_view value = line.substr(1);
        switch (line[0]) {
        case 'w':
        case 'p':
            check_challenges(value);
            client.add(value, line[0] == 'p');
            break;
        case '4': client.end_response(); break;
        case 'i': client.info(value); break;
        case 'c':
            check_credentials(value);
            credentials.push_back(value);
            break;
        default: break;
        }
    }
    client.end_response();
    const AuthResult result = server.check(credentials, "REGISTER", "sip:example.com", "", at_ms(1));
    TANDEM_ASSERT(result.verdict != AuthVerdict::ok && result.user.empty(), "nobody here knows the password");
    return 0;
}
