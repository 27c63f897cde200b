#include "storage/redis/redis_link.hpp"
#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>
#include <utility>
#include "storage/redis/redis_connection.hpp"
#include "storage/redis/redis_slot.hpp"

namespace tandem {
namespace {

constexpr int redirect_max = 4;          // of one command
constexpr std::size_t server_max = 1024; // of a cluster
const std::string other_answer = "it does not answer as it should";

std::vector<std::string_view> views_of(const std::vector<std::string> &words) { return {words.begin(), words.end()}; }

std::optional<RedisHost> host_of(std::string_view host, std::int64_t port) {
    if (host.empty() || host.size() > 255 || port < 1 || port > 65535) return std::nullopt;
    return RedisHost{std::string(host), static_cast<std::uint16_t>(port)};
}

// "MOVED SLOT HOST:PORT", or ASK: another server of the cluster has the slot.
struct Redirection {
    bool is_ask = false;
    RedisHost to;
};

std::optional<Redirection> redirection_of(const RedisValue &value) {
    if (!value.is_error()) return std::nullopt;
    std::string_view text = value.text;
    Redirection found;
    found.is_ask = text.starts_with("ASK ");
    if (!found.is_ask && !text.starts_with("MOVED ")) return std::nullopt;
    const std::size_t space = text.rfind(' ');
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos || colon < space) return std::nullopt;
    std::int64_t port = 0;
    std::from_chars(text.data() + colon + 1, text.data() + text.size(), port);
    auto host = host_of(text.substr(space + 1, colon - space - 1), port);
    if (!host) return std::nullopt;
    found.to = std::move(*host);
    return found;
}

} // namespace

struct RedisLink::Impl {
    // Shared, because a redirection sends it again.
    struct Command {
        std::uint16_t slot = 0;
        std::vector<std::string> words;
        Done done;
    };
    using CommandPtr = std::shared_ptr<const Command>;

    Impl(Loop &its_loop, RedisUrl its_url, std::vector<std::string> its_scripts, RedisLinkEvents its_events)
        : loop(its_loop), url(std::move(its_url)), events(std::move(its_events)), scripts(std::move(its_scripts)),
          names(scripts.size()) {}

    void connect();
    void ask_sentinel();
    void ask_cluster(const RedisHost &seed);
    void open_servers();
    bool read_slots(const RedisValue &value, const RedisHost &seed);
    RedisConnection *open(const RedisHost &host, std::function<void()> on_ready);
    void ask(RedisConnection &connection, const std::vector<std::string> &words, const Done &done);
    void greet(RedisConnection &connection, std::function<void()> on_ready);
    void send(const CommandPtr &command, RedisConnection &connection, int redirects);
    void on_value(const CommandPtr &command, const RedisValue &value, int redirects);
    bool note_owner(std::uint16_t slot, const RedisHost &host);
    void lose(const std::string &why);
    void close();

    Loop &loop;
    RedisUrl url;
    RedisLinkEvents events;
    std::size_t next_host = 0; // that is tried first
    bool is_up = false;
    std::map<std::string, std::unique_ptr<RedisConnection>> connections; // by HOST:PORT
    RedisConnection *home = nullptr;                                     // the only server; none in a cluster
    std::vector<RedisHost> servers;                                      // of a cluster
    std::vector<std::uint16_t> owners; // by slot: which of them, or server_max: nobody
    const std::vector<std::string> scripts;
    std::vector<std::string> names; // of them
    std::shared_ptr<bool> is_alive = std::make_shared<bool>(true);
};

void RedisLink::Impl::connect() {
    close();
    const RedisHost first = url.hosts[next_host % url.hosts.size()];
    if (url.kind == RedisKind::sentinel) return ask_sentinel();
    const auto on_ready = [this, first] {
        if (url.kind == RedisKind::cluster) return ask_cluster(first);
        is_up = true;
        events.on_connected();
    };
    home = open(first, on_ready);
}

