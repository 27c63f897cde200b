#include "node/binding_backlog.hpp"
#include <utility>

namespace tandem {

void BindingBacklog::keep(std::vector<BindingRecord> records) {
    for (BindingRecord &record : records) keep(std::move(record));
}

void BindingBacklog::keep(BindingRecord record) {
    if (!record.is_over) return;
    over_.push_back(std::move(record));
    for (; over_.size() > over_max_; over_.pop_front()) ++lost_;
}

void BindingBacklog::begin() {
    if (registrar_) behind_ = "";
}

void BindingBacklog::fill(StoreBatch &batch, std::size_t room) {
    for (; room > 0 && !over_.empty(); --room) {
        batch.save(std::move(over_.front()));
        over_.pop_front();
    }
    if (room == 0 || !behind_) return;
    std::vector<BindingRecord> page = registrar_->list(*behind_, room);
    if (page.size() < room) {
        behind_.reset();
    } else {
        behind_ = page.back().aor;
    }
    for (BindingRecord &record : page) batch.save(std::move(record));
}

} // namespace tandem
