// Changes of dialogs on their way into the store: copies, with all their text, that another thread may read. The memory
// is used again, so that a batch of a busy worker costs no allocation but for the records of the calls that ended.
#pragma once
#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>
#include "base/result.hpp"
#include "cdr/cdr.hpp"
#include "cdr/cdr_store.hpp"
#include "dialog/dialog_record.hpp"
#include "dialog/dialog_store.hpp"

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
};

class StoreBatch {
public:
    void save(const DialogRecord &record);
    void end(EndedSet ended); // after whatever was saved of it

    bool empty() const { return saved_size_ == 0 && ended_.empty(); }
    std::size_t bytes() const { return text_.size() + ended_.size() * sizeof(EndedSet); } // about
    const std::vector<EndedSet> &ended() const { return ended_; }
    std::vector<EndedSet> take_ended();
    void clear();

    // Into the transaction that DialogStore::commit() ends.
    Result<void, Failure> write(DialogStore &dialogs, CdrStore &cdrs) const;

private:
    std::vector<DialogRecord> saved_; // those from saved_size_ on are kept for their memory
    std::size_t saved_size_ = 0;
    TextPool text_; // of the saved ones
    std::vector<EndedSet> ended_;
};

} // namespace tandem
