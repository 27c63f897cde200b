// The calls of all workers, as a takeover sees them. Each worker is asked in its own loop.
#pragma once
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>
#include "base/wall_clock.hpp"
#include "dialog/dialog_record.hpp"
#include "net/loop.hpp"
#include "node/takeover.hpp"
#include "node/worker.hpp"

namespace tandem {

class NodeCalls final : public TakeoverHost {
public:
    struct Part {
        Loop *loop = nullptr;
        Worker *worker = nullptr;
    };

    // `place` says which part a leg belongs to, `wake` is called when there is something to tell: both on any thread.
    // All references outlive the object, which is not asked any more when the workers go.
    NodeCalls(std::vector<Part> parts, std::function<std::size_t(const DialogRecord &)> place,
              std::function<void()> wake, const WallClock &wall);

    void ask(std::size_t most, std::function<void(CopyBatch)> answer) override;
    void tell_again() override;
    void adopt(std::vector<CallCopy> calls, std::function<void()> done) override;
    void check(std::vector<std::string> keys) override;
    void drop(std::vector<std::string> keys, std::function<void()> done) override;

    // When no loop runs any more: what was taken from workers and told to nobody.
    CopyBatch take_rest();

private:
    struct Round;
    void ask_next(std::shared_ptr<Round> round);
    void everywhere(const std::function<void(std::size_t part)> &task, std::function<void()> done);
    CopyBatch take_over(std::size_t most);
    void tell_over(std::vector<std::string> keys);

    const std::vector<Part> parts_;
    const std::function<std::size_t(const DialogRecord &)> place_;
    const std::function<void()> wake_;
    const WallClock &wall_;
    std::size_t first_ = 0;        // who is asked first the next time
    std::shared_ptr<Round> round_; // under way. Of whoever has it in hand, one after the other

    std::mutex mutex_;
    std::deque<std::string> over_; // keys that no worker has, to be told: some of Redis's own. Guarded by mutex_
};

} // namespace tandem
