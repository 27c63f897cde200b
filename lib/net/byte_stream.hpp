// A connection that we make over TCP, for bytes that are no SIP. It never blocks, and whoever ends never waits for it:
// a host name is looked up on the loop, too.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>
#include "base/endpoint.hpp"
#include "net/loop.hpp"

namespace tandem {

struct ByteStreamEvents { // called by the loop, and not from inside of a call
    std::function<void()> on_connected;
    std::function<void(std::string_view bytes)> on_bytes;
    std::function<void(std::string why)> on_closed; // or not made; nothing comes after it
};

class ByteStream {
public:
    // `loop` outlives the object. Begins at once; whoever has no time for it any more destroys it. The name servers are
    // asked for a host that is a name; none: the system's.
    ByteStream(Loop &loop, const std::string &host, std::uint16_t port, ByteStreamEvents events,
               const std::vector<Endpoint> &name_servers = {});
    ~ByteStream(); // closes; nothing is called after it. May be done in an event
    ByteStream(const ByteStream &) = delete;
    ByteStream &operator=(const ByteStream &) = delete;

    // Once it is connected. What one turn of the loop writes leaves together.
    void write(std::string_view bytes);
    std::size_t unsent() const; // bytes

private:
    struct Impl;
    std::shared_ptr<Impl> impl_; // shared with what the loop still holds
};

} // namespace tandem