// Which server is the master now. Sentinel itself is asked without a password.
void RedisLink::Impl::ask_sentinel() {
    const RedisHost sentinel = url.hosts[next_host % url.hosts.size()];
    auto connection =
        std::make_unique<RedisConnection>(loop, sentinel, url.name_servers, [this, sentinel](const std::string &why) {
            lose("sentinel " + sentinel.to_string() + ": " + why);
        });
    RedisConnection &raw = *connection;
    connections["sentinel"] = std::move(connection);
    ask(raw, {"SENTINEL", "get-master-addr-by-name", url.master}, [this](const RedisValue &value) {
        std::optional<RedisHost> master;
        if (value.kind == RedisValue::Kind::list && value.items.size() == 2) {
            std::int64_t port = 0;
            const std::string &text = value.items[1].text;
            std::from_chars(text.data(), text.data() + text.size(), port);
            master = host_of(value.items[0].text, port);
        }
        if (!master) return lose("sentinel knows no master \"" + url.master + "\"");
        connections.erase("sentinel");
        home = open(*master, [this] {
            is_up = true;
            events.on_connected();
        });
    });
}

void RedisLink::Impl::ask_cluster(const RedisHost &seed) {
    ask(*connections.at(seed.to_string()), {"CLUSTER", "SLOTS"}, [this, seed](const RedisValue &value) {
        if (value.is_error()) return lose(printable(value.text));
        if (!read_slots(value, seed)) return lose(other_answer);
        home = nullptr;
        open_servers();
    });
}

// All of them, so that no call waits for a connection later.
void RedisLink::Impl::open_servers() {
    const auto left = std::make_shared<std::size_t>(1); // and one for us
    const auto on_ready = [this, left] {
        if (--*left > 0) return;
        is_up = true;
        events.on_connected();
    };
    for (const RedisHost &host : servers) {
        if (connections.contains(host.to_string())) continue;
        ++*left;
        open(host, on_ready);
    }
    on_ready();
}

// Each: first slot, last slot, the master's host and port, its replicas.
bool RedisLink::Impl::read_slots(const RedisValue &value, const RedisHost &seed) {
    servers.clear();
    owners.assign(redis_slots, server_max);
    if (value.kind != RedisValue::Kind::list) return false;
    for (const RedisValue &range : value.items) {
        if (range.kind != RedisValue::Kind::list || range.items.size() < 3) return false;
        const RedisValue &master = range.items[2];
        if (master.kind != RedisValue::Kind::list || master.items.size() < 2) return false;
        const std::string &name = master.items[0].text; // empty: the one that was asked
        const auto host = host_of(name.empty() ? seed.host : name, master.items[1].number);
        const std::int64_t first = range.items[0].number;
        const std::int64_t last = range.items[1].number;
        if (!host || first < 0 || last >= redis_slots || servers.size() == server_max) return false;
        for (std::int64_t slot = first; slot <= last; ++slot) {
            owners[static_cast<std::size_t>(slot)] = static_cast<std::uint16_t>(servers.size());
        }
        servers.push_back(*host);
    }
    return true;
}

// Commands may follow at once where the names of the scripts are known already: they are done in their order.
RedisConnection *RedisLink::Impl::open(const RedisHost &host, std::function<void()> on_ready) {
    auto connection = std::make_unique<RedisConnection>(
        loop, host, url.name_servers, [this, host](const std::string &why) { lose(host.to_string() + ": " + why); });
    RedisConnection &raw = *connection;
    connections[host.to_string()] = std::move(connection);
    const auto expect_ok = [this](const RedisValue &value) {
        if (value.is_error()) lose(printable(value.text));
    };
    if (!url.password.empty() && url.user.empty()) ask(raw, {"AUTH", url.password}, expect_ok);
    if (!url.password.empty() && !url.user.empty()) ask(raw, {"AUTH", url.user, url.password}, expect_ok);
    if (url.database != 0) ask(raw, {"SELECT", std::to_string(url.database)}, expect_ok);
    greet(raw, std::move(on_ready));
    return &raw;
}

// The last answer shows that it serves us.
void RedisLink::Impl::greet(RedisConnection &connection, std::function<void()> on_ready) {
    for (std::size_t i = 0; i < scripts.size(); ++i) {
        ask(connection, {"SCRIPT", "LOAD", scripts[i]}, [this, i](const RedisValue &value) {
            if (value.is_error()) return lose(printable(value.text));
            if (value.kind != RedisValue::Kind::text || value.text.size() != 40) return lose(other_answer);
            names[i] = value.text;
        });
    }
    ask(connection, {"PING"}, [this, on_ready = std::move(on_ready)](const RedisValue &value) {
        if (value.is_error()) return lose(printable(value.text));
        if (value.kind != RedisValue::Kind::status) return lose(other_answer);
        if (on_ready) on_ready();
    });
}

