// What the host of a worker asks of its calls, and hears of it.
#include "net/system_clock.hpp"
#include "node/worker.hpp"

namespace tandem {

void Worker::command(const std::function<void(Engine &engine, Instant now)> &task) {
    const Instant now = SystemClock::now();
    task(engine_, now);
    settle(now);
}

void Worker::tell_call_events() {
    if (!options_.on_call_event) return;
    for (CallEvent event; engine_.next_event(event);) options_.on_call_event(event);
}

} // namespace tandem
