// JSON-RPC 2.0, the side of the server: a text comes in, methods are called, and once all have answered a text goes
// out. Which way texts come and go is its caller's matter.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include "callapi/rpc_error.hpp"
#include "callapi/rpc_params.hpp"
#include "json/json.hpp"

namespace tandem {

struct RpcLimits {
    JsonLimits json;
    std::size_t batch_max = 64;        // calls in one text
    std::size_t answer_max = SIZE_MAX; // bytes of the answers to one text; what goes beyond is an error instead
};

struct RpcStatistics {
    std::uint64_t calls = 0; // notifications included
    std::uint64_t errors = 0;
};

// The right to answer one call, once: at once or later. Whoever lets go of it unused answers with an internal error.
class RpcReply {
public:
    class Answer;
    explicit RpcReply(std::unique_ptr<Answer> answer);
    ~RpcReply();
    RpcReply(RpcReply &&) noexcept;
    RpcReply &operator=(RpcReply &&) noexcept;

    // `after` is called when the text with the answer has been handed over: what it causes comes after the answer. Of
    // a notification, which nobody answers, it is called all the same.
    void succeed(Json result, std::function<void()> after = {});
    void fail(RpcError error);

private:
    std::unique_ptr<Answer> answer_; // none: given
};

class JsonRpc {
public:
    using Method = std::function<void(RpcParams params, RpcReply reply)>;

    explicit JsonRpc(const RpcLimits &limits = {}) : limits_(limits) {}

    void add(std::string name, Method method); // the same name twice: the later one

    // `done` is called once, at once or later, with what is to be sent; empty: nothing. Parameters are an object (or
    // left out, or an empty array); an array of some is -32602, because no parameter of ours has a place.
    using Done = std::function<void(std::string text)>;
    void call(std::string_view text, Done done);

    RpcStatistics statistics() const;

private:
    friend class RpcReply::Answer;
    struct Batch;
    void call_one(const Json &request, const std::shared_ptr<Batch> &batch, std::size_t place);

    const RpcLimits limits_;
    std::map<std::string, Method, std::less<>> methods_;
    std::uint64_t calls_ = 0;
    std::shared_ptr<std::uint64_t> error_counter_ = std::make_shared<std::uint64_t>(0); // replies may outlive us
};

// {"jsonrpc":"2.0","method":...,"params":...}
std::string rpc_notification(std::string_view method, const Json &params);

} // namespace tandem
