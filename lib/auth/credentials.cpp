#include "auth/credentials.hpp"
#include <algorithm>
#include "auth/auth_text.hpp"
#include "base/text.hpp"

namespace tandem {
namespace {

bool set_response(std::string_view value, std::string &response) {
    response = value;
    for (char &c : response) {
        if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a'); // the grammar has lower case alone; not all do
        const bool is_hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        if (!is_hex) return false;
    }
    return true;
}

bool set_qop(std::string_view value, Qop &qop) {
    if (equals_ignoring_case(value, "auth")) qop = Qop::auth;
    if (equals_ignoring_case(value, "auth-int")) qop = Qop::auth_int;
    return qop != Qop::none;
}

template <class T>
bool set_parsed(const std::optional<T> &parsed, T &value) {
    if (parsed) value = *parsed;
    return parsed.has_value();
}

bool set(AuthParam param, std::string_view value, DigestCredentials &out) {
    switch (param) {
    case AuthParam::username: out.username = value; return true;
    case AuthParam::realm: out.realm = value; return true;
    case AuthParam::nonce: out.nonce = value; return true;
    case AuthParam::uri: out.uri = value; return true;
    case AuthParam::cnonce: out.cnonce = value; return true;
    case AuthParam::opaque: out.opaque = value; return true;
    case AuthParam::response: return set_response(value, out.response);
    case AuthParam::algorithm: return set_parsed(parse_digest_algorithm(value), out.algorithm);
    case AuthParam::nc: return set_parsed(parse_nc(value), out.nc);
    case AuthParam::userhash: return set_parsed(parse_bool(value), out.is_username_hashed);
    case AuthParam::qop: return set_qop(value, out.qop);
    default: return true;
    }
}

bool is_complete(const DigestCredentials &credentials, const AuthParams &params) {
    for (const AuthParam param :
         {AuthParam::username, AuthParam::realm, AuthParam::nonce, AuthParam::uri, AuthParam::response}) {
        if (!params.has(param)) return false;
    }
    const bool has_count = params.has(AuthParam::nc) && params.has(AuthParam::cnonce);
    if (credentials.qop != Qop::none && !has_count) return false; // RFC 7616 section 3.4
    if (is_session_algorithm(credentials.algorithm) && !params.has(AuthParam::cnonce)) return false;
    const std::size_t size = strength_of(credentials.algorithm) == strength_of(DigestAlgorithm::md5) ? 32 : 64;
    return credentials.response.size() == size && is_available(credentials.algorithm);
}

} // namespace

bool is_digest(std::string_view header_value) {
    const std::string_view value = trim(header_value);
    return equals_ignoring_case(value.substr(0, value.find_first_of(" \t\r\n,")), "Digest");
}

Result<DigestCredentials> read_credentials(std::string_view header_value) {
    if (header_value.size() > auth_value_max) return Error::invalid;
    AuthReader reader(header_value);
    if (reader.next() != AuthItem::scheme || !equals_ignoring_case(reader.name(), "Digest")) return Error::invalid;

    DigestCredentials credentials;
    AuthParams params;
    for (AuthItem item = reader.next(); item != AuthItem::end; item = reader.next()) {
        if (item != AuthItem::param) return Error::invalid;
        const AuthParam param = auth_param(reader.name());
        if (!params.add(param) || !set(param, reader.value(), credentials)) return Error::invalid;
    }
    if (!is_complete(credentials, params)) return Error::invalid;
    if (credentials.qop == Qop::none) credentials.nc = 0; // some send one all the same; it is covered by nothing
    return credentials;
}

void append_credentials(const DigestCredentials &credentials, std::string &out) {
    out += "Digest ";
    append_quoted_param("username", credentials.username, out);
    append_quoted_param("realm", credentials.realm, out);
    append_quoted_param("nonce", credentials.nonce, out);
    append_quoted_param("uri", credentials.uri, out);
    append_quoted_param("response", credentials.response, out);
    append_token_param("algorithm", name_of(credentials.algorithm), out);
    if (credentials.qop != Qop::none || is_session_algorithm(credentials.algorithm)) {
        append_quoted_param("cnonce", credentials.cnonce, out);
    }
    if (!credentials.opaque.empty()) append_quoted_param("opaque", credentials.opaque, out);
    if (credentials.qop != Qop::none) {
        append_token_param("qop", credentials.qop == Qop::auth ? "auth" : "auth-int", out);
        const NcText nc = nc_text(credentials.nc);
        append_token_param("nc", {nc.data(), nc.size()}, out);
    }
    if (credentials.is_username_hashed) append_token_param("userhash", "true", out);
}

} // namespace tandem
