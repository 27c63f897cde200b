#include <atomic>
#include <doctest/doctest.h>
#include <string>
#include <thread>
#include <vector>
#include "node/invite.hpp"
#include "node/mailbox.hpp"

using namespace tandem;

namespace {

Mail mail_of(const std::vector<std::string> &texts) {
    Mail mail;
    for (const std::string &text : texts) mail.add({.peer = test::endpoint("192.0.2.1")}, text);
    return mail;
}

std::vector<std::string> texts_of(const Mail &mail) {
    std::vector<std::string> texts;
    for (const Letter &letter : mail.letters()) texts.emplace_back(mail.bytes_of(letter));
    return texts;
}

} // namespace

TEST_CASE("mailbox: letters come out in order, with all that was written on them, and one wake-up calls for them") {
    int wakes = 0;
    Mailbox box([&] { ++wakes; });
    Mail in;
    in.add({.kind = LetterKind::not_sent, .asked = 3, .peer = test::endpoint("192.0.2.7", 5070), .owner = 9}, "one");
    in.add({}, "");
    box.put(in, at_ms(0));
    CHECK(in.empty());
    Mail more = mail_of({"two"});
    box.put(more, at_ms(0));
    CHECK(more.empty());
    CHECK(wakes == 1);

    Mail out;
    CHECK(box.take(out));
    CHECK(texts_of(out) == std::vector<std::string>{"one", "", "two"});
    CHECK(out.letters()[0].kind == LetterKind::not_sent);
    CHECK(out.letters()[0].asked == 3);
    CHECK(out.letters()[0].peer == test::endpoint("192.0.2.7", 5070));
    CHECK(out.letters()[0].owner == 9);

    out.clear();
    CHECK_FALSE(box.take(out));
    more = mail_of({"three"});
    box.put(more, at_ms(0));
    CHECK(wakes == 2);
}

TEST_CASE("mailbox: nothing in it wakes nobody") {
    int wakes = 0;
    Mailbox box([&] { ++wakes; });
    Mail nothing;
    box.put(nothing, at_ms(0));
    CHECK(nothing.empty());
    CHECK(wakes == 0);
}

TEST_CASE("mailbox: what finds no room is lost and counted, the first come stay") {
    int wakes = 0;
    Mailbox box([&] { ++wakes; }, {.letter_max = 3, .byte_max = 100});
    Mail in = mail_of({"1", "2"});
    box.put(in, at_ms(0));
    CHECK(in.empty());
    in = mail_of({"3", "4", "5"});
    box.put(in, at_ms(0));
    CHECK(in.letters().size() == 2);
    in = mail_of({"6"});
    box.put(in, at_ms(0));
    CHECK(in.letters().size() == 1);
    CHECK(wakes == 1);
    Mail out;
    CHECK(box.take(out));
    CHECK(texts_of(out) == std::vector<std::string>{"1", "2", "3"});

    out.clear();
    in = mail_of({std::string(60, 'a'), std::string(60, 'b'), "c"});
    box.put(in, at_ms(0));
    CHECK(in.letters().size() == 2);
    CHECK(box.take(out));
    CHECK(texts_of(out) == std::vector<std::string>{std::string(60, 'a')});

    out.clear();
    in = mail_of({std::string(101, 'a')});
    box.put(in, at_ms(0));
    CHECK(in.letters().size() == 1); // larger than the box
    CHECK(wakes == 2);
    CHECK_FALSE(box.take(out));
}

TEST_CASE("mailbox: with many writers nothing is lost or doubled, and each one's order stays") {
    constexpr int writers = 4;
    constexpr int batches = 500;
    std::atomic<int> wakes = 0;
    Mailbox box([&] { ++wakes; }, {.letter_max = 1 << 20, .byte_max = 1 << 26});
    std::vector<std::thread> threads;
    for (int writer = 0; writer < writers; ++writer) {
        threads.emplace_back([&box, writer] {
            Mail mail;
            for (int i = 0; i < batches; ++i) {
                for (int k = 0; k < 3; ++k) {
                    mail.add({.owner = static_cast<std::uint64_t>(writer)}, std::to_string(3 * i + k));
                }
                box.put(mail, at_ms(0));
            }
        });
    }
    std::vector<int> next(writers, 0);
    int seen_wakes = 0;
    int found = 0;
    Mail mail;
    const auto look = [&] {
        mail.clear();
        if (!box.take(mail)) return;
        ++seen_wakes;
        for (const Letter &letter : mail.letters()) {
            ++found;
            CHECK(mail.bytes_of(letter) == std::to_string(next[letter.owner]++));
        }
    };
    while (found < writers * batches * 3) look();
    for (std::thread &thread : threads) thread.join();
    CHECK(wakes == seen_wakes); // one for each time that the box was emptied
    look();
    CHECK(found == writers * batches * 3);
}
