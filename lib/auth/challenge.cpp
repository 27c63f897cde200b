#include "auth/challenge.hpp"
#include <utility>
#include "auth/auth_text.hpp"
#include "base/text.hpp"

namespace tandem {
namespace {

// A challenge while its parameters come.
class Draft {
public:
    Draft(std::string_view scheme, bool is_proxy) : is_good_(equals_ignoring_case(scheme, "Digest")) {
        challenge_.is_proxy = is_proxy;
    }

    void spoil() { is_good_ = false; }

    void add(AuthParam param, std::string_view value) {
        if (is_good_) is_good_ = params_.add(param) && set(param, value);
    }

    void end(Challenges &out) && {
        if (is_usable() && out.usable.size() < challenges_max) {
            out.usable.push_back(std::move(challenge_));
        } else {
            ++out.unusable;
        }
    }

private:
    bool is_usable() const {
        const std::size_t size = challenge_.realm.size() + challenge_.nonce.size() + challenge_.opaque.size();
        return is_good_ && params_.has(AuthParam::realm) && !challenge_.nonce.empty() && size <= challenge_size_max &&
               is_available(challenge_.algorithm);
    }

    bool set(AuthParam param, std::string_view value) {
        switch (param) {
        case AuthParam::realm: challenge_.realm = value; return true;
        case AuthParam::nonce: challenge_.nonce = value; return true;
        case AuthParam::opaque: challenge_.opaque = value; return true;
        case AuthParam::algorithm: return set_algorithm(value);
        case AuthParam::qop: return set_qop(value);
        // Anything but true means false (RFC 7616 section 3.3).
        case AuthParam::stale: challenge_.is_stale = equals_ignoring_case(value, "true"); return true;
        case AuthParam::userhash: challenge_.wants_userhash = equals_ignoring_case(value, "true"); return true;
        default: return true; // domain means nothing in SIP (RFC 3261 section 22.4), charset is always UTF-8
        }
    }

    // RFC 3261 section 25.1 has a token here; some servers quote it.
    bool set_algorithm(std::string_view value) {
        const auto algorithm = parse_digest_algorithm(value);
        if (algorithm) challenge_.algorithm = *algorithm;
        return algorithm.has_value();
    }

    // Where none is known to us, the server would not understand a response without (RFC 7616 section 3.3).
    bool set_qop(std::string_view list) {
        while (!list.empty()) {
            const std::string_view qop = take_token(list);
            challenge_.has_auth = challenge_.has_auth || equals_ignoring_case(qop, "auth");
            challenge_.has_auth_int = challenge_.has_auth_int || equals_ignoring_case(qop, "auth-int");
        }
        return challenge_.has_auth || challenge_.has_auth_int;
    }

    Challenge challenge_;
    AuthParams params_;
    bool is_good_;
};

} // namespace

void read_challenges(std::string_view header_value, bool is_proxy, Challenges &out) {
    if (header_value.size() > auth_value_max) {
        ++out.unusable;
        return;
    }
    AuthReader reader(header_value);
    AuthItem item = reader.next();
    if (item != AuthItem::scheme) { // parameters of nothing
        ++out.unusable;
        while (item != AuthItem::scheme && item != AuthItem::end) item = reader.next();
    }
    while (item != AuthItem::end) {
        Draft draft(reader.name(), is_proxy);
        for (item = reader.next(); item != AuthItem::end && item != AuthItem::scheme; item = reader.next()) {
            if (item == AuthItem::malformed) {
                draft.spoil();
            } else {
                draft.add(auth_param(reader.name()), reader.value());
            }
        }
        std::move(draft).end(out);
    }
}

void append_challenge(const Challenge &challenge, std::string &out) {
    out += "Digest ";
    append_quoted_param("realm", challenge.realm, out);
    append_quoted_param("nonce", challenge.nonce, out);
    if (!challenge.opaque.empty()) append_quoted_param("opaque", challenge.opaque, out);
    if (challenge.is_stale) append_token_param("stale", "true", out);
    append_token_param("algorithm", name_of(challenge.algorithm), out);
    if (challenge.has_auth || challenge.has_auth_int) {
        const bool has_both = challenge.has_auth && challenge.has_auth_int;
        append_quoted_param("qop", has_both ? "auth,auth-int" : challenge.has_auth ? "auth" : "auth-int", out);
    }
    if (challenge.wants_userhash) append_token_param("userhash", "true", out);
}

} // namespace tandem
