#include "node/server.hpp"
#include <algorithm>
#include <csignal>
#include <fmt/format.h>
#include <type_traits>
#include <utility>
#include "call/listener.hpp"
#include "net/stream_transport.hpp"
#include "net/system_clock.hpp"
#include "net/udp_transport.hpp"
#include "node/capture.hpp"
#include "node/config_reader.hpp"
#include "node/event_hub.hpp"
#include "node/name_lookup.hpp"
#include "sip/uri.hpp"

namespace tandem {
namespace {

// What Via and Contact show. An advertised port stands for that of the first address: TLS has another one than UDP.
std::string sent_by(const SipConfig &sip, const Endpoint &bound, const Endpoint &first) {
    if (sip.advertise_host.empty()) return bound.to_string();
    const bool has_port = sip.advertise_port != 0 && bound.port == first.port;
    return fmt::format("{}:{}", sip.advertise_host, has_port ? sip.advertise_port : bound.port);
}

// Makes what was read for other listeners use these. False if none of them can send there.
bool use_listener(const std::string &lookup, Endpoint &to, const std::vector<Endpoint> &listen) {
    if (!lookup.empty()) { // is sent by the listener that fits its addresses
        const auto uri = Uri::parse(lookup);
        const auto what = uri ? to_sip_lookup(*uri) : std::nullopt;
        return what && has_listener(*what, listen);
    }
    const auto sender = find_listener(listen, to);
    if (sender) to.listener = *sender;
    return sender.has_value();
}

bool use_listeners(Config &config, const std::vector<Endpoint> &listen) {
    for (RouteConfig &route : config.routes) {
        for (TargetConfig &target : route.targets) {
            if (target.is_registered) continue;
            if (!use_listener(target.lookup, target.to, listen)) return false;
        }
    }
    for (TrunkRegistration &trunk : config.registrations) {
        if (!use_listener(trunk.lookup, trunk.to, listen)) return false;
    }
    return true;
}

// None where nobody listens on TLS.
Result<std::shared_ptr<const TlsContext>, Failure> load_certificates(const Config &config) {
    const bool is_needed = std::any_of(config.sip.listen.begin(), config.sip.listen.end(),
                                       [](const Endpoint &at) { return at.transport == Transport::tls; }) ||
                           (config.admin.listen && config.admin.is_tls) ||
                           (config.call_api.listen && config.call_api.is_tls);
    if (!is_needed) return std::shared_ptr<const TlsContext>();
    return TlsContext::load(config.tls);
}

// Bound ones alone: from these no network brings anything, while the kernel takes what claims to come from any other.
std::vector<IpAddress> addresses_of(const SipConfig &sip) {
    std::vector<IpAddress> addresses;
    for (const Endpoint &at : sip.listen) addresses.push_back(at.ip);
    return addresses;
}

// With the address that others know us by: from there, too, it comes back to us.
std::vector<Endpoint> listeners_of(const SipConfig &sip) {
    std::vector<Endpoint> listen = sip.listen;
    const auto advertised = IpAddress::parse(sip.advertise_host);
    if (!advertised) return listen;
    for (Endpoint at : sip.listen) {
        at.ip = *advertised;
        listen.push_back(at);
        if (sip.advertise_port == 0) continue;
        at.port = sip.advertise_port;
        listen.push_back(at);
    }
    return listen;
}

// The registrar, asked at this moment.
class RegisteredNow final : public RegisteredUsers {
public:
    explicit RegisteredNow(const Registrar &registrar) : registrar_(registrar) {}
    bool has_user(std::string_view aor) const override { return registrar_.has_user(aor); }
    std::vector<BindingTarget> find(std::string_view aor) const override {
        return registrar_.find(aor, SystemClock::now());
    }

private:
    const Registrar &registrar_;
};

} // namespace

Server::Station::Station(std::uint8_t number, const Config &config, const RouteTableOptions &table)
    : index(number), routes(config.routes, config.sip.trusted, table, config.sip.domains, config.trunks) {}

Server::Server(const Config &config, const std::string &path, Log &log)
    : config_(config), path_(path), log_(log), wall_(SystemClock::now(), SystemClock::utc_us()), profiles_(random_),
      sources_(source_limits(config.limits), random_), failing_({}, random_), peers_(config.trunks), trunks_(log),
      cluster_health_(log), digest_({.realm = config.registrar.realm,
                                     .nonce_lifetime = config.registrar.nonce_lifetime,
                                     .algorithms = config.registrar.algorithms},
                                    random_),
      users_(digest_), registrar_(registrar_options(config), digest_, binding_random_),
      bindings_(registrar_, wall_, log), registered_(std::make_unique<RegisteredNow>(registrar_)), loop_hash_(random_),
      memory_(std::uint64_t{config.limits.memory_mb} << 20,
              [this](bool reads_free) { return read_use(reads_free); }) {
    start_s_ = SystemClock::utc_us() / 1'000'000;
    const RouteTableOptions table{&peers_,
                                  registered_.get(),
                                  &trunks_,
                                  addresses_of(config.sip),
                                  listeners_of(config.sip),
                                  IpAddress::parse(config.sip.advertise_host)};
    for (std::uint8_t i = 0; i < config.sip.workers; ++i) {
        stations_.push_back(std::make_unique<Station>(i, config, table));
    }
    if (stations_.size() > 1) make_board();
    use_users(config_);
}

Server::~Server() {
    api_.stop();
    if (admin_) admin_->end(); // while the loop that it tells is there
    takeover_.reset(); // it asks the workers
    // First: the thread of the store may be about to wake a loop.
    for (const auto &station : stations_) station->worker.reset();
    events_.reset(); // while its loop is there
    if (cdr_stream_) cdr_stream_->end(Duration::zero()); // while the thread of the store is there
}

Result<std::unique_ptr<Server>, Failure> Server::open(const Config &config, const std::string &path, Log &log) {
    std::unique_ptr<Server> server(new Server(config, path, log));
    for (const std::string &warning : config.warnings) log.warn(warning);

    if (auto declared = server->declare(config.profiles); !declared) return declared.error();
    // The store comes last: with it the calls of a former process are ours.
    auto transports = server->open_all_transports();
    if (!transports) return transports.error();
    if (auto opened = server->open_apis(); !opened) return opened.error();
    if (auto opened = server->open_store(); !opened) return opened.error();
    if (auto opened = server->open_capture(); !opened) return opened.error();
    server->make_cdr_stream();
    server->make_events();
    server->make_workers(std::move(*transports));
    if (auto opened = server->open_control(); !opened) return opened.error();
    server->make_event_port();
    server->make_call_api();
    if (auto made = server->make_takeover(); !made) return made.error();
    server->ask_who_has_calls();
    if (auto restored = server->restore_calls(); !restored) return restored.error();
    server->make_admin();
    server->loop().on_signal([raw = server.get()](int signal) { raw->on_signal(signal); });
    server->begin_takeover();
    if (server->capture_) server->capture_->start();
    if (server->cdr_stream_) server->cdr_stream_->start(); // not before: only now others may use the store
    server->log_start();
    server->audit_regularly();
    server->loop().post([raw = server.get()] { raw->stations_[0]->worker->register_with(raw->config_.registrations); });
    return server;
}

// Those that are given, and no limit for those that are not: their members stay, and end with their calls.
Result<void, Failure> Server::declare(const std::vector<ProfileOptions> &profiles) {
    const auto fail = [](const ProfileOptions &profile, std::string_view why) {
        return Failure{Error::config_invalid, fmt::format("[[profile]] \"{}\": {}", profile.name, why)};
    };
    // First of all what a user may have changed: then nothing has new limits yet.
    for (const ProfileOptions &profile : profiles) {
        const auto known = profiles_.info(profile.name);
        if (known && known->has_values != profile.has_values) {
            return fail(profile, "\"value\" changed, which takes a restart");
        }
        const auto rule = profiles_.rule(profile.name, {});
        if (rule && rule->is_shared != profile.is_shared) {
            return fail(profile, "\"scope\" changed, which takes a restart");
        }
        if (profile.is_shared && !config_.redis.url) {
            return fail(profile, "the scope \"cluster\" needs [redis], which takes a restart");
        }
    }
    for (const ProfileOptions &profile : profiles) {
        if (auto declared = profiles_.declare(profile); !declared) return fail(profile, to_string(declared.error()));
    }
    for (const ProfileInfo &known : profiles_.profiles()) {
        const bool is_there = std::any_of(profiles.begin(), profiles.end(),
                                          [&](const ProfileOptions &profile) { return profile.name == known.name; });
        if (is_there) continue;
        const auto rule = profiles_.rule(known.name, {});
        const ProfileOptions gone{known.name, known.has_values, 0, {}, rule && rule->is_shared, OnOutage::open};
        if (auto declared = profiles_.declare(gone); !declared) return fail(gone, to_string(declared.error()));
    }
    return {};
}

Result<std::vector<Server::Transports>, Failure> Server::open_all_transports() {
    auto tls = load_certificates(config_);
    if (!tls) return tls.error();
    tls_ = std::move(*tls);
    std::vector<Transports> all;
    std::vector<Endpoint> listen = config_.sip.listen;
    if (board_) {
        // A port that is shared would also be shared with another process of the same user: first it must be free.
        Transports alone;
        for (Endpoint &at : listen) {
            auto transport = open_transport(loop(), at, false);
            if (!transport) return transport.error();
            at = (*transport)->local();
            alone.push_back(std::move(*transport));
        }
    }
    for (const auto &station : stations_) {
        auto transports = open_transports(*station, listen);
        if (!transports) return transports.error();
        all.push_back(std::move(*transports));
    }
    return all;
}

Result<void, Failure> Server::open_apis() {
    for (const auto &[section, api] : {std::pair("admin", &config_.admin), std::pair("call_api", &config_.call_api)}) {
        if (!api->listen) continue;
        const auto opened = api_.open(section, *api, tls_);
        if (opened) continue;
        if (!api->is_default) return opened.error();
        log_.warn(fmt::format("{}; it is off", opened.error().detail));
    }
    return {};
}

// Datagrams come to every worker; connections to one, another for each listener.
Result<Server::Transports, Failure> Server::open_transports(Station &station, const std::vector<Endpoint> &listen) {
    Transports transports;
    for (const Endpoint &at : listen) {
        const auto holder = static_cast<std::uint8_t>(at.listener % stations_.size());
        if (is_reliable(at.transport) && holder != station.index) {
            transports.push_back(std::make_unique<BorrowedTransport>(station.loop, *board_, station.index, holder, at));
            continue;
        }
        auto transport = open_transport(station.loop, at, board_ != nullptr);
        if (!transport) return transport.error();
        if (at.transport == Transport::tls) {
            station.tls_transports.push_back(static_cast<StreamTransport *>(transport->get()));
        }
        transports.push_back(std::move(*transport));
    }
    return transports;
}

Result<std::unique_ptr<MessageTransport>, Failure> Server::open_transport(Loop &loop, const Endpoint &at,
                                                                          bool share_port) {
    if (at.transport == Transport::udp) {
        UdpOptions options;
        options.share_port = share_port;
        auto udp = UdpTransport::open(loop, at, options);
        if (!udp) return udp.error();
        return std::unique_ptr<MessageTransport>(std::move(*udp));
    }
    const bool is_tls = at.transport == Transport::tls;
    auto stream = StreamTransport::open(loop, at, {}, is_tls ? tls_ : nullptr);
    if (!stream) return stream.error();
    return std::unique_ptr<MessageTransport>(std::move(*stream));
}

SourceLimits Server::source_limits(const LimitConfig &limits) {
    SourceLimits sources;
    sources.rate = limits.source_rate;
    sources.burst = limits.source_burst;
    if (!limits.source_exempt.empty()) {
        sources.is_exempt = [exempt = limits.source_exempt](const IpAddress &ip) {
            return std::any_of(exempt.begin(), exempt.end(), [&ip](const Cidr &block) { return block.contains(ip); });
        };
    }
    return sources;
}

// Whoever is switched off has no domain.
RegistrarOptions Server::registrar_options(const Config &config) {
    using std::chrono::seconds;
    const RegistrarConfig &given = config.registrar;
    RegistrarOptions options;
    if (given.is_enabled) options.domains = config.sip.domains;
    options.min_expires = given.min_expires;
    options.max_expires = given.max_expires;
    options.default_expires = std::clamp<Duration>(seconds(3600), given.min_expires, given.max_expires);
    options.contacts_max = given.contacts_max;
    return options;
}

// The passwords go with this.
void Server::use_users(Config &config) {
    users_.change(config.registrar.challenge_calls ? config.sip.domains : std::vector<std::string>());
    digest_.replace_users(std::exchange(config.registrar.users, {}));
    registrar_.change(registrar_options(config));
}

// What is bounded for the process, each worker has its share of.
WorkerOptions Server::worker_options(const Transports &transports) {
    const auto share = [workers = stations_.size()](auto &max) {
        max = static_cast<std::remove_reference_t<decltype(max)>>((max + workers - 1) / workers);
    };
    WorkerOptions options;
    for (const auto &transport : transports) {
        const Endpoint &local = transport->local();
        options.engine.listeners.push_back({local, sent_by(config_.sip, local, transports.front()->local())});
    }
    options.engine.call_max = config_.limits.calls;
    options.engine.transactions.transaction_max = config_.limits.transactions;
    options.engine.dialogs.dialog_max = config_.limits.dialogs;
    options.engine.keeps_legs = !config_.store.path.empty() || config_.redis.takes_over;
    if (config_.redis.takes_over) options.on_copies = [this] { takeover_->wake(); };
    options.engine.sources = &sources_;
    options.engine.failing = &failing_;
    options.engine.users = &users_;
    options.engine.registrar = &registrar_;
    options.bindings = &bindings_;
    options.engine.loop_hash = loop_hash_;
    if (!config_.sip.domains.empty()) options.engine.domain = config_.sip.domains.front();
    options.engine.shards = static_cast<std::uint32_t>(stations_.size());
    if (api_.server("call_api")) {
        options.engine.event_max = 4096;
        options.on_call_event = [this](const CallEvent &event) { commands_->tell(event); };
    }
    if (config_.redis.url) options.cluster = ClusterOptions{config_.redis, &cluster_health_};
    if (queued_cdrs_) {
        options.on_record = [this](const Cdr &cdr) {
            queued_cdrs_->keep(cdr);
            cdr_stream_->wake(1);
        };
    }
    options.memory = &memory_;
    options.store = &store_health_;
    options.overload.begin = config_.limits.lag;
    options.overload.end = config_.limits.lag / 5;
    options.journal.wait_max = config_.store.wait_max;
    options.journal.rejects_calls = config_.store.rejects_calls;
    options.dns.servers = config_.dns.servers;
    options.dns.lookup.timeout = config_.dns.timeout;
    options.engine.transactions.linger_slack = std::chrono::milliseconds(250);
    options.engine.dialogs.early = config_.timers.early;
    options.engine.dialogs.no_ack = config_.timers.no_ack;
    options.engine.dialogs.lifetime = config_.timers.max_duration;
    options.engine.session_expires = config_.timers.session_expires;
    options.engine.min_session_expires = config_.timers.min_se;
    // One worker sends what ends a call before what begins the next; several take no turns.
    options.engine.dialogs.holds_places = stations_.size() > 1;
    options.engine.question_max = config_.control.pending_max;
    options.engine.undecided = config_.control.allows_undecided ? Undecided::allow : Undecided::refuse;
    options.engine.asks_registers = config_.control.is_asked_for_register;
    share(options.engine.question_max);
    share(options.engine.call_max);
    share(options.engine.dialogs.dialog_max);
    share(options.engine.transactions.transaction_max);
    share(options.journal.ended_max);
    share(options.journal.gather_max);
    share(options.waiting_max);
    return options;
}

Result<void, Failure> Server::open_capture() {
    if (!config_.capture.collector) return {};
    auto capture = Capture::open(config_.capture, log_);
    if (!capture) return capture.error();
    capture_ = std::move(*capture);
    return {};
}

// Its numbers go on rising from one life of this node to the next.
void Server::make_events() {
    EventHubOptions options;
    options.bus.sequence = static_cast<std::uint64_t>(SystemClock::utc_us());
    events_ = std::make_unique<EventHub>(options, api_.loop(), wall_, random_);
}

void Server::make_workers(std::vector<Transports> transports) {
    const auto epoch = static_cast<std::uint64_t>(SystemClock::utc_us());
    for (const auto &owned : stations_) {
        Station &station = *owned;
        WorkerOptions options = worker_options(transports[station.index]);
        options.engine.dialogs.epoch = epoch;
        options.engine.dialogs.shard = station.index;
        if (station.index == 0) options.peers = &peers_;
        if (station.index == 0) options.trunks = &trunks_;
        options.keeps_bindings = station.index == 0;
        options.hub = events_.get();
        options.is_traced = &is_traced_;
        options.trails.byte_max /= stations_.size();
        options.engine.events = options.events = &events_->add_source();
        if (capture_) options.capture = &capture_->add_tap();
        station.worker = std::make_unique<Worker>(options, station.loop, std::move(transports[station.index]),
                                                  station.routes, profiles_, wall_, store_thread_.get(), log_);
    }
    if (board_) {
        for (const auto &station : stations_) station->worker->join(*board_);
    }
}

Result<void, Failure> Server::open_control() {
    for (const auto &station : stations_) {
        if (auto opened = station->worker->open_control(config_.control); !opened) return opened;
    }
    return {};
}

void Server::make_board() {
    std::vector<std::function<void()>> wakes;
    for (const auto &station : stations_) {
        wakes.emplace_back([raw = station.get()] { raw->loop.post([raw] { raw->worker->on_mail(); }); });
    }
    board_ = std::make_unique<Switchboard>(KeyedHash(random_), std::move(wakes));
}

void Server::log_start() const {
    for (const Endpoint &at : config_.sip.listen) {
        log_.info(fmt::format("listening on {}:{}", uri_name(at.transport), at.to_string()));
    }
    for (const char *section : {"admin", "call_api"}) {
        if (const HttpServer *http = api_.server(section)) {
            log_.info(fmt::format("[{}] listens on {}", section, http->local().to_string()));
        }
    }
    if (config_.redis.url) log_.info(fmt::format("cluster counts in {}", config_.redis.url->to_string()));
    if (capture_) log_.info(fmt::format("capture: all messages go to {}", config_.capture.collector->to_string()));
    log_.info(config_.store.path.empty() ? std::string("no store: nothing is kept")
                                         : fmt::format("store {}", config_.store.path));
}

void Server::reload(std::function<void(const Result<void, Failure> &)> then) {
    const auto refuse = [this, &then](const Failure &failure) {
        log_.error(fmt::format("reload: {}; the former configuration stays in force", failure.detail));
        if (then) then(failure);
    };
    auto config = read_again();
    if (!config) return refuse(config.error());
    auto tls = load_certificates_again(*config);
    if (!tls) return refuse(tls.error());
    if (auto declared = declare(config->profiles); !declared) {
        static_cast<void>(declare(config_.profiles)); // those before the one that failed have new limits
        return refuse(declared.error());
    }
    for (const std::string &warning : config->warnings) log_.warn(warning);
    warn_of_restart(*config);
    put_in_force(std::move(*config), std::move(*tls));
    const auto replace = [routes = config_.routes, sip = config_.sip, tls = tls_, targets = config_.trunks,
                          trunks = config_.registrations](Station &station) {
        station.routes.replace(routes, sip.trusted, sip.domains, targets);
        for (StreamTransport *transport : station.tls_transports) transport->use(tls);
        if (station.index == 0) station.worker->register_with(trunks);
    };
    everywhere(replace, [this, size = config_.routes.size(), then = std::move(then)] {
        log_.info(fmt::format("reload: {} routes are in force", size));
        if (then) then({});
    });
}

Result<Config, Failure> Server::read_again() const {
    if (path_.empty()) return Failure{Error::config_invalid, "there is no configuration file (--config)"};
    auto config = read_config(path_);
    if (config && !use_listeners(*config, config_.sip.listen)) {
        return Failure{Error::config_invalid, "a route or a trunk needs a listener that only a restart opens"};
    }
    return config;
}

// A file without a certificate has no listener of TLS: one that runs goes on with what it has until the restart.
Result<std::shared_ptr<const TlsContext>, Failure> Server::load_certificates_again(const Config &config) const {
    if (!tls_) return tls_;
    if (!config.tls.certificate.empty()) return TlsContext::load(config.tls);
    log_.error("reload: there is no \"certificate\" in [tls], but a listener that needs one until the restart; the "
               "former one stays in force");
    return tls_;
}

void Server::put_in_force(Config config, std::shared_ptr<const TlsContext> tls) {
    log_.configure(config.log);
    sources_.change(source_limits(config.limits));
    config_.sip.drain = config.sip.drain;
    config_.sip.trusted = config.sip.trusted;
    config_.sip.domains = config.sip.domains;
    config_.limits.source_rate = config.limits.source_rate;
    config_.limits.source_burst = config.limits.source_burst;
    config_.limits.source_exempt = std::move(config.limits.source_exempt);
    config_.trunks = std::move(config.trunks);
    peers_.replace(config_.trunks);
    use_users(config);
    config_.routes = std::move(config.routes);
    config_.profiles = std::move(config.profiles);
    config_.log = config.log;
    if (tls_ && !config.tls.certificate.empty()) config_.tls = config.tls;
    tls_ = std::move(tls);
    api_.use(tls_);
    config_.registrations = std::move(config.registrations);
}

void Server::warn_of_restart(const Config &config) const {
    const auto warn = [this](std::string_view what) {
        log_.warn(fmt::format("reload: {} changed, which takes a restart; the former one stays in force", what));
    };
    if (config.sip.listen != config_.sip.listen) warn("\"listen\" in [sip]");
    if (config.sip.workers != config_.sip.workers) warn("\"workers\" in [sip]");
    if (config.sip.advertise_host != config_.sip.advertise_host ||
        config.sip.advertise_port != config_.sip.advertise_port) {
        warn("\"advertise\" in [sip]");
    }
    if (config.dns != config_.dns) warn("[dns]");
    if (config.store != config_.store) warn("[store]");
    if (config.redis != config_.redis) warn("[redis]");
    if (config.control != config_.control) warn("[control]");
    if (config.timers != config_.timers) warn("[timers]");
    if (config.audit != config_.audit) warn("[audit]");
    if (config.admin != config_.admin) warn("[admin]");
    if (config.call_api != config_.call_api) warn("[call_api]");
    if (config.capture != config_.capture) warn("[capture]");
    if (config.registrar.realm != config_.registrar.realm ||
        config.registrar.nonce_lifetime != config_.registrar.nonce_lifetime ||
        config.registrar.algorithms != config_.registrar.algorithms) {
        warn("\"realm\", \"nonce_s\" or \"algorithms\" in [registrar]");
    }
    LimitConfig limits = config.limits;
    limits.source_rate = config_.limits.source_rate;
    limits.source_burst = config_.limits.source_burst;
    limits.source_exempt = config_.limits.source_exempt;
    if (limits != config_.limits) warn("[limits] but for its sources");
}

} // namespace tandem
