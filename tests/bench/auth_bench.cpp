// What authentication costs a request: the answer to a known nonce, a first challenge, and the check of an answer.
#include <array>
#include <benchmark/benchmark.h>
#include <map>
#include <string>
#include <string_view>
#include <vector>
#include "auth/digest_client.hpp"
#include "auth/digest_server.hpp"

using namespace tandem;

namespace {

constexpr int requests = 100'000;
constexpr std::string_view uri = "sip:+4930123456@trunk.example.com;user=phone";

std::string challenge_of(const benchmark::State &state) {
    return "Digest realm=\"trunk.example.com\", nonce=\"5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK\", qop=\"auth\", "
           "algorithm=" +
           std::string(name_of(static_cast<DigestAlgorithm>(state.range(0))));
}

void client_sends_ahead(benchmark::State &state) {
    SeededRandom random(1);
    DigestClient client({"alice", "wonderland", ""}, random);
    DigestAttempt first;
    const std::string challenge = challenge_of(state);
    const std::array<std::string_view, 1> values{challenge};
    client.on_challenge(values, {}, first);
    for (auto _ : state) {
        DigestAttempt attempt;
        benchmark::DoNotOptimize(client.authorize("INVITE", uri, "", attempt));
    }
}

void client_is_challenged(benchmark::State &state) {
    SeededRandom random(1);
    DigestClient client({"alice", "wonderland", ""}, random);
    const std::string challenge = challenge_of(state) + ", stale=true";
    const std::array<std::string_view, 1> values{challenge};
    for (auto _ : state) {
        DigestAttempt attempt;
        benchmark::DoNotOptimize(client.on_challenge(values, {}, attempt));
        benchmark::DoNotOptimize(client.authorize("INVITE", uri, "", attempt));
    }
}

void server_challenges(benchmark::State &state) {
    SeededRandom random(1);
    DigestServer server({.realm = "trunk.example.com"}, random);
    for (auto _ : state) benchmark::DoNotOptimize(server.challenge(false, false, at_ms(1)));
}

// Each request with a count of its own, as a phone that refreshes; of 100000 users.
void server_checks(benchmark::State &state) {
    SeededRandom random(1);
    DigestServer server({.realm = "trunk.example.com"}, random);
    std::map<std::string, std::string> users;
    for (int i = 0; i < 100'000; ++i) users.emplace("user" + std::to_string(i), "wonderland");
    server.replace_users(std::move(users));
    DigestClient client({"user777", "wonderland", ""}, random);
    DigestAttempt attempt;
    const std::string challenge = server.challenge(false, false, at_ms(1));
    const std::size_t md5 = challenge.find("\r\n") + 2;
    const std::string_view value = state.range(0) == 0 ? std::string_view(challenge).substr(md5) : challenge;
    const std::array<std::string_view, 1> values{value.substr(18, value.find("\r\n") - 18)};
    if (client.on_challenge(values, {}, attempt) != ChallengeOutcome::retry) state.SkipWithError("no challenge");
    std::vector<std::string> lines;
    for (int i = 0; i < requests; ++i) lines.push_back(client.authorize("REGISTER", uri, "", attempt));
    auto next = lines.begin();
    for (auto _ : state) {
        const std::string_view line = *next++;
        const std::array<std::string_view, 1> credentials{line.substr(15, line.size() - 17)};
        const AuthResult result = server.check(credentials, "REGISTER", uri, "", at_ms(1));
        if (result.verdict != AuthVerdict::ok) state.SkipWithError("refused");
    }
}

void md5_and_sha_256(benchmark::internal::Benchmark *bench) {
    bench->Arg(static_cast<int>(DigestAlgorithm::md5))->Arg(static_cast<int>(DigestAlgorithm::sha_256));
}

BENCHMARK(client_sends_ahead)->Apply(md5_and_sha_256);
BENCHMARK(client_is_challenged)->Apply(md5_and_sha_256);
BENCHMARK(server_challenges);
BENCHMARK(server_checks)->Apply(md5_and_sha_256)->Iterations(requests);

} // namespace

BENCHMARK_MAIN();
