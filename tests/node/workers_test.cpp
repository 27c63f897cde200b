// A server with several workers: nobody outside sees how many there are.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <doctest/doctest.h>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>
#include "net/stream_transport.hpp"
#include "net/system_clock.hpp"
#include "node/config_reader.hpp"
#include "node/lines.hpp"
#include "node/phones.hpp"
#include "node/running_node.hpp"
#include "node/server.hpp"

using namespace tandem;
using test::Callee;
using test::Caller;
using test::Lines;
using Node = test::RunningNode;

namespace {

constexpr std::size_t workers = Node::workers;

// A connection to the server from the test's own loop.
struct TcpPhone {
    explicit TcpPhone(Node &node) : server(node.server->worker().listeners().at(1).bound) {
        Endpoint local = test::endpoint("127.0.0.1", 0);
        local.transport = Transport::tcp;
        transport = std::move(*StreamTransport::open(node.loop, local));
        transport->on_batch([this](std::span<const Datagram> batch) {
            for (const Datagram &datagram : batch) {
                if (datagram.bytes.starts_with("SIP/2.0 ")) on_response(datagram.bytes);
            }
        });
    }
    void invite(int call) {
        const std::string id = std::to_string(call);
        const OutDatagram datagram{
            server,
            SharedBytes("INVITE sip:bob@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bK" + id +
                        "\r\nMax-Forwards: 70\r\nFrom: <sip:a@a>;tag=" + id + "\r\nTo: <sip:bob@b>\r\nCall-ID: " + id +
                        "\r\nCSeq: 1 INVITE\r\nContact: <sip:a@127.0.0.1;transport=tcp>\r\n"
                        "Content-Length: 0\r\n\r\n"),
            1,
            {}};
        transport->send({&datagram, 1});
    }

    Endpoint server;
    std::unique_ptr<StreamTransport> transport;
    std::function<void(std::string_view response)> on_response = [](auto) {};
};

} // namespace

TEST_CASE("workers: a call is complete whichever worker its messages come to, and statistics add up") {
    Node node("profiles = [\"total\"]\n[[profile]]\nname = \"total\"\n");
    constexpr std::size_t calls = 128;
    std::size_t hung_up = 0;
    std::vector<WorkerStatistics> all;
    node.caller->on_final = [&](std::size_t call, std::uint16_t status) {
        CHECK(status == 200);
        node.caller->hang_up(call);
    };
    node.caller->on_hung_up = [&](std::size_t) {
        if (++hung_up < calls) return;
        node.collect([&](const std::vector<WorkerStatistics> &counted) {
            all = counted;
            node.end();
        });
    };
    node.run([&] {
        for (std::size_t call = 0; call < calls; ++call) node.caller->invite(call);
    });

    REQUIRE(all.size() == workers);
    WorkerStatistics sum;
    for (const WorkerStatistics &worker : all) {
        CHECK(worker.dialog.processed > 0);
        add_counters(sum.dialog, worker.dialog);
        add_counters(sum.transaction, worker.transaction);
        add_counters(sum.transport, worker.transport);
        add_counters(sum.hand_over, worker.hand_over);
    }
    CHECK(sum.dialog.processed == calls);
    CHECK(sum.dialog.failed == 0);
    CHECK(sum.transaction.stray_responses == 0);
    CHECK(sum.transaction.requests == 2 * calls);
    CHECK(sum.transport.received >= 4 * calls); // INVITE and 200, ACK, BYE
    CHECK(sum.hand_over.handed_over > 0);
    CHECK(sum.hand_over.dropped == 0);
    CHECK(node.callee.invited == calls);
    CHECK(node.server->profiles().size("total").value() == 0);
}

