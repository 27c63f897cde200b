// Changes of dialogs, bindings and trunks on their way into the store: copies, with all their text, that another thread
// may read. The memory is used again for dialogs, so that a batch of a busy worker costs no allocation but for the
// records of the calls that ended.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>
#include "base/result.hpp"
#include "cdr/cdr.hpp"
#include "cdr/cdr_store.hpp"
#include "dialog/dialog_record.hpp"
#include "dialog/dialog_store.hpp"
#include "registrar/binding.hpp"
#include "registrar/binding_store.hpp"
#include "trunk/trunk_store.hpp"

namespace tandem {

// Text that stays where it is until clear().
class TextPool {
public:
    std::string_view keep(std::string_view text); // a copy
    void clear();                                 // what is more than a page or so of memory is given back
    std::size_t size() const { return size_; }

private:
    std::vector<std::unique_ptr<char[]>> blocks_;
    char *next_ = nullptr; // in the last block
    std::size_t room_ = 0; // there
    std::size_t size_ = 0; // bytes kept
};

// A set that has ended: its record, and that its rows go.
struct EndedSet {
    RecordId id;
    std::optional<Cdr> cdr; // none: another leg of a call, which has no record of its own
    std::optional<KeptRefusal> refusal{};
};

// Those of one transaction, which DialogStore::commit() ends.
struct Stores {
    DialogStore &dialogs;
    CdrStore &cdrs;
    BindingStore &bindings;
    TrunkStore &trunks;
};

class StoreBatch {
public:
    void save(const DialogRecord &record);
    void end(EndedSet ended); // after whatever was saved of it
    void save(BindingRecord record);
    void purge_bindings(std::int64_t utc_us) { purged_us_ = utc_us; } // BindingStore::purge_bindings()

    void save(TrunkStatus status);
    void replace_trunks(std::vector<TrunkStatus> all); // by these, whatever the store has

    // CdrStore::exchange_unsent(), after the rest. What it says is for whoever gave it, when the batch is written.
    void exchange(std::shared_ptr<UnsentCdrs> unsent) { unsent_ = std::move(unsent); }

    bool empty() const;
    std::size_t bytes() const; // about
    const std::vector<EndedSet> &ended() const { return ended_; }
    std::vector<EndedSet> take_ended();
    const std::vector<BindingRecord> &bindings() const { return bindings_; }
    std::vector<BindingRecord> take_bindings();
    void clear();

    Result<void, Failure> write(const Stores &stores) const;

private:
    Result<void, Failure> write_trunks(TrunkStore &store) const;

    std::vector<DialogRecord> saved_; // those from saved_size_ on are kept for their memory
    std::size_t saved_size_ = 0;
    TextPool text_; // of the saved ones, but for what the B2BUA knows of its legs
    std::size_t leg_bytes_ = 0;
    std::vector<EndedSet> ended_;
    std::vector<BindingRecord> bindings_;
    std::size_t binding_bytes_ = 0;
    std::optional<std::int64_t> purged_us_;
    std::vector<TrunkStatus> trunks_;
    bool replaces_trunks_ = false;       // all that were there
    std::shared_ptr<UnsentCdrs> unsent_; // none: nobody asks
};

} // namespace tandem
