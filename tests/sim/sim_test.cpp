// Ten thousand random calls over a bad network, twice: by a fixed seed and by a new one. See README.md.
#define DOCTEST_CONFIG_IMPLEMENT
#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <doctest/doctest.h>
#include <random>
#include <string_view>
#include "sim/simulation.hpp"

namespace tandem::sim {
namespace {

struct Wish { // what the command line or the environment asks for
    std::optional<std::uint64_t> seed;
    std::optional<double> loss;
    std::optional<std::size_t> call;
    std::size_t calls = 10'000;   // of one run, over all its losses
    std::optional<double> deaths; // chance of each batch, in the runs in which the process dies
    TraceOptions trace;
};

Wish wish;

constexpr std::uint64_t fixed_seed = 20'261'121;
constexpr std::array losses = {0.0, 0.05, 0.1, 0.2, 0.3};

// Findings of one kind in one line: what differs is in the numbers.
void print_findings(const SimulationReport &report) {
    struct Kind {
        const Finding *first = nullptr;
        std::size_t count = 0;
        std::string calls;
    };
    std::map<std::string, Kind> kinds;
    for (const auto &finding : report.findings) {
        std::string key;
        for (const char c : finding.text.substr(0, finding.text.find_first_of("(\r")))
            if (c < '0' || c > '9') key += c;
        auto &kind = kinds[key];
        if (!kind.first) kind.first = &finding;
        if (++kind.count <= 5 && finding.call) kind.calls += " " + std::to_string(*finding.call);
    }
    for (const auto &[key, kind] : kinds)
        std::printf("  %zu x %s; calls%s, first at %.3f\n", kind.count, kind.first->text.c_str(), kind.calls.c_str(),
                    static_cast<double>(kind.first->when.time_since_epoch().count()) / 1e6);
}

// Returns whether all went well.
bool run(const SimulationOptions &options) {
    const auto report = Simulation(options).run();
    std::printf(
        "seed %llu, loss %2.0f %%, %zu calls: %zu records, %zu answered, at most %zu at once, %llu deaths, %llu "
        "datagrams, %.0f s",
        static_cast<unsigned long long>(options.seed), options.weather.loss * 100, options.calls, report.records,
        report.answered, report.up_max, static_cast<unsigned long long>(report.deaths),
        static_cast<unsigned long long>(report.datagrams),
        static_cast<double>(report.end.time_since_epoch().count()) / 1e6);
    for (const auto &[reason, count] : report.reasons) std::printf(", %s %zu", reason.c_str(), count);
    std::printf("\n");
    print_findings(report);
    if (report.findings.empty()) return true;
    std::printf("%zu findings. Replay: --seed=%llu --loss=%g --calls=%zu, one call with --call=N\n",
                report.findings.size(), static_cast<unsigned long long>(options.seed), options.weather.loss,
                options.calls);
    if (!options.only) explain(options, report);
    return false;
}

SimulationOptions options_of(std::uint64_t seed, double loss, std::size_t calls) {
    SimulationOptions options;
    options.seed = seed;
    options.calls = calls;
    options.only = wish.call;
    options.weather.loss = loss;
    options.trace = wish.trace;
    return options;
}

bool run_all(std::uint64_t seed) {
    bool is_good = true;
    for (const double loss : losses) {
        if (wish.loss && *wish.loss != loss) continue;
        // Each loss has its own calls, and `calls` is what a replay names.
        is_good &= run(options_of(seed, loss, wish.loss ? wish.calls : wish.calls / losses.size()));
    }
    return is_good;
}

// A small run in which somebody tampers with the Engine.
SimulationReport tampered(Sabotage sabotage, double loss = 0.2) {
    auto options = options_of(fixed_seed, loss, 300);
    options.only.reset();
    options.trace = {};
    options.sabotage = std::move(sabotage);
    return Simulation(options).run();
}

bool tells(const SimulationReport &report, std::string_view text) {
    for (const auto &finding : report.findings)
        if (finding.text.find(text) != finding.text.npos) return true;
    return false;
}

bool is_request(std::string_view bytes, std::string_view method) { return bytes.substr(0, method.size()) == method; }

TEST_CASE("simulation: random calls over a bad network leave nothing behind, and a record each") {
    if (wish.seed) {
        CHECK(run_all(*wish.seed));
        return;
    }
    CHECK(run_all(fixed_seed));
    CHECK(run_all(std::random_device{}()));
}

TEST_CASE("simulation: a process that dies again and again leaves nobody in a call, and a record each") {
    for (const double loss : {0.0, 0.2}) {
        if (wish.loss && *wish.loss != loss) continue;
        for (const std::uint64_t seed : {fixed_seed, static_cast<std::uint64_t>(std::random_device{}())}) {
            auto options = options_of(wish.seed.value_or(seed), loss, wish.loss ? wish.calls : wish.calls / 10);
            options.deaths = wish.deaths.value_or(0.0003);
            CHECK(run(options));
        }
    }
}

TEST_CASE("simulation: a seed repeats every datagram") {
    auto options = options_of(wish.seed.value_or(fixed_seed), 0.2, 200);
    options.trace = {};
    const auto first = Simulation(options).run();
    const auto second = Simulation(options).run();
    CHECK(first.datagrams > 2000);
    CHECK(first.hash == second.hash);
    ++options.seed;
    CHECK(Simulation(options).run().hash != first.hash);
}

TEST_CASE("simulation: a call alone behaves as it did among the others") {
    auto options = options_of(fixed_seed, 0.2, 50);
    options.trace = {};
    options.only.reset();
    const auto all = Simulation(options).run();
    std::size_t records = 0;
    std::uint64_t datagrams = 0;
    for (std::size_t i = 0; i < options.calls; ++i) {
        options.only = i;
        const auto one = Simulation(options).run();
        records += one.records;
        datagrams += one.datagrams;
    }
    CHECK(records == all.records);
    CHECK(datagrams == all.datagrams);
}

TEST_CASE("simulation: its checks find a BYE that is never sent") {
    CHECK(tells(tampered({.outgoing = [](std::string &bytes) { return !is_request(bytes, "BYE "); }}), "no BYE came"));
}

TEST_CASE("simulation: its checks find an ACK that is never sent") {
    CHECK(tells(tampered({.outgoing = [](std::string &bytes) { return !is_request(bytes, "ACK"); }}), "never ACKed"));
}

TEST_CASE("simulation: its checks find one changed byte of a body") {
    const auto change = [](std::string &bytes) {
        const auto at = bytes.find("x-token:");
        if (at != bytes.npos) bytes[at + 8] = 'x';
        return true;
    };
    CHECK(tells(tampered({.outgoing = change}), "nobody sent this body"));
}

TEST_CASE("simulation: its checks find a CSeq that does not rise by one") {
    const auto change = [](std::string &bytes) {
        if (is_request(bytes, "BYE")) bytes.insert(bytes.find("CSeq: ") + 6, "9");
        return true;
    };
    CHECK(tells(tampered({.outgoing = change}), "has CSeq"));
}

TEST_CASE("simulation: its checks find credentials that are not sent, or sent again with the same count") {
    const auto drop = [](std::string &bytes) {
        for (const char *name : {"\r\nAuthorization: ", "\r\nProxy-Authorization: "}) {
            const auto at = bytes.find(name);
            if (at != bytes.npos && is_request(bytes, "BYE ")) bytes.erase(at, bytes.find("\r\n", at + 2) - at);
        }
        return true;
    };
    CHECK(tells(tampered({.outgoing = drop}), "BYE without the nonce that is known"));
    const auto change = [](std::string &bytes) {
        const auto at = bytes.find("nc=0000000");
        if (at != bytes.npos) bytes[at + 10] = '1';
        return true;
    };
    CHECK(tells(tampered({.outgoing = change}), "counts a nonce 00000001 and not 00000002"));
}

TEST_CASE("simulation: its checks find an ACK without the credentials of its INVITE") {
    const auto drop = [](std::string &bytes) {
        for (const char *name : {"\r\nAuthorization: ", "\r\nProxy-Authorization: "}) {
            const auto at = bytes.find(name);
            if (at != bytes.npos && is_request(bytes, "ACK ")) bytes.erase(at, bytes.find("\r\n", at + 2) - at);
        }
        return true;
    };
    CHECK(tells(tampered({.outgoing = drop}), "ACK without the credentials of its INVITE"));
}

TEST_CASE("simulation: its checks find a final response that changes its mind") {
    const auto change = [count = 0](std::string &bytes) mutable {
        if (is_request(bytes, "SIP/2.0 487") && ++count % 2 == 0) bytes.replace(8, 3, "486");
        return true;
    };
    CHECK(tells(tampered({.outgoing = change}), "one final response"));
}

TEST_CASE("simulation: its checks find a record that is lost, and one that comes twice") {
    const auto lose = [](const DialogRecord &record) { return record.leg_of ? 1 : 0; };
    CHECK(tells(tampered({.ended = lose}), "ended 0 times"));
    CHECK(tells(tampered({.ended = [](const DialogRecord &) { return 2; }}), "ended 2 times"));
}

TEST_CASE("simulation: its checks find an answer of another fork that is not hung up") {
    const auto drop = [](std::string &bytes) {
        return !is_request(bytes, "BYE ") || bytes.substr(0, bytes.find("\r\n")).find("@10.3.") == bytes.npos;
    };
    CHECK(tells(tampered({.outgoing = drop}), "from another fork got no BYE within a second"));
}

TEST_CASE("simulation: its checks find a refusal that none of the targets gave") {
    const auto change = [](std::string &bytes) {
        if (is_request(bytes, "SIP/2.0 503")) bytes.replace(8, 3, "580");
        return true;
    };
    CHECK(tells(tampered({.outgoing = change}), "was sent 580 by nobody"));
}

TEST_CASE("simulation: its checks find a reliable response that changes its number") {
    const auto change = [count = 0](std::string &bytes) mutable {
        const auto at = bytes.find("\r\nRSeq: ");
        if (at != bytes.npos && ++count % 2 == 0) bytes.insert(at + 8, "1");
        return true;
    };
    CHECK(tells(tampered({.outgoing = change}), "with a RSeq that is not the next one"));
}

TEST_CASE("simulation: its checks find a hunt that ends too early") {
    // The second target's INVITE never leaves, so that nobody was asked who should have been.
    const auto drop = [](std::string &bytes) {
        return !is_request(bytes, "INVITE sip:callee-") || bytes.find("\r\nTo: ") == bytes.npos;
    };
    CHECK(tells(tampered({.outgoing = drop}), "the hunt ended before its last target"));
}

TEST_CASE("simulation: its checks find a leg on hold that may go on sending") {
    const auto change = [](std::string &bytes) {
        const auto at = bytes.find("a=sendonly");
        if (at != bytes.npos) bytes.replace(at, 10, "a=sendrecv");
        return true;
    };
    CHECK(tells(tampered({.outgoing = change}), "a leg is on hold and was told sendrecv"));
}

TEST_CASE("simulation: its checks find a description that changes, and its version does not") {
    const auto change = [](std::string &bytes) {
        const auto at = bytes.find("\r\no=- ");
        const auto version = bytes.find(' ', std::min(at, bytes.size() - 7) + 6) + 1;
        const bool is_own = bytes.find("\r\nMax-Forwards: 70\r\n") != bytes.npos;
        if (is_own && at != bytes.npos && bytes[version + 1] == ' ') bytes[version] = '0';
        return true;
    };
    CHECK(tells(tampered({.outgoing = change}), "changes the description, and not its version"));
}

TEST_CASE("simulation: its checks find a command that has no end") {
    const auto lose = [](const CallEvent &event) { return event.kind != CallEventKind::command_ended; };
    CHECK(tells(tampered({.event = lose}), "a command has never ended"));
}

TEST_CASE("simulation: its checks find a call that goes on though the host has ended it") {
    const auto drop = [](std::string &bytes) { return !is_request(bytes, "SIP/2.0 480"); };
    CHECK(tells(tampered({.outgoing = drop}), "was sent 0 instead of 480: the host ended the call first"));
}

TEST_CASE("simulation: its checks find a NOTIFY that tells of a success that there was not") {
    const auto change = [](std::string &bytes) {
        const auto at = bytes.find("\r\n\r\nSIP/2.0 ");
        if (is_request(bytes, "NOTIFY") && at != bytes.npos) bytes.replace(at + 12, 3, "200");
        return true;
    };
    CHECK(tells(tampered({.outgoing = change}), "NOTIFY says 200, and the target has never answered"));
}

TEST_CASE("simulation: its checks find a target that answered for nothing") {
    const auto drop = [](std::string &bytes) {
        const auto end = bytes.find("\r\n");
        return !is_request(bytes, "BYE ") || bytes.substr(0, end).find("@10.8.") == bytes.npos;
    };
    CHECK(tells(tampered({.outgoing = drop}), "target: no BYE came"));
}

TEST_CASE("simulation: its checks find an UPDATE that gets the answer to another offer") {
    const auto change = [](std::string &bytes) {
        const auto at = bytes.find("s=callee-answer-caller-offer-2-");
        if (is_request(bytes, "SIP/2.0 200") && bytes.find(" UPDATE\r\n") != bytes.npos && at != bytes.npos)
            bytes[at + 29] = '1';
        return true;
    };
    CHECK(tells(tampered({.outgoing = change}), "200 UPDATE brought"));
}

TEST_CASE("simulation: its checks find a session that nobody refreshes") {
    const auto drop = [](std::string &bytes) {
        const bool is_request_of_ours = is_request(bytes, "INVITE ") || is_request(bytes, "UPDATE ");
        const bool is_own = bytes.find("\r\nMax-Forwards: 70\r\n") != bytes.npos;
        return !is_request_of_ours || !is_own || bytes.find("\r\nTo: <sip:target") != bytes.npos;
    };
    CHECK(tells(tampered({.outgoing = drop}, 0), "the reason is session_timer instead of"));
}

TEST_CASE("simulation: its checks find an answer that does not say who refreshes") {
    const auto change = [](std::string &bytes) {
        const auto at = bytes.find(";refresher=");
        if (is_request(bytes, "SIP/2.0 200") && at != bytes.npos) bytes.erase(at, 14);
        return true;
    };
    CHECK(tells(tampered({.outgoing = change}), "does not say who refreshes"));
}

template <class Number>
bool read(std::string_view text, std::string_view name, std::optional<Number> &out) {
    if (text.substr(0, name.size()) != name) return false;
    Number value{};
    const auto rest = text.substr(name.size());
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
    if (error != std::errc() || end != rest.data() + rest.size()) {
        std::fprintf(stderr, "%.*s is no number\n", static_cast<int>(text.size()), text.data());
        std::exit(2);
    }
    out = value;
    return true;
}

} // namespace
} // namespace tandem::sim

int main(int count, char **arguments) {
    using namespace tandem::sim;
    const auto environment = [](const char *name) {
        const char *value = std::getenv(name);
        return std::string_view(value ? value : "");
    };
    const auto trace = environment("TANDEM_SIM_TRACE");
    wish.trace = {.on = !trace.empty(), .whole = trace == "2"};
    if (const auto seed = environment("TANDEM_SIM_SEED"); !seed.empty()) read(seed, "", wish.seed);
    for (int i = 1; i < count; ++i) {
        std::optional<std::size_t> calls;
        const std::string_view argument = arguments[i];
        if (read(argument, "--seed=", wish.seed) || read(argument, "--loss=", wish.loss) ||
            read(argument, "--call=", wish.call) || read(argument, "--deaths=", wish.deaths))
            continue;
        if (read(argument, "--calls=", calls)) wish.calls = *calls;
    }
    doctest::Context context(count, arguments);
    return context.run();
}