TEST_CASE("workers: no limit is passed by one call, though all workers count at once") {
    Node node("profiles = [\"total\"]\n[[profile]]\nname = \"total\"\nlimit = 10\n");
    constexpr std::size_t calls = 200;
    std::size_t answered = 0;
    node.caller->on_final = [&](std::size_t, std::uint16_t) {
        CHECK(node.server->profiles().size("total").value() <= 10);
        if (++answered == calls) {
            node.end();
            node.end();
        }
    };
    node.run([&] {
        for (std::size_t call = 0; call < calls; ++call) node.caller->invite(call);
    });
    CHECK(node.caller->count(200) == 10);
    CHECK(node.caller->count(503) == calls - 10);
    CHECK(node.callee.invited == 10);
}

TEST_CASE("workers: a drain ends when the last call of all workers has, and none begins meanwhile") {
    Node node;
    constexpr std::size_t calls = 16;
    std::size_t up = 0;
    std::size_t refused = 0;
    node.caller->on_final = [&](std::size_t, std::uint16_t status) {
        if (status == 200 && ++up == calls) {
            node.when_calls(calls, [&] {
                node.end();
                node.in_server([&] { // the order has reached the workers before these calls do
                    node.loop.post([&] {
                        for (std::size_t call = 0; call < calls; ++call) node.caller->invite(calls + call);
                    });
                });
            });
        }
        if (status == 503 && ++refused == calls) {
            for (std::size_t call = 0; call < calls; ++call) node.caller->hang_up(call);
        }
    };
    node.run([&] {
        for (std::size_t call = 0; call < calls; ++call) node.caller->invite(call);
    });
    CHECK(up == calls);
    CHECK(refused == calls);
    CHECK(node.lines.count("ending: no new calls; waiting up to 30000 ms for 16 calls") == 1);
    CHECK(node.lines.count("stay in the store") == 0);
}

TEST_CASE("workers: the second order to end does not wait for the calls of any worker") {
    Node node;
    constexpr std::size_t calls = 16;
    std::size_t up = 0;
    node.caller->on_final = [&](std::size_t, std::uint16_t) {
        if (++up < calls) return;
        node.when_calls(calls, [&] {
            node.end();
            node.end();
        });
    };
    node.run([&] {
        for (std::size_t call = 0; call < calls; ++call) node.caller->invite(call);
    });
    CHECK(node.lines.count("told to end at once; 16 calls stay in the store") == 1);
}

TEST_CASE("workers: routes are replaced while calls are placed") {
    std::string folder = std::filesystem::temp_directory_path() / "tandem-workers-XXXXXX";
    REQUIRE(::mkdtemp(folder.data()) != nullptr);
    const std::string path = folder + "/t.toml";
    Node node({}, path);
    Callee other(node.loop);
    constexpr std::size_t calls = 400;
    constexpr std::size_t reloads = 20;
    std::size_t begun = 0;
    std::size_t ended = 0;
    node.caller->on_final = [&](std::size_t call, std::uint16_t status) {
        CHECK(status == 200);
        node.caller->hang_up(call);
    };
    const auto reload = [&](const Callee &to) {
        std::ofstream(path + ".new") << "[sip]\nworkers = 4\n[store]\npath = \"\"\n" << to.route();
        std::filesystem::rename(path + ".new", path); // the one before may be being read
        node.in_server([&] { node.server->reload(); });
    };
    node.caller->on_hung_up = [&](std::size_t) {
        if (++ended % (calls / reloads) == 0) reload(ended / (calls / reloads) % 2 == 0 ? node.callee : other);
        if (begun < calls) return node.caller->invite(begun++);
        if (ended == calls) node.end();
    };
    node.run([&] {
        while (begun < 20) node.caller->invite(begun++);
    });
    std::filesystem::remove_all(folder);
    CHECK(node.callee.invited + other.invited == calls);
    CHECK(other.invited > 0);
    CHECK(node.lines.count("reload: 1 routes are in force") == reloads);
}

