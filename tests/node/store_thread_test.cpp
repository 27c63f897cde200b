#include <condition_variable>
#include <doctest/doctest.h>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include "node/failing_store.hpp"
#include "node/store_thread.hpp"

using namespace tandem;
using test::FailingStore;

namespace {

constexpr auto patience = std::chrono::seconds(60); // a good run never waits for it

// A store whose commits do not return before the test lets them.
class GatedStore final : public DialogStore {
public:
    explicit GatedStore(FailingStore &store) : store_(store) {}

    Result<void, Failure> save(const DialogRecord &record) override { return store_.save(record); }
    Result<void, Failure> keep_refusal(const KeptRefusal &refusal) override { return store_.keep_refusal(refusal); }
    Result<void, Failure> erase(const RecordId &id) override { return store_.erase(id); }
    Result<void, Failure> commit() override {
        std::unique_lock lock(mutex_);
        ++commits_;
        changed_.notify_all();
        changed_.wait(lock, [this] { return is_open_; });
        return store_.commit();
    }

    void open() {
        const std::lock_guard lock(mutex_);
        is_open_ = true;
        changed_.notify_all();
    }
    void wait_for_commit() {
        std::unique_lock lock(mutex_);
        REQUIRE(changed_.wait_for(lock, patience, [this] { return commits_ > 0; }));
    }
    int commits() {
        const std::lock_guard lock(mutex_);
        return commits_;
    }

private:
    FailingStore &store_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool is_open_ = false;
    int commits_ = 0;
};

std::shared_ptr<StoreJob> job_of(std::uint64_t serial) {
    auto job = std::make_shared<StoreJob>();
    DialogRecord record;
    record.id = {1, serial};
    job->batch.save(record);
    return job;
}

} // namespace

TEST_CASE("store thread: whoever submits does not wait, and hears when it is done") {
    FailingStore store;
    GatedStore gate(store);
    std::atomic<int> woken = 0;
    StoreThread thread({gate, store, store, store}, {.interval = Duration::zero()});
    const auto job = job_of(1);
    job->on_done = [&woken] { ++woken; };
    thread.submit(job);
    gate.wait_for_commit();
    CHECK(!job->is_done);
    CHECK(!thread.wait(*job, Duration::zero()));
    CHECK(woken == 0);
    gate.open();
    REQUIRE(thread.wait(*job, patience));
    CHECK(job->result.ok());
    CHECK(store.dialogs.size() == 1);
}

TEST_CASE("store thread: what comes during a commit shares the next one, between two in an interval too") {
    FailingStore store;
    GatedStore gate(store);
    StoreThread thread({gate, store, store, store});
    thread.submit(job_of(1));
    gate.wait_for_commit();
    std::shared_ptr<StoreJob> last;
    for (std::uint64_t serial = 2; serial < 50; ++serial) thread.submit(last = job_of(serial));
    gate.open();
    REQUIRE(thread.wait(*last, patience));
    CHECK(gate.commits() == 2);
    CHECK(store.dialogs.size() == 49);
}

TEST_CASE("store thread: a batch that the store refuses takes no other with it") {
    FailingStore store;
    GatedStore gate(store);
    StoreThread thread({gate, store, store, store});
    store.fails = [](std::uint64_t operation) { return operation == 4 || operation == 8; }; // both times the second one
    const auto jobs = {job_of(1), job_of(2), job_of(3), job_of(4)};
    auto job = jobs.begin();
    thread.submit(*job++);
    gate.wait_for_commit(); // operations 1 and 2; then saves 3 and 4, commit 5; alone 6 and 7, 8 and 9, 10 and 11
    while (job != jobs.end()) thread.submit(*job++);
    gate.open();
    for (const auto &submitted : jobs) REQUIRE(thread.wait(*submitted, patience));
    std::vector<bool> written;
    for (const auto &submitted : jobs) written.push_back(submitted->result.ok());
    CHECK(written == std::vector<bool>{true, true, false, true});
    CHECK(store.dialogs.size() == 3);
}

