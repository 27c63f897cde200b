#include <doctest/doctest.h>
#include <string>
#include <vector>
#include "base/token.hpp"
#include "net/loop.hpp"
#include "node/hand_over.hpp"
#include "node/invite.hpp"
#include "transaction/transaction_id.hpp"

using namespace tandem;

namespace {

std::string bye(std::uint8_t shard, int number) {
    SeededRandom random(1, shard);
    return "BYE sip:a@b SIP/2.0\r\nTo: <sip:a@b>;tag=" + make_token(random) +
           "\r\nCall-ID: 1\r\nCSeq: " + std::to_string(number) + " BYE\r\n\r\n";
}

struct Board {
    explicit Board(const MailboxOptions &options = {})
        : board(KeyedHash(random), {[this] { ++wakes[0]; }, [this] { ++wakes[1]; }, [this] { ++wakes[2]; }}, options) {}

    std::vector<std::string> mail(std::uint8_t worker) {
        Mail taken;
        board.box(worker).take(taken);
        std::vector<std::string> texts;
        for (const Letter &letter : taken.letters()) texts.emplace_back(taken.bytes_of(letter));
        return texts;
    }

    SeededRandom random{1};
    int wakes[3] = {};
    Switchboard board;
};

std::vector<Datagram> batch_of(const std::vector<std::string> &messages) {
    std::vector<Datagram> batch;
    for (const std::string &message : messages) batch.push_back({test::endpoint("192.0.2.1"), message});
    return batch;
}

} // namespace

TEST_CASE("hand-over: a batch is split by whose each message is, and each other worker is woken once") {
    Board board;
    HandOver second(board.board, 1);
    const std::vector<std::string> messages = {bye(0, 1), bye(1, 2), bye(2, 3), bye(0, 4), "\r\n\r\n", bye(1, 5)};
    const auto own = second.keep_own(batch_of(messages), at_ms(0));
    REQUIRE(own.size() == 3);
    CHECK(own[0].bytes == messages[1]);
    CHECK(own[1].bytes == messages[4]); // a keep-alive is anybody's
    CHECK(own[2].bytes == messages[5]);
    CHECK(own[0].peer == test::endpoint("192.0.2.1"));
    CHECK(board.wakes[0] == 1);
    CHECK(board.wakes[1] == 0);
    CHECK(board.wakes[2] == 1);
    CHECK(board.mail(0) == std::vector<std::string>{messages[0], messages[3]});
    CHECK(board.mail(2) == std::vector<std::string>{messages[2]});
    CHECK(second.statistics().handed_over == 3);
}

TEST_CASE("hand-over: a batch of the worker's own wakes nobody") {
    Board board;
    HandOver first(board.board, 0);
    CHECK(first.keep_own(batch_of({bye(0, 1), bye(0, 2)}), at_ms(0)).size() == 2);
    first.flush(at_ms(0));
    CHECK(board.wakes[0] + board.wakes[1] + board.wakes[2] == 0);
}

TEST_CASE("hand-over: what finds a full box is dropped and counted") {
    Board board({.letter_max = 2, .byte_max = 1000});
    HandOver first(board.board, 0);
    CHECK(first.keep_own(batch_of({bye(1, 1), bye(1, 2), bye(1, 3), bye(0, 4)}), at_ms(0)).size() == 1);
    CHECK(first.statistics().handed_over == 2);
    CHECK(first.statistics().dropped == 1);
}

TEST_CASE("hand-over: a CANCEL that nobody knows goes from worker to worker, and once round") {
    Board board;
    HandOver second(board.board, 1);
    HandOver third(board.board, 2);
    HandOver first(board.board, 0);
    CHECK_FALSE(second.is_last(0));
    second.offer_to_next(test::endpoint("192.0.2.1"), "CANCEL", 0);
    second.flush(at_ms(0));
    Mail mail;
    REQUIRE(third.take(mail));
    CHECK(mail.letters()[0].asked == 1);
    CHECK_FALSE(third.is_last(1));
    third.offer_to_next(mail.letters()[0].peer, mail.bytes_of(mail.letters()[0]), 1);
    third.flush(at_ms(0));
    mail.clear();
    REQUIRE(first.take(mail));
    CHECK(mail.letters()[0].asked == 2);
    CHECK(mail.bytes_of(mail.letters()[0]) == "CANCEL");
    CHECK(first.is_last(2));
}

