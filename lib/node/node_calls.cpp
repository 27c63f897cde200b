#include "node/node_calls.hpp"
#include <algorithm>
#include <atomic>
#include <iterator>
#include <utility>
#include "call/call_copy.hpp"

namespace tandem {
namespace {

// In order, without those that are none.
std::vector<RecordId> ids_of(const std::vector<std::string> &keys) {
    std::vector<RecordId> ids;
    for (const std::string &key : keys) {
        if (const auto id = RecordId::parse(key)) ids.push_back(*id);
    }
    std::sort(ids.begin(), ids.end());
    return ids;
}

} // namespace

struct NodeCalls::Round {
    std::size_t most = 0;
    std::size_t next = 0; // part
    std::size_t left = 0; // parts
    CopyBatch batch;
    std::function<void(CopyBatch)> answer;
};

NodeCalls::NodeCalls(std::vector<Part> parts, std::function<std::size_t(const DialogRecord &)> place,
                     std::function<void()> wake, const WallClock &wall)
    : parts_(std::move(parts)), place_(std::move(place)), wake_(std::move(wake)), wall_(wall) {}

void NodeCalls::ask(std::size_t most, std::function<void(CopyBatch)> answer) {
    auto round = std::make_shared<Round>();
    round->most = most;
    round->next = first_++ % parts_.size();
    round->left = parts_.size();
    round->batch = take_over(most);
    round->answer = std::move(answer);
    round_ = round;
    ask_next(std::move(round));
}

CopyBatch NodeCalls::take_rest() {
    CopyBatch rest = round_ ? std::move(round_->batch) : CopyBatch();
    round_.reset();
    for (CallCopy &over : take_over(over_.size()).copies) rest.copies.push_back(std::move(over));
    return rest;
}

// From one worker to the next, each in its loop.
void NodeCalls::ask_next(std::shared_ptr<Round> round) {
    const std::size_t told = round->batch.copies.size(); // may be one more than the most: see CallCopies::tell()
    if (round->left == 0 || told >= round->most) {
        round->batch.has_more = round->batch.has_more || round->left > 0;
        round_.reset();
        return round->answer(std::move(round->batch));
    }
    const std::size_t room = round->most - told;
    const Part &part = parts_[round->next];
    round->next = (round->next + 1) % parts_.size();
    --round->left;
    part.loop->post([this, &part, room, round = std::move(round)] {
        CopyBatch more = part.worker->take_copies(room);
        round->batch.has_more = round->batch.has_more || more.has_more;
        std::move(more.copies.begin(), more.copies.end(), std::back_inserter(round->batch.copies));
        ask_next(round);
    });
}

CopyBatch NodeCalls::take_over(std::size_t most) {
    CopyBatch batch;
    const std::lock_guard lock(mutex_);
    for (; batch.copies.size() < most && !over_.empty(); over_.pop_front()) {
        batch.copies.push_back({std::move(over_.front()), {}});
    }
    batch.has_more = !over_.empty();
    return batch;
}

void NodeCalls::tell_again() {
    everywhere([this](std::size_t part) { parts_[part].worker->tell_all_copies(); }, {});
}

void NodeCalls::adopt(std::vector<CallCopy> calls, std::function<void()> done) {
    auto by_part = std::make_shared<std::vector<std::vector<CallCopyReader>>>(parts_.size());
    std::vector<std::string> unreadable;
    for (CallCopy &call : calls) {
        auto read = CallCopyReader::parse(call.text, wall_);
        if (read && read->legs().front().id.to_string() == call.key) {
            (*by_part)[place_(read->legs().front())].push_back(std::move(*read));
        } else {
            unreadable.push_back(std::move(call.key));
        }
    }
    tell_over(std::move(unreadable));
    everywhere([this, by_part](std::size_t part) { parts_[part].worker->adopt((*by_part)[part]); }, std::move(done));
}

void NodeCalls::tell_over(std::vector<std::string> keys) {
    if (keys.empty()) return;
    {
        const std::lock_guard lock(mutex_);
        std::move(keys.begin(), keys.end(), std::back_inserter(over_));
    }
    wake_();
}

void NodeCalls::check(std::vector<std::string> keys) {
    auto found = std::make_shared<std::vector<std::vector<RecordId>>>(parts_.size());
    auto asked = std::make_shared<const std::vector<std::string>>(std::move(keys));
    auto ids = std::make_shared<const std::vector<RecordId>>(ids_of(*asked));
    everywhere([this, found, ids](std::size_t part) { (*found)[part] = parts_[part].worker->find_callers(*ids); },
               [this, found, asked] {
                   std::vector<RecordId> all;
                   for (const auto &of_part : *found) all.insert(all.end(), of_part.begin(), of_part.end());
                   std::sort(all.begin(), all.end());
                   std::vector<std::string> unknown;
                   for (const std::string &key : *asked) {
                       const auto id = RecordId::parse(key);
                       if (!id || !std::binary_search(all.begin(), all.end(), *id)) unknown.push_back(key);
                   }
                   tell_over(std::move(unknown));
               });
}

void NodeCalls::drop(std::vector<std::string> keys, std::function<void()> done) {
    auto ids = std::make_shared<const std::vector<RecordId>>(ids_of(keys));
    auto left = std::make_shared<std::atomic<std::size_t>>(parts_.size());
    const auto when_gone = [left, done = std::move(done)] {
        if (left->fetch_sub(1) == 1) done();
    };
    for (const Part &part : parts_) {
        part.loop->post([worker = part.worker, ids, when_gone] { worker->drop(*ids, when_gone); });
    }
}

// `done`, if there is one, on the thread of whoever is the last.
void NodeCalls::everywhere(const std::function<void(std::size_t part)> &task, std::function<void()> done) {
    auto left = std::make_shared<std::atomic<std::size_t>>(parts_.size());
    for (std::size_t part = 0; part < parts_.size(); ++part) {
        parts_[part].loop->post([task, part, left, done] {
            task(part);
            if (left->fetch_sub(1) == 1 && done) done();
        });
    }
}

} // namespace tandem
