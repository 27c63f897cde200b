// The node as the Call API sees it: a command goes as a task to the worker that has the call, by a search of one worker
// after the other, and what comes of it goes to the loop of whoever asks.
#pragma once
#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>
#include "base/wall_clock.hpp"
#include "callapi/call_host.hpp"
#include "net/loop.hpp"
#include "node/worker.hpp"

namespace tandem {

class NodeCommands final : public CallHost {
public:
    struct Part {
        Loop *loop = nullptr;
        Worker *worker = nullptr;
    };
    // All of it outlives the object, which outlives the run of the loops. `asker` is the loop of whoever asks.
    NodeCommands(std::vector<Part> workers, const WallClock &wall, Loop &asker);

    void command(CallCommand command, std::function<void(Result<AcceptedCommand>)> then) override;
    void end_call(std::string call_id, std::function<void(Result<void>)> then) override;
    void find_call(std::string call_id, std::function<void(std::optional<CallView>)> then) override;
    void list_calls(std::uint64_t cursor, std::size_t max, std::function<void(CallPage)> then) override;
    const WallClock &wall() const override { return wall_; }

    // From any worker's thread: what happens to commands goes to `handler` in the asker's loop. Provisional steps are
    // left out while too many wait for it.
    void on_event(std::function<void(const CallEvent &)> handler) { handler_ = std::move(handler); } // before the run
    void tell(const CallEvent &event);

private:
    using Then = std::function<void(Result<AcceptedCommand>)>;
    using Found = std::function<void(Engine &engine, const CallView &call, Instant now)>;

    // `found` in the loop of the worker that has the call; `missing` in that of the last one.
    void find(std::string call_id, Found found, std::function<void()> missing, std::size_t worker = 0);
    void hold(CallCommand command, Then then);
    void transfer(CallCommand command, Then then);
    void join(CallCommand command, Then then);
    void start(CallCommand command, Then then);
    struct ListRun;
    void list_slice(std::shared_ptr<ListRun> run);
    Then in_asker(Then then); // tells it there

    const std::vector<Part> workers_;
    const WallClock &wall_;
    Loop &asker_;
    std::function<void(const CallEvent &)> handler_;
    std::atomic<std::size_t> waiting_{0}; // events on their way to the asker
    std::size_t next_start_ = 0;          // the worker of the next call, in turn
};

} // namespace tandem