TEST_CASE("hand-over: what is sent by a listener of another worker goes there whole, and says whose it is") {
    Board board;
    Loop loop;
    Endpoint local = test::endpoint("127.0.0.1");
    local.transport = Transport::tls;
    BorrowedTransport borrowed(loop, board.board, 2, 0, local);
    CHECK(borrowed.local() == local);
    const TransactionId transaction(7, 3);
    const std::vector<OutDatagram> batch = {
        {test::endpoint("192.0.2.9"), SharedBytes("one"), transaction.value(), SharedBytes("sip.example")},
        {test::endpoint("192.0.2.8"), SharedBytes("two"), 0, {}}};
    borrowed.send(batch);
    CHECK(board.wakes[0] == 1);

    Mail mail;
    REQUIRE(board.board.box(0).take(mail));
    REQUIRE(mail.letters().size() == 2);
    const Letter &first = mail.letters()[0];
    CHECK(first.kind == LetterKind::to_send);
    CHECK(first.peer == test::endpoint("192.0.2.9"));
    CHECK(mail.bytes_of(first) == "one");
    CHECK(first.host == "sip.example");
    CHECK(BorrowedTransport::lender_of(first.owner) == 2);
    CHECK(BorrowedTransport::unmark(first.owner) == transaction.value());
    CHECK(mail.letters()[1].host.empty());
    CHECK(mail.letters()[1].owner == 0);
    CHECK_FALSE(BorrowedTransport::lender_of(transaction.value())); // the holder's own
}

TEST_CASE("hand-over: what finds no room at the holder of a connection has failed, and says so later") {
    Board board({.letter_max = 1, .byte_max = 1000});
    Loop loop;
    BorrowedTransport borrowed(loop, board.board, 1, 0, test::endpoint("127.0.0.1"));
    std::vector<std::uint64_t> failed;
    borrowed.on_send_failed(
        [&](const OutDatagram &datagram, const SendFailure &) { failed.push_back(datagram.owner); });
    const std::vector<OutDatagram> batch = {{test::endpoint("192.0.2.9"), SharedBytes("one"), 1, {}},
                                            {test::endpoint("192.0.2.9"), SharedBytes("two"), 2, {}}};
    borrowed.send(batch);
    CHECK(failed.empty());
    loop.stop();
    loop.run();
    CHECK(failed == std::vector<std::uint64_t>{2});
    CHECK(borrowed.statistics().send_failed == 1);
}

TEST_CASE("hand-over: a lost connection is told to all others, a failure to whose message it was") {
    Board board;
    HandOver holder(board.board, 1);
    const Instant lost_at = Instant() + std::chrono::milliseconds(5);
    holder.tell_connection_lost({.peer = test::endpoint("192.0.2.9"), .at = lost_at});
    holder.tell_not_sent(2, 77, true);
    holder.tell_not_sent(2, 78, false);
    holder.flush(at_ms(0));
    CHECK(board.wakes[1] == 0);
    Mail mail;
    REQUIRE(board.board.box(0).take(mail));
    CHECK(mail.letters().size() == 1);
    CHECK(mail.letters()[0].kind == LetterKind::connection_lost);
    CHECK(mail.letters()[0].peer == test::endpoint("192.0.2.9"));
    CHECK(mail.letters()[0].at == lost_at);
    CHECK_FALSE(mail.letters()[0].is_made); // it is as that of the loss
    mail.clear();
    REQUIRE(board.board.box(2).take(mail));
    REQUIRE(mail.letters().size() == 3);
    CHECK(mail.letters()[1].kind == LetterKind::not_sent);
    CHECK(mail.letters()[1].owner == 77);
    CHECK(mail.letters()[1].is_made);
    CHECK(mail.letters()[2].owner == 78);
    CHECK_FALSE(mail.letters()[2].is_made);
}
