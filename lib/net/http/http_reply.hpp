// The right to answer one request, once: at once or later.
#pragma once
#include <functional>
#include <utility>
#include "net/http/http_message.hpp"

namespace tandem {

class HttpReply {
public:
    HttpReply() = default;
    explicit HttpReply(std::function<void(HttpResponse)> send) : send_(std::move(send)) {}
    ~HttpReply() { give_up(); }
    HttpReply(HttpReply &&other) noexcept : send_(std::exchange(other.send_, nullptr)) {}
    HttpReply &operator=(HttpReply &&other) noexcept {
        std::swap(send_, other.send_);
        return *this;
    }

    // On the loop's thread. Whoever is gone meanwhile, or was answered because it took too long, gets nothing.
    void send(HttpResponse response) {
        if (const auto send = std::exchange(send_, nullptr)) send(std::move(response));
    }

private:
    // Nobody is left without an answer.
    void give_up() { send(text_response(500, "internal error")); }

    std::function<void(HttpResponse)> send_;
};

} // namespace tandem