TEST_CASE("store thread: that the store begins anew every sender hears once, whoever's batch has shown it") {
    FailingStore store;
    StoreThread thread({store, store, store, store}, {.interval = Duration::zero()});
    const auto is_written = [&thread](const std::shared_ptr<StoreJob> &job) {
        thread.submit(job);
        REQUIRE(thread.wait(*job, patience));
        if (!job->result) CHECK(job->result.error().error == Error::store_renewed);
        return job->result.ok();
    };
    const auto first = job_of(1), again = job_of(1), second = job_of(2);
    again->renewals = first->renewals; // of one sender
    CHECK(is_written(first));
    CHECK(is_written(second));
    store.error = Error::store_renewed;
    store.fails = [](std::uint64_t operation) { return operation == 5; };
    CHECK_FALSE(is_written(first));
    CHECK(is_written(again));
    CHECK_FALSE(is_written(second));
    CHECK(is_written(second));
    CHECK_FALSE(is_written(job_of(3))); // who comes late hears it as well
}

TEST_CASE("store thread: a store that begins anew for several at once is told to each of them") {
    FailingStore store;
    GatedStore gate(store);
    StoreThread thread({gate, store, store, store});
    store.error = Error::store_renewed;
    store.fails = [](std::uint64_t operation) { return operation == 4; };
    const auto jobs = {job_of(1), job_of(2), job_of(3)};
    auto job = jobs.begin();
    thread.submit(*job++);
    gate.wait_for_commit();
    while (job != jobs.end()) thread.submit(*job++);
    gate.open();
    std::vector<bool> written;
    for (const auto &submitted : jobs) {
        REQUIRE(thread.wait(*submitted, patience));
        written.push_back(submitted->result.ok());
    }
    CHECK(written == std::vector<bool>{true, false, false});
}

TEST_CASE("store thread: what the store throws ends it, is told, and refuses what was submitted and what will be") {
    FailingStore store;
    std::atomic<bool> throws = false;
    store.fails = [&throws](std::uint64_t) { return throws ? throw std::runtime_error("planted") : false; };
    GatedStore gate(store);
    std::string told;
    std::atomic<int> woken = 0;
    const auto on_failure = [&told](std::exception_ptr thrown) {
        try {
            std::rethrow_exception(std::move(thrown));
        } catch (const std::runtime_error &error) {
            told += error.what();
        }
    };
    StoreThread thread({gate, store, store, store}, {.interval = Duration::zero(), .on_failure = on_failure});
    const auto jobs = {job_of(1), job_of(2), job_of(3)};
    for (const auto &job : jobs) {
        job->on_done = [&woken] { ++woken; };
        thread.submit(job);
        if (job == *jobs.begin()) gate.wait_for_commit(); // the others come meanwhile
    }
    throws = true;
    gate.open();
    for (const auto &job : jobs) {
        REQUIRE(thread.wait(*job, patience));
        CHECK(!job->result.ok());
    }
    CHECK(told == "planted");
    const auto late = job_of(4);
    thread.submit(late);
    REQUIRE(late->is_done);
    CHECK(late->result.error().detail == "the thread of the store has failed");
    CHECK(store.dialogs.empty());
}

TEST_CASE("store thread: the end waits for what was submitted") {
    FailingStore store;
    {
        StoreThread thread({store, store, store, store});
        for (std::uint64_t serial = 1; serial < 10; ++serial) thread.submit(job_of(serial));
    }
    CHECK(store.dialogs.size() == 9);
}

TEST_CASE("store thread: several threads may submit, and each has its answers") {
    FailingStore store;
    StoreThread thread({store, store, store, store}, {.interval = std::chrono::microseconds(100)});
    std::vector<std::thread> workers;
    std::atomic<int> done = 0;
    for (std::uint64_t worker = 0; worker < 4; ++worker) {
        workers.emplace_back([&thread, &done, worker] {
            auto job = std::make_shared<StoreJob>();
            for (std::uint64_t i = 0; i < 100; ++i) {
                DialogRecord record;
                record.id = {worker + 1, i};
                job->batch.save(record);
                thread.submit(job);
                if (!thread.wait(*job, patience) || !job->result) return;
                job->batch.clear();
                ++done;
            }
        });
    }
    for (std::thread &worker : workers) worker.join();
    CHECK(done == 400);
    CHECK(store.dialogs.size() == 400);
}
