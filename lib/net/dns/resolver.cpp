#include "net/dns/resolver.hpp"
#include <cstdio>
#include <map>
#include <optional>
#include <sys/stat.h>
#include <utility>
#include "net/dns/ares_client.hpp"
#include "net/loop_impl.hpp"
#include "net/system_clock.hpp"

namespace tandem {
namespace {

constexpr std::size_t hosts_size_max = 4 << 20;                    // a larger file is cut
constexpr Duration hosts_check_interval = std::chrono::seconds(1); // between two looks at its time

std::string read_file(const std::string &path) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE *)> file(std::fopen(path.c_str(), "rb"), &std::fclose);
    std::string text;
    if (!file) return text;
    text.resize(hosts_size_max);
    text.resize(std::fread(text.data(), 1, text.size(), file.get()));
    return text;
}

// What tells one state of a file from the next.
struct FileMark {
    std::int64_t seconds = 0;
    std::int64_t nanoseconds = 0;
    std::int64_t size = -1; // there is none
    std::uint64_t inode = 0;

    bool operator==(const FileMark &) const = default;
};

FileMark mark_of(const std::string &path) {
    struct stat found {};
    if (::stat(path.c_str(), &found) != 0) return {};
    return {found.st_mtim.tv_sec, found.st_mtim.tv_nsec, found.st_size, found.st_ino};
}

} // namespace

struct Resolver::Impl final : std::enable_shared_from_this<Impl> {
    Impl(Loop &loop, const Reach &reach, Random &random, std::unique_ptr<DnsClient> dns_client,
         const ResolverOptions &resolver_options)
        : io(loop.impl().io), options(resolver_options), client(std::move(dns_client)), timer(io),
          lookups(reach, options.lookup, random, SystemClock::now()) {}

    void resolve(const SipLookup &what, Done done);
    void close();
    void watch_hosts(Instant now);
    void settle();
    void query(const DnsQuestion &question);
    void deliver();
    void arm_timer();

    asio::io_context &io;
    const ResolverOptions options;
    std::unique_ptr<DnsClient> client; // none: closed
    asio::steady_timer timer;
    Instant armed = never;
    Lookups lookups;
    std::map<std::uint64_t, Done> waiting;
    std::uint64_t last_id = 0;
    std::vector<DnsQuestion> questions; // empty between the rounds
    std::vector<LookupDone> results;    // wait for the loop's next turn
    FileMark hosts_mark;
    std::optional<Instant> hosts_checked;
};

void Resolver::Impl::resolve(const SipLookup &what, Done done) {
    const Instant now = SystemClock::now();
    watch_hosts(now);
    waiting.emplace(++last_id, std::move(done));
    lookups.start(last_id, what, now);
    settle();
}

void Resolver::Impl::close() {
    client.reset();
    timer.cancel();
    waiting.clear();
}

// The file is small and local: to read it is no more of a wait than to read the clock.
void Resolver::Impl::watch_hosts(Instant now) {
    if (options.hosts_path.empty() || (hosts_checked && now < *hosts_checked + hosts_check_interval)) return;
    hosts_checked = now;
    const FileMark mark = mark_of(options.hosts_path);
    if (mark == hosts_mark) return;
    hosts_mark = mark;
    lookups.set_hosts(HostTable::parse(read_file(options.hosts_path)));
}

// What follows every input: questions to DNS, results to the loop's next turn.
void Resolver::Impl::settle() {
    lookups.take_questions(questions);
    for (const DnsQuestion &question : std::exchange(questions, {})) query(question);
    const bool is_posted = !results.empty();
    lookups.take_results(results);
    if (!is_posted && !results.empty()) {
        asio::post(io, [self = shared_from_this()] { self->deliver(); });
    }
    arm_timer();
}

void Resolver::Impl::query(const DnsQuestion &question) {
    client->query(question, [self = weak_from_this(), question](DnsAnswer answer) {
        const auto impl = self.lock();
        if (!impl || !impl->client) return;
        impl->lookups.answer(question, std::move(answer), SystemClock::now());
        impl->settle();
    });
}

void Resolver::Impl::deliver() {
    for (const LookupDone &lookup : std::exchange(results, {})) {
        const auto at = waiting.find(lookup.id);
        if (at == waiting.end()) return; // closed
        const Done done = std::move(at->second);
        waiting.erase(at);
        done(lookup.result);
    }
}

void Resolver::Impl::arm_timer() {
    const Instant next = lookups.next_deadline().value_or(never);
    if (next >= armed) return; // that wake-up comes first
    armed = next;
    timer.expires_at(std::chrono::steady_clock::time_point(next.time_since_epoch()));
    timer.async_wait([self = shared_from_this()](AsioError error) {
        if (error || !self->client) return;
        self->armed = never;
        self->lookups.advance(SystemClock::now());
        self->settle();
    });
}

Result<std::unique_ptr<Resolver>, Failure> Resolver::open(Loop &loop, const Reach &reach, Random &random,
                                                          const ResolverOptions &options) {
    // So that three rounds over one server, or two over two, end not long after the question's half of the timeout.
    AresOptions ares;
    ares.servers = options.servers;
    ares.try_timeout = options.lookup.timeout / 8;
    auto client = AresClient::open(loop, ares);
    if (!client) return client.error();
    return std::make_unique<Resolver>(loop, reach, random, std::move(*client), options);
}

Resolver::Resolver(Loop &loop, const Reach &reach, Random &random, std::unique_ptr<DnsClient> client,
                   const ResolverOptions &options)
    : impl_(std::make_shared<Impl>(loop, reach, random, std::move(client), options)) {}

Resolver::~Resolver() { impl_->close(); }

void Resolver::resolve(const SipLookup &what, Done done) { impl_->resolve(what, std::move(done)); }

const LookupStatistics &Resolver::statistics() const { return impl_->lookups.statistics(); }

} // namespace tandem
