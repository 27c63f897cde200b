#include "node/node_commands.hpp"
#include <algorithm>
#include <memory>
#include <utility>

namespace tandem {
namespace {

constexpr std::size_t waiting_max = 65536; // events on their way

DialogId leg_of(const CallView &call, Side side) { return side == Side::caller ? call.caller : call.callee; }

// The worker stands in the upper half of a cursor; places of its table are below.
constexpr unsigned worker_shift = 32;
constexpr std::size_t slices_max = 256; // of one page: then it is told as it is, with a cursor
constexpr std::size_t slice_calls = 16;
constexpr std::size_t page_bytes = 128 << 10; // of its texts: so that the page, as JSON, has room in a client's queue

std::size_t text_of(const CallView &call) {
    return call.caller_call_id.size() + call.callee_call_id.size() + call.from_uri.size() + call.to_uri.size() +
           call.request_uri.size() + call.source.size() + call.trunk.size();
}

} // namespace

struct NodeCommands::ListRun {
    std::size_t worker = 0;
    std::uint64_t place = 0;
    std::size_t max = 0;
    std::size_t slices = 0;
    std::size_t bytes = 0;
    CallPage page;
    std::function<void(CallPage)> then;
};

NodeCommands::NodeCommands(std::vector<Part> workers, const WallClock &wall, Loop &asker)
    : workers_(std::move(workers)), wall_(wall), asker_(asker) {}

void NodeCommands::tell(const CallEvent &event) {
    if (event.kind == CallEventKind::dtmf) return; // of no command
    if (event.kind == CallEventKind::command_pending && waiting_.load(std::memory_order_relaxed) >= waiting_max) return;
    ++waiting_;
    asker_.post([this, event] {
        --waiting_;
        if (handler_) handler_(event);
    });
}

NodeCommands::Then NodeCommands::in_asker(Then then) {
    return [this, then = std::move(then)](Result<AcceptedCommand> accepted) {
        asker_.post([then, accepted = std::move(accepted)] { then(accepted); });
    };
}

void NodeCommands::find(std::string call_id, Found found, std::function<void()> missing, std::size_t worker) {
    const Part &part = workers_[worker];
    part.loop->post(
        [this, call_id = std::move(call_id), found = std::move(found), missing = std::move(missing), worker, &part] {
            if (const auto call = part.worker->engine().find_call(call_id)) {
                return part.worker->command([&](Engine &engine, Instant now) { found(engine, *call, now); });
            }
            if (worker + 1 == workers_.size()) return missing();
            find(call_id, found, missing, worker + 1);
        });
}

void NodeCommands::command(CallCommand command, Then then) {
    Then answer = in_asker(std::move(then));
    switch (command.kind) {
    case CommandKind::hold:
    case CommandKind::resume: return hold(std::move(command), std::move(answer));
    case CommandKind::transfer: return transfer(std::move(command), std::move(answer));
    case CommandKind::join: return join(std::move(command), std::move(answer));
    case CommandKind::start: return start(std::move(command), std::move(answer));
    }
}

namespace {

Result<AcceptedCommand> accepted(const Result<CommandId> &command, std::string destination = {}) {
    if (!command) return command.error();
    return AcceptedCommand{*command, std::move(destination)};
}

} // namespace

void NodeCommands::hold(CallCommand command, Then then) {
    const std::string call_id = command.call_id;
    find(
        call_id,
        [command = std::move(command), then](Engine &engine, const CallView &call, Instant now) {
            const DialogId leg = call.caller ? call.caller : call.callee;
            then(accepted(command.kind == CommandKind::hold ? engine.hold(leg, now, command.deadline)
                                                            : engine.resume(leg, now, command.deadline)));
        },
        [then] { then(Error::not_found); });
}

void NodeCommands::transfer(CallCommand command, Then then) {
    const std::string call_id = command.call_id;
    find(
        call_id,
        [command = std::move(command), then](Engine &engine, const CallView &call, Instant now) {
            then(accepted(engine.transfer(leg_of(call, command.leg), command.uri, now, command.deadline)));
        },
        [then] { then(Error::not_found); });
}

// First the call that comes to the other, and how it is to be reached; it may be another worker's.
void NodeCommands::join(CallCommand command, Then then) {
    const auto missing = [then] { then(Error::not_found); };
    const std::string other = command.other_call_id;
    find(
        other,
        [this, command = std::move(command), then, missing](Engine &engine, const CallView &call, Instant) {
            const auto target = engine.joinable(leg_of(call, command.other_leg));
            if (!target) return then(Error::wrong_state);
            find(
                command.call_id,
                [command, then, target = *target](Engine &own, const CallView &joined, Instant now) {
                    const auto id = own.join(leg_of(joined, command.leg), target, now, command.deadline);
                    then(accepted(id, target.uri));
                },
                missing);
        },
        missing);
}

void NodeCommands::start(CallCommand command, Then then) {
    const Part &part = workers_[next_start_++ % workers_.size()];
    part.loop->post([&part, command = std::move(command), then = std::move(then)] {
        part.worker->command([&](Engine &engine, Instant now) {
            then(accepted(engine.start({command.caller, command.callee, {}, command.deadline}, now)));
        });
    });
}

void NodeCommands::end_call(std::string call_id, std::function<void(Result<void>)> then) {
    const auto answer = [this, then = std::move(then)](Result<void> ended) {
        asker_.post([then, ended] { then(ended); });
    };
    find(
        std::move(call_id),
        [answer](Engine &engine, const CallView &call, Instant now) {
            answer(engine.end(call.caller ? call.caller : call.callee, EndReason::admin, now));
        },
        [answer] { answer(Error::not_found); });
}

void NodeCommands::find_call(std::string call_id, std::function<void(std::optional<CallView>)> then) {
    const auto answer = [this, then = std::move(then)](std::optional<CallView> call) {
        asker_.post([then, call = std::move(call)] { then(call); });
    };
    find(
        std::move(call_id), [answer](Engine &, const CallView &call, Instant) { answer(call); },
        [answer] { answer(std::nullopt); });
}

void NodeCommands::list_calls(std::uint64_t cursor, std::size_t max, std::function<void(CallPage)> then) {
    auto run = std::make_shared<ListRun>();
    run->worker = cursor >> worker_shift;
    run->place = cursor & ((std::uint64_t{1} << worker_shift) - 1);
    run->max = max;
    run->then = std::move(then);
    if (run->worker >= workers_.size()) return run->then({}); // no page has given this cursor
    list_slice(std::move(run));
}

// Each slice is a turn of a worker's loop, and what it found goes along to the next.
void NodeCommands::list_slice(std::shared_ptr<ListRun> run) {
    const Part &part = workers_[run->worker];
    part.loop->post([this, &part, run = std::move(run)] {
        std::vector<CallView> &calls = run->page.calls;
        const std::size_t before = calls.size();
        part.worker->engine().list_calls(run->place, std::min(run->max - before, slice_calls), calls);
        for (std::size_t i = before; i < calls.size(); ++i) run->bytes += text_of(calls[i]);
        if (run->place == 0) ++run->worker;
        const bool is_over = run->worker == workers_.size();
        const bool has_room = calls.size() < run->max && run->bytes < page_bytes;
        if (!is_over && has_room && ++run->slices < slices_max) return list_slice(run);
        if (!is_over) run->page.next = std::uint64_t{run->worker} << worker_shift | run->place;
        asker_.post([run] { run->then(std::move(run->page)); });
    });
}

} // namespace tandem
