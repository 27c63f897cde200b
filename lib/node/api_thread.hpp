// The thread of the HTTP servers, administration and the Call API; and of the events that they tell (event_hub.hpp), or
// that calls wait for. Nothing of it runs on a call's way: what it wants of workers it posts to their loops, and they
// post back to its loop.
#pragma once
#include <exception>
#include <functional>
#include <memory>
#include <string_view>
#include <thread>
#include <vector>
#include "base/result.hpp"
#include "net/http/http_server.hpp"
#include "net/loop.hpp"
#include "net/timer.hpp"
#include "net/tls_context.hpp"
#include "node/config.hpp"

namespace tandem {

class ApiThread {
public:
    ApiThread();
    ~ApiThread(); // stops
    ApiThread(const ApiThread &) = delete;
    ApiThread &operator=(const ApiThread &) = delete;

    Loop &loop() { return loop_; }

    // Before start(): binds and listens. Requests wait until the thread runs, and get 503 as long as there is no
    // handler. `section` is told in a failure.
    Result<void, Failure> open(std::string_view section, const ApiConfig &config,
                               std::shared_ptr<const TlsContext> tls);

    // Before start() too: who answers what comes to that section; it outlives the servers, which go with this object.
    void serve(std::string_view section, HttpHandler &handler);

    // Before start() too: `task` is called in the loop again and again.
    void every(Duration interval, std::function<void()> task);

    // What the thread throws goes to `failed`, there.
    void start(std::function<void(std::exception_ptr)> failed);

    // Requests that are under way have a moment to be answered, WebSockets are closed. Waits for none of it: who has
    // something better to do until stop() does that.
    void shut_down();

    // The same, and waits. Then nothing of it runs, and there are no servers any more.
    void stop();

    void use(std::shared_ptr<const TlsContext> tls); // from any thread: for handshakes to come

    // That of one section; none: it is not open. Of the thread, or while it does not run.
    const HttpServer *server(std::string_view section) const;

private:
    struct Section;
    Section *find(std::string_view name) const;
    void begin_end();

    Loop loop_;
    std::vector<std::unique_ptr<Section>> sections_; // after the loop: they go first
    std::vector<std::unique_ptr<Timer>> timers_;
    std::unique_ptr<Timer> end_timer_;
    std::size_t ending_ = 0; // servers that have not ended yet
    std::thread thread_;
    bool is_shutting_down_ = false; // of the thread that started it
};

} // namespace tandem
