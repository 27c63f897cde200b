// The registrar with 100 000 users, a phone each: bytes of a binding, the time to load them at the start (alone, and
// from a file of SQLite), registrations a second on one core, and what a call pays to find a phone. A registration is
// what a phone does: a REGISTER that is challenged and one with the answer, both parsed here.
#include <benchmark/benchmark.h>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <malloc.h>
#include <map>
#include <memory>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>
#include "auth/digest.hpp"
#include "auth/digest_server.hpp"
#include "base/random.hpp"
#include "base/wall_clock.hpp"
#include "registrar/registrar.hpp"
#include "sip/message.hpp"
#include "storage/sqlite/sqlite_store.hpp"

using namespace tandem;

namespace {

constexpr std::uint32_t phone_count = 100'000;
const std::string domain = "example.com";

std::string digits(std::uint32_t number) { return std::to_string(1'000'000 + number); }
std::string password(std::uint32_t number) { return "secret" + digits(number); }
std::string contact(std::uint32_t number) {
    return "sip:" + digits(number) + "@192.0.2." + std::to_string(number % 250) + ":5062;transport=udp;ob";
}
std::string instance(std::uint32_t number) { return "<urn:uuid:00000000-0000-1000-8000-000A9" + digits(number) + ">"; }

Endpoint flow_of(std::uint32_t number) {
    Endpoint flow{*IpAddress::parse("192.0.2.0"), static_cast<std::uint16_t>(1024 + number / 250), Transport::udp, 0};
    flow.ip.bytes[3] = static_cast<std::uint8_t>(number % 250);
    return flow;
}

BindingRecord record_of(std::uint32_t number) {
    BindingRecord record;
    record.id = 0x100000000 + number;
    record.version = 1;
    record.aor = digits(number) + "@" + domain;
    record.contact = contact(number);
    record.instance = instance(number);
    record.call_id = "b2d3a7f0c84e4d1ea3c9" + digits(number) + "192.0.2.1";
    record.cseq = 7;
    record.user_agent = "Linphone/5.2.1 (belle-sip/5.3.0)";
    record.flow = flow_of(number);
    record.registered = at_ms(1000);
    record.expires = at_ms(3'600'000 + number);
    return record;
}

// Of this process, as the kernel counts.
std::size_t resident() {
    std::size_t total = 0;
    std::size_t pages = 0;
    std::ifstream("/proc/self/statm") >> total >> pages;
    return pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

std::size_t allocated() {
    const auto info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

struct Home {
    Home() {
        std::map<std::string, std::string> users;
        for (std::uint32_t i = 0; i < phone_count; ++i) users.emplace(digits(i), password(i));
        digest.replace_users(std::move(users));
        RegistrarOptions options;
        options.domains = {domain};
        registrar = std::make_unique<Registrar>(options, digest, ids);
    }
    void load() {
        for (std::uint32_t i = 0; i < phone_count; ++i) registrar->load(record_of(i), now);
    }
    void forget_events() {
        for (BindingEvent event; registrar->next_event(event);) benchmark::DoNotOptimize(event);
    }

    SeededRandom random{1};
    SeededRandom ids{2};
    DigestServer digest{{.realm = domain}, random};
    std::unique_ptr<Registrar> registrar;
    Instant now = at_ms(2000);
};

void registrar_load(benchmark::State &state) {
    std::vector<BindingRecord> records;
    for (std::uint32_t i = 0; i < phone_count; ++i) records.push_back(record_of(i));
    std::size_t bytes = 0;
    std::size_t pages = 0;
    for (auto _ : state) {
        state.PauseTiming();
        auto home = std::make_unique<Home>();
        malloc_trim(0);
        const std::size_t before = allocated();
        const std::size_t resident_before = resident();
        state.ResumeTiming();
        for (const BindingRecord &record : records) home->registrar->load(record, home->now);
        state.PauseTiming();
        bytes = allocated() - before;
        pages = resident() - resident_before;
        home.reset();
        state.ResumeTiming();
    }
    state.counters["bytes"] = static_cast<double>(bytes) / phone_count;
    state.counters["resident"] = static_cast<double>(pages) / phone_count;
    state.SetItemsProcessed(state.iterations() * phone_count);
}
BENCHMARK(registrar_load)->Unit(benchmark::kMillisecond);

void check(const Result<void, Failure> &result) {
    if (result) return;
    std::fprintf(stderr, "%s\n", result.error().detail.c_str());
    std::abort();
}

// What tandemd does before it is ready: the file is opened and each binding of it loaded. Without reading the users,
// which takes two hashes for each.
void registrar_start(benchmark::State &state) {
    const auto folder = std::filesystem::temp_directory_path() / "tandem_registrar_bench";
    std::filesystem::remove_all(folder);
    std::filesystem::create_directory(folder);
    const WallClock wall(at_ms(0), 1'763'700'000'000'000);
    const SqliteOptions options{.path = folder / "tandem.db", .durability = Durability::process, .vfs = {}};
    {
        auto store = SqliteStore::open(options, wall);
        if (!store) return state.SkipWithError(store.error().detail.c_str());
        for (std::uint32_t i = 0; i < phone_count; ++i) check((*store)->save_binding(record_of(i)));
        check((*store)->commit());
    }
    std::size_t bytes = 0;
    for (auto _ : state) {
        state.PauseTiming();
        auto home = std::make_unique<Home>();
        malloc_trim(0);
        const std::size_t before = resident();
        state.ResumeTiming();
        auto store = SqliteStore::open(options, wall);
        check((*store)->load_bindings(wall.utc_us(home->now), [&](BindingRecord record) {
            home->registrar->load(std::move(record), home->now);
        }));
        state.PauseTiming();
        bytes = resident() - before;
        if (home->registrar->statistics().bindings != phone_count) state.SkipWithError("a binding was not loaded");
        store->reset();
        home.reset();
        state.ResumeTiming();
    }
    std::filesystem::remove_all(folder);
    state.counters["resident"] = static_cast<double>(bytes) / phone_count; // with what SQLite keeps
    state.SetItemsProcessed(state.iterations() * phone_count);
}
BENCHMARK(registrar_start)->Unit(benchmark::kMillisecond);

class Phone {
public:
    Phone(std::uint32_t number, std::uint32_t cseq) : number_(number), cseq_(cseq) {}

    std::string request(const std::string &authorization = "") const {
        const std::string address = "<sip:" + digits(number_) + "@" + domain + ">";
        return "REGISTER sip:" + domain + " SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5062;rport;branch=z9hG4bKPj" +
               digits(number_) + std::to_string(cseq_) + "\r\nMax-Forwards: 70\r\nFrom: " + address + ";tag=8f6e1c" +
               "\r\nTo: " + address + "\r\nCall-ID: b2d3a7f0c84e4d1ea3c9" + digits(number_) +
               "192.0.2.1\r\nCSeq: " + std::to_string(cseq_ + (authorization.empty() ? 0 : 1)) +
               " REGISTER\r\nUser-Agent: Linphone/5.2.1 (belle-sip/5.3.0)\r\nSupported: outbound, path\r\nContact: <" +
               contact(number_) + ">;+sip.instance=\"" + instance(number_) + "\"\r\nExpires: 3600\r\n" +
               "Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, MESSAGE\r\n" + authorization +
               "Content-Length: 0\r\n\r\n";
    }

    // By the first challenge of the answer, which is SHA-256.
    std::string authorization(const RegisterAnswer &challenged) const {
        const std::size_t at = challenged.headers.find("nonce=\"") + 7;
        const std::string nonce = challenged.headers.substr(at, challenged.headers.find('"', at) - at);
        const std::string uri = "sip:" + domain;
        DigestInput input;
        input.algorithm = DigestAlgorithm::sha_256;
        const std::string ha1 = digest_ha1(input.algorithm, digits(number_), domain, password(number_));
        input.ha1 = ha1;
        input.nonce = nonce;
        input.cnonce = "0a4f113b";
        input.nc = 1;
        input.qop = Qop::auth;
        input.method = "REGISTER";
        input.uri = uri;
        return "Authorization: Digest username=\"" + digits(number_) + "\", realm=\"" + domain + "\", nonce=\"" +
               nonce + "\", uri=\"" + uri + "\", response=\"" + digest_response(input) +
               "\", algorithm=SHA-256, cnonce=\"0a4f113b\", qop=auth, nc=00000001\r\n";
    }

private:
    std::uint32_t number_;
    std::uint32_t cseq_;
};

// Refreshes in a cold order, a thousand phones at a time: what the phones compute is not counted.
void registrar_registration(benchmark::State &state) {
    Home home;
    home.load();
    constexpr std::uint32_t batch = 1000;
    std::uint32_t number = 0;
    std::uint32_t cseq = 100;
    std::uint64_t refused = 0;
    for (auto _ : state) {
        state.PauseTiming();
        std::vector<std::string> requests;
        for (std::uint32_t i = 0; i < batch; ++i) {
            requests.push_back(Phone((number + i * 77'773) % phone_count, cseq).request());
        }
        std::vector<RegisterAnswer> answers(batch);
        state.ResumeTiming();
        for (std::uint32_t i = 0; i < batch; ++i) {
            const auto message = Message::parse(requests[i]);
            answers[i] = home.registrar->on_register(*message, flow_of(number), home.now);
        }
        state.PauseTiming();
        for (std::uint32_t i = 0; i < batch; ++i) {
            const Phone phone((number + i * 77'773) % phone_count, cseq);
            requests[i] = phone.request(phone.authorization(answers[i]));
        }
        state.ResumeTiming();
        for (std::uint32_t i = 0; i < batch; ++i) {
            const auto message = Message::parse(requests[i]);
            const auto answer = home.registrar->on_register(*message, flow_of(number), home.now);
            if (answer.status != 200) ++refused;
        }
        home.forget_events();
        number = (number + batch) % phone_count;
        cseq += 2;
        home.now += std::chrono::milliseconds(100);
    }
    if (refused > 0) state.SkipWithError("a registration was refused");
    state.SetItemsProcessed(state.iterations() * batch);
}
BENCHMARK(registrar_registration)->Unit(benchmark::kMillisecond);

void registrar_find(benchmark::State &state) {
    Home home;
    home.load();
    std::uint32_t number = 0;
    for (auto _ : state) {
        benchmark::DoNotOptimize(home.registrar->find(digits(number) + "@" + domain, home.now));
        number = (number + 77'773) % phone_count;
    }
}
BENCHMARK(registrar_find);

void registrar_list(benchmark::State &state) {
    Home home;
    home.load();
    std::string behind;
    for (auto _ : state) {
        const auto page = home.registrar->list(behind, 100);
        behind = page.empty() ? "" : page.back().aor;
    }
    state.SetItemsProcessed(state.iterations() * 100);
}
BENCHMARK(registrar_list);

} // namespace

BENCHMARK_MAIN();
