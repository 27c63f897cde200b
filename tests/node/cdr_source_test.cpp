#include <doctest/doctest.h>
#include <optional>
#include <thread>
#include "node/cdr_source.hpp"
#include "node/failing_store.hpp"
#include "node/inline_queue.hpp"
#include "node/store_thread.hpp"

using namespace tandem;
using namespace tandem::test;

namespace {

Cdr record_of(std::uint64_t serial) {
    Cdr cdr;
    cdr.id = {1, serial};
    cdr.end_reason = EndReason::caller_bye;
    return cdr;
}

std::shared_ptr<UnsentCdrs> ask(CdrSource &source, std::size_t max) {
    auto unsent = std::make_shared<UnsentCdrs>();
    unsent->max = max;
    bool is_done = false;
    source.exchange(unsent, [&](bool done) { is_done = done; });
    CHECK(is_done);
    return unsent;
}

} // namespace

TEST_CASE("cdr source: a queue in memory gives its oldest once, and counts those that it has no room for") {
    QueuedCdrs queue(3);
    for (std::uint64_t serial = 1; serial <= 5; ++serial) queue.keep(record_of(serial));
    CHECK(queue.lost() == 2);
    auto unsent = ask(queue, 2);
    CHECK(unsent->waiting == 3);
    REQUIRE(unsent->next.size() == 2);
    CHECK(unsent->next[0].id == record_of(3).id.to_string());
    CHECK(unsent->next[0].json == to_json(record_of(3)));
    unsent = ask(queue, 2);
    CHECK(unsent->waiting == 1);
    REQUIRE(unsent->next.size() == 1);
    CHECK(unsent->next[0].id == record_of(5).id.to_string());
    CHECK(ask(queue, 2)->next.empty());
    CHECK(queue.lost() == 2);
}

TEST_CASE("cdr source: a queue in memory is bounded by bytes, too") {
    const std::size_t size = record_of(1).id.to_string().size() + to_json(record_of(1)).size();
    QueuedCdrs queue(1000, 3 * size + size / 2);
    for (std::uint64_t serial = 1; serial <= 5; ++serial) queue.keep(record_of(serial));
    CHECK(queue.lost() == 2);
    CHECK(ask(queue, 2)->next.at(0).id == record_of(3).id.to_string());
    for (std::uint64_t serial = 6; serial <= 7; ++serial)
        queue.keep(record_of(serial)); // what was taken counts no more
    CHECK(queue.lost() == 2);
    Cdr huge = record_of(8);
    huge.call_id.assign(4 * size, 'x');
    queue.keep(huge); // there is no room for it alone
    CHECK(queue.lost() == 6);
    CHECK(ask(queue, 9)->next.empty());
}

TEST_CASE("cdr source: a store that fails says so, and is asked again with the same") {
    FailingStore store;
    InlineQueue queue(store);
    StoredCdrs source(queue);
    store.fails = [](std::uint64_t operation) { return operation == 1; };
    const auto unsent = std::make_shared<UnsentCdrs>();
    unsent->sent.push_back({7, "id", "{}"});
    std::optional<bool> done;
    for (const bool expected : {false, true}) {
        source.exchange(unsent, [&](bool is_done) { done = is_done; });
        CHECK(done == expected);
        CHECK(unsent->sent.size() == 1);
    }
    CHECK(queue.submitted == 2);
}

TEST_CASE("cdr source: the thread of the store tells of records that are written, and of nothing else") {
    FailingStore store;
    std::uint64_t told = 0;
    std::uint64_t times = 0;
    StoreThreadOptions options;
    options.on_records = [&](std::uint64_t records) {
        told += records;
        ++times;
    };
    {
        StoreThread thread({store, store, store, store}, options);
        const auto write = [&](auto fill) {
            const auto job = std::make_shared<StoreJob>();
            fill(job->batch);
            thread.submit(job);
            REQUIRE(thread.wait(*job, std::chrono::seconds(60)));
        };
        write([](StoreBatch &batch) {
            batch.end({record_of(1).id, record_of(1)});
            batch.end({record_of(2).id, record_of(2)});
            batch.end({record_of(3).id, std::nullopt}); // another leg
        });
        write([](StoreBatch &batch) { batch.end({record_of(4).id, std::nullopt}); });
    }
    CHECK(told == 2);
    CHECK(times == 1);
}
