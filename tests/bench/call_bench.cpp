// What one call costs in the pure machine: INVITE 180 200 ACK BYE 200, no socket and no store.
#include <benchmark/benchmark.h>
#include <chrono>
#include <string>
#include <vector>
#include "base/random.hpp"
#include "call/engine.hpp"
#include "sip/message.hpp"

namespace tandem {
namespace {

Endpoint endpoint(std::uint16_t port) {
    Endpoint endpoint;
    endpoint.ip = *IpAddress::parse("127.0.0.1");
    endpoint.port = port;
    return endpoint;
}

const Endpoint caller = endpoint(15100);
const Endpoint callee = endpoint(15080);
constexpr const char *sdp = "v=0\r\no=alice 53655765 2353687637 IN IP4 127.0.0.1\r\n"
                            "s=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
                            "m=audio 40000 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n"
                            "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=sendrecv\r\n";

class ToCallee final : public Router {
public:
    Route route(const Message &, const Endpoint &) override {
        Route route;
        route.targets.push_back({"sip:49301@127.0.0.1:15080", callee, {}});
        route.ring_timeout = std::chrono::seconds(60);
        return route;
    }
};

std::string with_body(std::string head, std::string_view body) {
    if (!body.empty()) head += "Content-Type: application/sdp\r\n";
    return head + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

std::string request(const char *method, std::uint64_t call, std::uint32_t cseq, std::string_view to_tag,
                    std::string_view body) {
    const std::string number = std::to_string(call);
    std::string out = std::string(method) + " sip:49301@127.0.0.1:15060 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:15100;" +
                      "branch=z9hG4bK-" + number + "-" + std::to_string(cseq) + method +
                      "\r\nMax-Forwards: 70\r\nFrom: \"Alice\" <sip:alice@127.0.0.1:15100>;tag=12a" + number +
                      "\r\nTo: <sip:49301@127.0.0.1:15060>" + (to_tag.empty() ? "" : ";tag=" + std::string(to_tag)) +
                      "\r\nCall-ID: " + number + "-2441@127.0.0.1\r\nCSeq: " + std::to_string(cseq) + " " + method +
                      "\r\nContact: <sip:alice@127.0.0.1:15100>\r\n" +
                      "Allow: INVITE, ACK, CANCEL, BYE, UPDATE, OPTIONS\r\nSupported: timer\r\n";
    return with_body(std::move(out), body);
}

std::string answer(const Message &request, const char *status, std::string_view body) {
    std::string out = std::string("SIP/2.0 ") + status + "\r\n";
    request.append_vias(out);
    out += "From: " + std::string(request.value(Header::from)) + "\r\nTo: " + std::string(request.value(Header::to)) +
           (request.to_tag().empty() ? ";tag=callee1" : "") + "\r\nCall-ID: " + std::string(request.call_id()) +
           "\r\nCSeq: " + std::string(request.value(Header::cseq)) + "\r\nContact: <sip:127.0.0.1:15080>\r\n";
    return with_body(std::move(out), body);
}

// The time inside the engine alone: what the two phones take to write their messages is left out.
class Stopwatch {
public:
    explicit Stopwatch(Engine &engine) : engine_(engine) {}

    std::vector<Outgoing> receive(const std::string &bytes, const Endpoint &source, Instant now) {
        std::vector<Outgoing> outgoing;
        const auto start = std::chrono::steady_clock::now();
        engine_.receive(bytes, source, now);
        engine_.drain_changes(nullptr, nullptr);
        engine_.take_outgoing(outgoing);
        seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        return outgoing;
    }
    void advance(Instant now) {
        const auto start = std::chrono::steady_clock::now();
        engine_.advance(now);
        seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    }
    double seconds = 0;

private:
    Engine &engine_;
};

Message message(const std::vector<Outgoing> &outgoing, std::size_t i) {
    return *Message::parse(outgoing[i].bytes.view());
}

void whole_call(benchmark::State &state) {
    ToCallee router;
    SeededRandom random(1);
    ProfileTable profiles(random);
    EngineOptions options;
    options.listeners.push_back({endpoint(15060), "127.0.0.1:15060"});
    options.transactions.transaction_max = 4'000'000;
    Instant now = at_ms(0);
    Engine engine(options, router, profiles, random, now);
    std::uint64_t call = 0;
    for (auto _ : state) {
        Stopwatch watch(engine);
        ++call;
        now += std::chrono::milliseconds(2); // 500 calls a second
        const Message invite = message(watch.receive(request("INVITE", call, 1, {}, sdp), caller, now), 1);
        watch.receive(answer(invite, "180 Ringing", {}), callee, now);
        const Message ok = message(watch.receive(answer(invite, "200 OK", sdp), callee, now), 0);
        watch.receive(request("ACK", call, 1, ok.to_tag(), {}), caller, now);
        const std::vector<Outgoing> out = watch.receive(request("BYE", call, 2, ok.to_tag(), {}), caller, now);
        watch.receive(answer(message(out, 1), "200 OK", {}), callee, now);
        watch.advance(now);
        state.SetIterationTime(watch.seconds);
    }
    if (engine.dialogs() != 0) state.SkipWithError("a dialog is left");
}
BENCHMARK(whole_call)->UseManualTime()->Unit(benchmark::kMicrosecond);

} // namespace
} // namespace tandem

BENCHMARK_MAIN();
