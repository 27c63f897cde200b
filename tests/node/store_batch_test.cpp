#include <deque>
#include <doctest/doctest.h>
#include <string>
#include "node/failing_store.hpp"
#include "node/store_batch.hpp"

using namespace tandem;
using test::FailingStore;

namespace {

// A record with everything in it, whose text goes with the object.
class Source {
public:
    explicit Source(std::uint64_t serial) : serial_(serial) {
        record.id = {1, serial};
        record.call_id = text("call-id");
        record.from_tag = text("from-tag");
        record.from_uri = text("sip:from");
        record.to_uri = text("sip:to");
        record.request_uri = text("sip:request");
        record.caller_target = text("sip:target");
        record.caller_route_set = text("<sip:caller;lr>");
        record.source = text("192.0.2.1:5060");
        record.trunk = text("trunk");
        record.callee_call_id = text("callee-call-id");
        record.forks.push_back({.to_tag = text("tag"), .callee_target = text("t"), .callee_route_set = text("<r>")});
        record.variables.push_back({text("name"), VariableValue::of_text(text("value"))});
        record.leg = text("{}");
        record.profiles.push_back({.profile = text("profile"), .value = text("of"), .has_value = true});
    }
    ~Source() {
        for (std::string &kept : texts_) kept.assign(kept.size(), '#');
    }
    Source(const Source &) = delete;

    DialogRecord record;

private:
    std::string_view text(std::string_view start) {
        return texts_.emplace_back(std::string(start) + " of the dialog " + std::to_string(serial_));
    }
    std::uint64_t serial_;
    std::deque<std::string> texts_;
};

std::string show(const DialogRecord &record) {
    std::string all = record.id.to_string();
    const auto add = [&all](std::string_view text) { all.append(" | ").append(text); };
    for (std::string_view text :
         {record.call_id, record.from_tag, record.from_uri, record.to_uri, record.request_uri, record.caller_target,
          record.caller_route_set, record.source, record.trunk, record.callee_call_id}) {
        add(text);
    }
    for (const ForkRecord &fork : record.forks) {
        for (std::string_view text : {fork.to_tag, fork.callee_target, fork.callee_route_set}) add(text);
    }
    for (const VariableView &variable : record.variables) {
        add(variable.name);
        add(variable.value.text);
    }
    for (const ProfileView &profile : record.profiles) {
        add(profile.profile);
        add(profile.value);
    }
    add(record.leg);
    return all;
}

struct ShowingStore final : DialogStore {
    Result<void, Failure> save(const DialogRecord &record) override {
        shown.push_back(show(record));
        return {};
    }
    Result<void, Failure> keep_refusal(const KeptRefusal &) override { return {}; }
    Result<void, Failure> erase(const RecordId &) override { return {}; }
    Result<void, Failure> commit() override { return {}; }
    std::vector<std::string> shown;
};

} // namespace

TEST_CASE("store batch: it keeps a copy of every text, also when its memory is used again") {
    StoreBatch batch;
    for (int round = 0; round < 3; ++round) {
        std::vector<std::string> expected;
        for (std::uint64_t serial = 1; serial < 200; serial += static_cast<std::uint64_t>(round) + 1) {
            const Source source(serial);
            expected.push_back(show(source.record));
            batch.save(source.record);
        }
        ShowingStore store;
        FailingStore cdrs;
        REQUIRE(batch.write({store, cdrs, cdrs, cdrs}));
        CHECK(store.shown == expected);
        CHECK(batch.bytes() > 10'000);
        batch.clear();
        CHECK(batch.empty());
        CHECK(batch.bytes() == 0);
    }
}

TEST_CASE("store batch: a text longer than a block is kept whole") {
    StoreBatch batch;
    const std::string route_set(100'000, 'r');
    for (int i = 0; i < 3; ++i) {
        DialogRecord record;
        record.call_id = "short";
        record.caller_route_set = route_set;
        batch.save(record);
    }
    ShowingStore store;
    FailingStore cdrs;
    REQUIRE(batch.write({store, cdrs, cdrs, cdrs}));
    for (const std::string &shown : store.shown) CHECK(shown.find("| " + route_set + " |") != std::string::npos);
}

TEST_CASE("store batch: a set that ended goes, and its record comes") {
    FailingStore store;
    StoreBatch batch;
    const Source source(1);
    batch.save(source.record);
    Cdr cdr;
    cdr.id = source.record.id;
    batch.end({source.record.id, cdr});
    CHECK(!batch.empty());
    REQUIRE(batch.write({store, store, store, store}));
    REQUIRE(store.commit());
    CHECK(store.dialogs.empty());
    CHECK(store.cdrs.size() == 1);
    CHECK(batch.take_ended().size() == 1);
    CHECK(batch.ended().empty());
}

TEST_CASE("store batch: bindings are written after the dialogs, count as bytes, and what is over may be forgotten") {
    FailingStore store;
    StoreBatch batch;
    BindingRecord record;
    record.id = 1;
    record.version = 1;
    record.contact = std::string(1000, 'c');
    batch.save(record);
    CHECK(!batch.empty());
    CHECK(batch.bytes() > 1000);
    REQUIRE(batch.write({store, store, store, store}));
    REQUIRE(store.commit());
    CHECK(store.bindings.size() == 1);
    batch.clear();
    CHECK(batch.empty());
    CHECK(batch.bytes() == 0);

    record.version = 2;
    record.is_over = true;
    batch.save(record);
    CHECK(batch.take_bindings().size() == 1);
    CHECK(batch.empty());
    batch.save(record);
    batch.purge_bindings(1);
    REQUIRE(batch.write({store, store, store, store}));
    REQUIRE(store.commit());
    CHECK(store.bindings.empty());
}