// What an answer does may be the end of its connection, or of everything.
void RedisLink::Impl::ask(RedisConnection &connection, const std::vector<std::string> &words, const Done &done) {
    connection.send(views_of(words), [alive = std::weak_ptr(is_alive), done](const RedisValue &value) {
        if (!alive.expired()) done(value);
    });
}

void RedisLink::Impl::send(const CommandPtr &command, RedisConnection &connection, int redirects) {
    ask(connection, command->words,
        [this, command, redirects](const RedisValue &value) { on_value(command, value, redirects); });
}

void RedisLink::Impl::on_value(const CommandPtr &command, const RedisValue &value, int redirects) {
    if (!is_up) return;
    const auto redirection = url.kind == RedisKind::cluster ? redirection_of(value) : std::nullopt;
    if (redirection && redirects < redirect_max) {
        const auto known = connections.find(redirection->to.to_string());
        if (known == connections.end() && connections.size() >= server_max) return lose(other_answer);
        RedisConnection &there = known != connections.end() ? *known->second : *open(redirection->to, {});
        if (redirection->is_ask) {
            ask(there, {"ASKING"}, [](const RedisValue &) {});
        } else if (!note_owner(command->slot, redirection->to)) {
            return lose(other_answer);
        }
        return send(command, there, redirects + 1);
    }
    if (value.is_error() && is_of_server(value.text)) return lose(printable(value.text));
    command->done(value);
}

bool RedisLink::Impl::note_owner(std::uint16_t slot, const RedisHost &host) {
    const auto known = std::find(servers.begin(), servers.end(), host);
    if (known == servers.end() && servers.size() >= server_max) return false;
    owners[slot] = static_cast<std::uint16_t>(known - servers.begin());
    if (known == servers.end()) servers.push_back(host);
    return true;
}

void RedisLink::Impl::lose(const std::string &why) {
    close();
    ++next_host;
    events.on_lost(why);
}

void RedisLink::Impl::close() {
    is_up = false;
    home = nullptr;
    is_alive = std::make_shared<bool>(true); // no answer counts any more
    connections.clear();
}

RedisLink::RedisLink(Loop &loop, RedisUrl url, std::vector<std::string> scripts, RedisLinkEvents events)
    : impl_(std::make_unique<Impl>(loop, std::move(url), std::move(scripts), std::move(events))) {}

RedisLink::~RedisLink() = default;

void RedisLink::connect() { impl_->connect(); }

void RedisLink::disconnect() {
    if (!impl_->is_up && !impl_->connections.empty()) ++impl_->next_host; // this one took too long
    impl_->close();
}

bool RedisLink::is_up() const { return impl_->is_up; }

const std::vector<std::string> &RedisLink::script_names() const { return impl_->names; }

void RedisLink::send(std::string_view key, std::vector<std::string> words, Done done) {
    if (!impl_->is_up) return;
    const auto command =
        std::make_shared<const Impl::Command>(Impl::Command{redis_slot(key), std::move(words), std::move(done)});
    if (impl_->home) return impl_->send(command, *impl_->home, 0);
    const std::uint16_t owner = impl_->owners[command->slot];
    if (owner >= impl_->servers.size()) { // nobody has the slot: not from in here
        impl_->loop.post([alive = std::weak_ptr(impl_->is_alive), command] {
            if (!alive.expired()) command->done({RedisValue::Kind::error, "nobody has its slot", 0, {}});
        });
        return;
    }
    const RedisHost &host = impl_->servers[owner];
    const auto known = impl_->connections.find(host.to_string());
    RedisConnection *connection = known != impl_->connections.end() ? known->second.get() : impl_->open(host, {});
    impl_->send(command, *connection, 0);
}

// Where a script has hit upon it the word stands within the text.
bool is_of_server(std::string_view error) {
    constexpr std::array words = {"READONLY", "LOADING",     "MASTERDOWN", "NOAUTH",   "NOPERM", "OOM",
                                  "MISCONF",  "CLUSTERDOWN", "NOSCRIPT",   "TRYAGAIN", "BUSY",   "NOREPLICAS"};
    return std::any_of(words.begin(), words.end(),
                       [&](const char *word) { return error.find(word) != std::string_view::npos; });
}

std::string printable(std::string_view text) {
    std::string out(text.substr(0, 160));
    std::replace_if(
        out.begin(), out.end(), [](unsigned char c) { return c < 0x20 || c >= 0x7f; }, '?');
    return out;
}

} // namespace tandem
