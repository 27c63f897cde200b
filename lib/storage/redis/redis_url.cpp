#include "storage/redis/redis_url.hpp"
#include <charconv>
#include <fmt/format.h>
#include <optional>
#include <utility>
#include "base/text.hpp"

namespace tandem {
namespace {

constexpr std::size_t host_max = 16;

Failure wrong(std::string_view why) { return {Error::config_invalid, std::string(why)}; }

std::optional<std::uint32_t> number_of(std::string_view text, std::uint32_t max) {
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || number > max) return std::nullopt;
    return number;
}

std::optional<std::string> unescape(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out.push_back(text[i]);
            continue;
        }
        unsigned byte = 0;
        if (i + 2 >= text.size()) return std::nullopt;
        const auto [end, error] = std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16);
        if (error != std::errc() || end != text.data() + i + 3) return std::nullopt;
        out.push_back(static_cast<char>(byte));
        i += 2;
    }
    return out;
}

std::optional<RedisHost> host_of(std::string_view text, std::uint16_t port) {
    RedisHost host;
    host.port = port;
    std::string_view rest;
    if (!text.empty() && text.front() == '[') {
        const std::size_t end = text.find(']');
        if (end == std::string_view::npos) return std::nullopt;
        host.host = text.substr(1, end - 1);
        rest = text.substr(end + 1);
    } else {
        const std::size_t colon = text.find(':');
        host.host = text.substr(0, colon);
        if (colon != std::string_view::npos) rest = text.substr(colon);
    }
    if (host.host.empty() || host.host.find_first_of(" @[]?#") != std::string::npos) return std::nullopt;
    if (rest.empty()) return host;
    const auto given = rest.front() == ':' ? number_of(rest.substr(1), 65535) : std::nullopt;
    if (!given || *given == 0) return std::nullopt;
    host.port = static_cast<std::uint16_t>(*given);
    return host;
}

bool read_login(std::string_view text, RedisUrl &url) {
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) return false;
    auto user = unescape(text.substr(0, colon));
    auto password = unescape(text.substr(colon + 1));
    if (!user || !password || password->empty()) return false;
    url.user = std::move(*user);
    url.password = std::move(*password);
    return true;
}

bool read_hosts(std::string_view text, RedisUrl &url) {
    const std::uint16_t port = url.kind == RedisKind::sentinel ? 26379 : 6379;
    const std::size_t max = url.kind == RedisKind::single ? 1 : host_max;
    for (;;) {
        const std::size_t comma = text.find(',');
        auto host = host_of(text.substr(0, comma), port);
        if (!host || url.hosts.size() == max) return false;
        url.hosts.push_back(std::move(*host));
        if (comma == std::string_view::npos) return true;
        text.remove_prefix(comma + 1);
    }
}

// What comes after the hosts: MASTER of Sentinel, and the number of the database.
bool read_path(std::string_view path, RedisUrl &url) {
    if (url.kind == RedisKind::sentinel) {
        const std::size_t slash = path.find('/');
        url.master = path.substr(0, slash);
        if (url.master.empty()) return false;
        path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
    }
    if (path.empty()) return true;
    const auto database = number_of(path, 65535);
    if (!database || (url.kind == RedisKind::cluster && *database != 0)) return false;
    url.database = *database;
    return true;
}

} // namespace

std::string RedisHost::to_string() const {
    return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port) : fmt::format("[{}]:{}", host, port);
}

Result<RedisUrl, Failure> RedisUrl::parse(std::string_view text) {
    constexpr std::string_view separator = "://";
    const std::size_t at = text.find(separator);
    const std::string_view scheme = text.substr(0, at);
    RedisUrl url;
    if (at == std::string_view::npos) return wrong("write redis://HOST:PORT/DATABASE");
    if (scheme == "rediss") return wrong("TLS towards Redis is not available; write redis://");
    if (scheme == "redis-sentinel") {
        url.kind = RedisKind::sentinel;
    } else if (scheme == "redis-cluster") {
        url.kind = RedisKind::cluster;
    } else if (scheme != "redis") {
        return wrong("write redis://, redis-sentinel:// or redis-cluster://");
    }
    text.remove_prefix(at + separator.size());
    const std::size_t slash = text.find('/');
    std::string_view hosts = text.substr(0, slash);
    const std::string_view path = slash == std::string_view::npos ? std::string_view() : text.substr(slash + 1);
    if (const std::size_t login = hosts.rfind('@'); login != std::string_view::npos) {
        if (!read_login(hosts.substr(0, login), url)) {
            return wrong("write USER:PASSWORD@ or :PASSWORD@, with %XX for what has a meaning in a URL");
        }
        hosts.remove_prefix(login + 1);
    }
    if (!read_hosts(hosts, url)) {
        return wrong(url.kind == RedisKind::single ? "write one HOST or HOST:PORT"
                                                   : "write up to 16 of HOST or HOST:PORT, with commas between");
    }
    if (!read_path(path, url)) {
        return wrong(url.kind == RedisKind::sentinel  ? "write /MASTER or /MASTER/DATABASE after the hosts"
                     : url.kind == RedisKind::cluster ? "a cluster has no database but 0; write nothing after the hosts"
                                                      : "write the number of the database after the host");
    }
    return url;
}

std::string RedisUrl::to_string() const {
    std::string text = kind == RedisKind::single     ? "redis://"
                       : kind == RedisKind::sentinel ? "redis-sentinel://"
                                                     : "redis-cluster://";
    for (const RedisHost &host : hosts) text.append(&host == &hosts.front() ? "" : ",").append(host.to_string());
    if (kind == RedisKind::sentinel) text.append("/").append(master);
    if (kind != RedisKind::cluster) text.append("/").append(std::to_string(database));
    return text;
}

} // namespace tandem