TEST_CASE("workers: a CANCEL finds its INVITE with whatever worker that is; a stray one is answered once") {
    Node node;
    node.callee.only_rings = true;
    constexpr std::size_t calls = 16;
    std::size_t ringing = 0;
    std::vector<std::uint16_t> answers;
    const auto end_if_done = [&] {
        // The caller has her answers before the callee has heard anything.
        const bool is_done = answers.size() == calls + 1 && node.caller->count(487) == calls;
        if (is_done && node.callee.cancelled == calls) node.end();
    };
    node.callee.on_cancelled = end_if_done;
    node.caller->on_ringing = [&](std::size_t call) {
        node.caller->cancel(call);
        if (++ringing == calls) node.caller->cancel(calls); // no such INVITE
    };
    node.caller->on_cancel_answered = [&](std::uint16_t status) {
        answers.push_back(status);
        end_if_done();
    };
    node.caller->on_final = [&](std::size_t, std::uint16_t) { end_if_done(); };
    node.run([&] {
        for (std::size_t call = 0; call < calls; ++call) node.caller->invite(call);
    });
    CHECK(std::count(answers.begin(), answers.end(), 200) == calls);
    CHECK(std::count(answers.begin(), answers.end(), 481) == 1);
    CHECK(node.caller->count(487) == calls);
    CHECK(node.callee.cancelled == calls);
}

TEST_CASE("workers: each has its share of what the process may hold") {
    Node node("[limits]\ncalls = 1001\ndialogs = 2002\ntransactions = 4003\n");
    const JournalOptions journal;
    for (std::size_t worker = 0; worker < workers; ++worker) {
        const WorkerOptions &options = node.server->worker(worker).options();
        CHECK(options.engine.call_max == 251);
        CHECK(options.engine.dialogs.dialog_max == 501);
        CHECK(options.engine.transactions.transaction_max == 1001);
        CHECK(options.journal.ended_max == journal.ended_max / workers);
        CHECK(options.journal.gather_max == journal.gather_max / workers);
        CHECK(options.waiting_max == WorkerOptions().waiting_max / workers);
    }
}

TEST_CASE("workers: a call that comes back is known whichever worker had it first") {
    Node node;
    const std::string call = "sip:bob@b";
    const auto &first = node.server->worker(0).options().engine.loop_hash;
    const auto &last = node.server->worker(workers - 1).options().engine.loop_hash;
    REQUIRE(first);
    REQUIRE(last);
    CHECK((*first)(call) == (*last)(call));
}

TEST_CASE("workers: what one of them throws ends them all and comes out of run()") {
    Node node;
    CHECK_THROWS_AS(node.run([&] { node.server->loop(2).post([] { throw std::runtime_error("planted"); }); }),
                    std::runtime_error);
}

TEST_CASE("workers: what waited for the store is sent at the end, by others' listeners and after an exception too") {
    for (const bool throws : {false, true}) {
        CAPTURE(throws);
        std::string folder = std::filesystem::temp_directory_path() / "tandem-workers-XXXXXX";
        REQUIRE(::mkdtemp(folder.data()) != nullptr);
        Node node({}, {}, [&](Config &config) {
            config.store.path = folder + "/t.db";
            config.store.commit_interval = std::chrono::milliseconds(500); // the first commit, too, comes so late
            config.sip.listen.push_back(config.sip.listen[0]);
            config.sip.listen[1].transport = Transport::tcp;
            config.sip.listen[1].listener = 1;
        });
        TcpPhone phone(node);
        constexpr int calls = 16;
        int trying = 0;
        phone.on_response = [&](std::string_view response) {
            if (response.starts_with("SIP/2.0 100 ") && ++trying == calls) node.loop.stop();
        };
        const auto end = [&] {
            if (!throws) {
                node.end();
                return node.end();
            }
            node.server->loop(2).post([] { throw std::runtime_error("planted"); });
        };
        const auto run = [&] {
            node.run([&] {
                for (int call = 0; call < calls; ++call) phone.invite(call);
                node.when_calls(calls, end);
            });
        };
        if (throws) {
            CHECK_THROWS_AS(run(), std::runtime_error);
        } else {
            run();
        }
        node.loop.on_deadline([&] { node.loop.stop(); });
        node.loop.set_deadline(SystemClock::now() + std::chrono::seconds(10));
        if (trying < calls) node.loop.run(); // reads what is in the socket
        CHECK(trying == calls);
        node.server.reset();
        std::filesystem::remove_all(folder);
    }
}

