#include "node/store_batch.hpp"
#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

namespace tandem {
namespace {

constexpr std::size_t block_size = 16 * 1024;
constexpr std::size_t records_kept = 256; // for their memory

} // namespace

std::string_view TextPool::keep(std::string_view text) {
    if (text.empty()) return {};
    if (text.size() > room_) {
        room_ = std::max(block_size, text.size());
        blocks_.push_back(std::unique_ptr<char[]>(new char[room_]));
        next_ = blocks_.back().get();
    }
    std::memcpy(next_, text.data(), text.size());
    const std::string_view kept(next_, text.size());
    next_ += text.size();
    room_ -= text.size();
    size_ += text.size();
    return kept;
}

void TextPool::clear() {
    if (blocks_.empty()) return;
    blocks_.resize(1); // of block_size, or a little more if a long text was the first
    next_ = blocks_.front().get();
    room_ = block_size;
    size_ = 0;
}

void StoreBatch::save(const DialogRecord &record) {
    if (saved_size_ == saved_.size()) saved_.emplace_back();
    DialogRecord &copy = saved_[saved_size_];
    copy = record;
    for_each_text(copy, [this](std::string_view &text) { text = text_.keep(text); });
    leg_bytes_ += copy.leg.size();
    ++saved_size_;
}

void StoreBatch::end(EndedSet ended) {
    if (ended.refusal) leg_bytes_ += ended.refusal->leg.size();
    ended_.push_back(std::move(ended));
}

void StoreBatch::save(BindingRecord record) {
    binding_bytes_ += sizeof record;
    for (const std::string *text :
         {&record.aor, &record.contact, &record.instance, &record.path, &record.call_id, &record.user_agent}) {
        binding_bytes_ += text->size();
    }
    bindings_.push_back(std::move(record));
}

void StoreBatch::save(TrunkStatus status) { trunks_.push_back(std::move(status)); }

void StoreBatch::replace_trunks(std::vector<TrunkStatus> all) {
    trunks_ = std::move(all);
    replaces_trunks_ = true;
}

bool StoreBatch::empty() const {
    return saved_size_ == 0 && ended_.empty() && bindings_.empty() && !purged_us_ && trunks_.empty() &&
           !replaces_trunks_ && !unsent_;
}

std::size_t StoreBatch::bytes() const {
    return text_.size() + leg_bytes_ + ended_.size() * sizeof(EndedSet) + binding_bytes_ +
           trunks_.size() * sizeof(TrunkStatus);
}

std::vector<EndedSet> StoreBatch::take_ended() { return std::exchange(ended_, {}); }

std::vector<BindingRecord> StoreBatch::take_bindings() {
    binding_bytes_ = 0;
    return std::exchange(bindings_, {});
}

void StoreBatch::clear() {
    saved_size_ = 0;
    leg_bytes_ = 0;
    if (saved_.size() > records_kept) saved_.resize(records_kept);
    text_.clear();
    ended_.clear();
    bindings_.clear();
    binding_bytes_ = 0;
    purged_us_.reset();
    trunks_.clear();
    replaces_trunks_ = false;
    unsent_.reset();
}

Result<void, Failure> StoreBatch::write(const Stores &stores) const {
    for (std::size_t i = 0; i < saved_size_; ++i) {
        if (auto saved = stores.dialogs.save(saved_[i]); !saved) return saved;
    }
    for (const EndedSet &ended : ended_) {
        if (ended.cdr) {
            if (auto inserted = stores.cdrs.insert(*ended.cdr); !inserted) return inserted;
        }
        if (ended.refusal) {
            if (auto kept = stores.dialogs.keep_refusal(*ended.refusal); !kept) return kept;
        }
        if (auto erased = stores.dialogs.erase(ended.id); !erased) return erased;
    }
    for (const BindingRecord &binding : bindings_) {
        if (auto saved = stores.bindings.save_binding(binding); !saved) return saved;
    }
    if (purged_us_) {
        if (auto purged = stores.bindings.purge_bindings(*purged_us_); !purged) return purged;
    }
    if (auto written = write_trunks(stores.trunks); !written) return written;
    return unsent_ ? stores.cdrs.exchange_unsent(*unsent_) : Result<void, Failure>();
}

Result<void, Failure> StoreBatch::write_trunks(TrunkStore &store) const {
    if (replaces_trunks_) {
        if (auto forgotten = store.forget_trunks(); !forgotten) return forgotten;
    }
    for (const TrunkStatus &trunk : trunks_) {
        if (auto saved = store.save_trunk(trunk); !saved) return saved;
    }
    return {};
}

} // namespace tandem
