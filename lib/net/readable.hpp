// Calls its reader whenever a descriptor has something new to read, and once when it can be written to again.
#pragma once
#include <memory>
#include "net/asio.hpp"

namespace tandem {

class Reader {
public:
    // New data has come since the last call. The reader takes all there is, or comes back by itself, once at a time:
    // what it leaves raises no second call, but what comes meanwhile does.
    virtual void on_readable() = 0;

    // After wait_writable(), once: there is room, or the connection is made, or it has failed.
    virtual void on_writable() {}

protected:
    ~Reader() = default;
};

class Readable {
public:
    explicit Readable(asio::io_context &io);
    ~Readable(); // closes
    Readable(const Readable &) = delete;
    Readable &operator=(const Readable &) = delete;

    // From now on `reader` is called, and kept alive. `fd` stays the caller's.
    AsioError open(int fd, std::shared_ptr<Reader> reader);

    // One call of on_writable(). Asked for again before it came, there is still one. Costs a system call.
    void wait_writable();

    // No call comes after this; the loop lets go of the reader at its next turn. Before `fd` is closed.
    void close();

private:
    struct Waits;
    std::unique_ptr<Waits> waits_;
};

} // namespace tandem