TEST_CASE("workers: calls go on in the next process, each where its messages come, also if that has fewer workers") {
    for (const std::uint32_t next : {4U, 3U, 1U}) {
        CAPTURE(next);
        std::string folder = std::filesystem::temp_directory_path() / "tandem-workers-XXXXXX";
        REQUIRE(::mkdtemp(folder.data()) != nullptr);
        Node node("profiles = [\"total\"]\n[[profile]]\nname = \"total\"\n", {},
                  [&](Config &config) { config.store.path = folder + "/t.db"; });
        constexpr std::size_t calls = 32;
        std::size_t up = 0;
        std::size_t hung_up = 0;
        node.caller->on_final = [&](std::size_t, std::uint16_t status) {
            CHECK(status == 200);
            if (++up == calls) node.when_calls(calls, [&] { node.end(), node.end(); });
        };
        node.run([&] {
            for (std::size_t call = 0; call < calls; ++call) node.caller->invite(call);
        });
        REQUIRE(up == calls);

        node.restart(next);
        CHECK(node.lines.has("info store: 32 calls of a former process go on; it left 64 dialogs"));
        CHECK(node.server->profiles().size("total").value() == calls);
        node.caller->on_hung_up = [&](std::size_t) {
            if (++hung_up == calls) node.when_calls(0, [&] { node.end(); });
        };
        node.run([&] {
            for (std::size_t call = 0; call < calls; ++call) node.caller->hang_up(call);
        });
        CHECK(hung_up == calls);
        CHECK(node.callee.hung_up == calls);
        CHECK(node.server->profiles().size("total").value() == 0);
        node.server.reset();
        std::filesystem::remove_all(folder);
    }
}

TEST_CASE("workers: an INVITE that a former process has refused is no new call, whichever worker it comes to") {
    for (const std::uint32_t next : {4U, 3U}) {
        CAPTURE(next);
        std::string folder = std::filesystem::temp_directory_path() / "tandem-workers-XXXXXX";
        REQUIRE(::mkdtemp(folder.data()) != nullptr);
        Node node({}, {}, [&](Config &config) { config.store.path = folder + "/t.db"; });
        node.callee.refuses = 486;
        constexpr std::size_t calls = 32;
        std::size_t refused = 0;
        node.caller->on_final = [&](std::size_t, std::uint16_t status) {
            CHECK(status == 486);
            if (++refused < calls) return;
            node.when_calls(0, [&] { node.in_server([] { throw std::runtime_error("planted"); }); });
        };
        const auto invite_all = [&] {
            for (std::size_t call = 0; call < calls; ++call) node.caller->invite(call);
        };
        CHECK_THROWS_AS(node.run(invite_all), std::runtime_error);
        REQUIRE(node.callee.invited == calls);

        node.restart(next); // and has not heard of the ACKs
        node.caller->acknowledges_refusals = false;
        std::map<std::size_t, int> heard; // said once again at the start, and then when he asks
        std::size_t twice = 0;
        node.caller->on_repeated = [&](std::size_t call) {
            if (++heard[call] == 2 && ++twice == calls) node.end(), node.end();
        };
        node.run(invite_all);
        CHECK(twice == calls);
        CHECK(node.callee.invited == calls);
        node.server.reset();
        std::filesystem::remove_all(folder);
    }
}

TEST_CASE("workers: a port that another node shares among its workers is in use") {
    Node node;
    auto config = parse_config(node.text({}), "f");
    REQUIRE(config.ok());
    config->sip.listen[0] = node.server->worker().listeners().at(0).bound;
    const auto second = Server::open(*config, "", node.lines.log);
    REQUIRE(!second.ok());
    CHECK(second.error().detail == "udp:" + config->sip.listen[0].to_string() + ": address already in use");
}
