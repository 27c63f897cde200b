// A store in memory that fails when it is told to, and remembers what a real one would show after a crash.
#pragma once
#include <doctest/doctest.h>
#include <functional>
#include <initializer_list>
#include <map>
#include <string>
#include <vector>
#include "cdr/cdr_store.hpp"
#include "dialog/dialog_store.hpp"
#include "registrar/binding_store.hpp"
#include "trunk/trunk_store.hpp"

namespace tandem::test {

class FailingStore final : public DialogStore, public CdrStore, public BindingStore, public TrunkStore {
public:
    // What a failed operation does to the rest of its batch: drops what came before; keeps it; or drops it and fails
    // everything up to and with the next commit.
    enum class OnFailure { rolls_back, keeps, refuses_batch };

    explicit FailingStore(OnFailure on_failure = OnFailure::rolls_back) : on_failure_(on_failure) {}

    std::function<bool(std::uint64_t operation)> fails = [](std::uint64_t) { return false; }; // counted from 1
    Error error = Error::store_failed;                                                        // that it fails with
    std::uint64_t operations = 0;
    bool has_failed() const { return has_failed_; } // an operation, up to now

    // What is durable.
    std::map<RecordId, DialogState> dialogs;
    std::map<RecordId, std::string> extras; // of a dialog: profiles and variables, as text
    std::map<RecordId, Cdr> cdrs;
    std::vector<KeptRefusal> refusals;
    std::map<std::uint64_t, BindingRecord> bindings;
    std::map<std::string, RegistrationState> trunks;

    Result<void, Failure> save(const DialogRecord &record) override {
        const RecordId id = record.id;
        const DialogState state = record.state;
        std::string text;
        for (const ProfileView &in : record.profiles) text += std::string(in.profile) + " ";
        for (const VariableView &has : record.variables) {
            text += std::string(has.name) + "=" + std::string(has.value.text) + " ";
        }
        return run([this, id, state, text] {
            dialogs[id] = state;
            extras[id] = text;
        });
    }
    Result<void, Failure> keep_refusal(const KeptRefusal &refusal) override {
        return run([this, refusal] { refusals.push_back(refusal); });
    }
    Result<void, Failure> erase(const RecordId &id) override {
        return run([this, id] {
            dialogs.erase(id);
            extras.erase(id);
        });
    }
    Result<void, Failure> insert(const Cdr &cdr) override {
        return run([this, cdr] { cdrs.emplace(cdr.id, cdr); });
    }
    Result<void, Failure> save_binding(const BindingRecord &record) override {
        return run([this, record] {
            BindingRecord &row = bindings[record.id];
            if (record.version > row.version) row = record;
        });
    }
    Result<void, Failure> purge_bindings(std::int64_t) override {
        return run([this] { std::erase_if(bindings, [](const auto &row) { return row.second.is_over; }); });
    }
    Result<void, Failure> save_trunk(const TrunkStatus &status) override {
        return run([this, status] {
            if (status.is_gone) {
                trunks.erase(status.trunk);
            } else {
                trunks[status.trunk] = status.registration.state;
            }
        });
    }
    Result<void, Failure> forget_trunks() override {
        return run([this] { trunks.clear(); });
    }
    Result<void, Failure> commit() override {
        auto counted = run([] {});
        is_refusing_ = false;
        if (!counted) return counted;
        for (const auto &operation : transaction_) operation();
        transaction_.clear();
        return {};
    }

private:
    Result<void, Failure> run(std::function<void()> operation) {
        if (fails(++operations) || is_refusing_) {
            if (on_failure_ != OnFailure::keeps) transaction_.clear();
            is_refusing_ = on_failure_ == OnFailure::refuses_batch;
            has_failed_ = true;
            return Failure{error, "database or disk is full"};
        }
        transaction_.push_back(std::move(operation));
        return {};
    }

    OnFailure on_failure_;
    bool is_refusing_ = false;
    bool has_failed_ = false;
    std::vector<std::function<void()>> transaction_;
};

// Plays the same with stores that fail for so many operations from each one on. False of `play`: none was left to fail.
template <class Play>
void for_each_outage(FailingStore::OnFailure on_failure, std::initializer_list<std::uint64_t> lengths, Play play) {
    for (const std::uint64_t length : lengths) {
        bool is_last = false;
        for (std::uint64_t first = 1; !is_last; ++first) {
            CAPTURE(length);
            CAPTURE(first);
            FailingStore store(on_failure);
            store.fails = [=](std::uint64_t operation) { return operation >= first && operation < first + length; };
            is_last = !play(store);
        }
    }
}

} // namespace tandem::test
