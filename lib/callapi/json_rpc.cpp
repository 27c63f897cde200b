#include "callapi/json_rpc.hpp"
#include <fmt/format.h>
#include <optional>
#include <utility>
#include <vector>

namespace tandem {
namespace {

Json error_object(const RpcError &error) {
    Json object{{"code", static_cast<int>(error.code)}, {"message", error.message}};
    if (!error.data.is_null()) object["data"] = error.data;
    return object;
}

std::string error_text(const RpcError &error, const Json &id = nullptr) {
    return to_text({{"jsonrpc", "2.0"}, {"id", id}, {"error", error_object(error)}});
}

bool is_id(const Json &id) { return id.is_string() || id.is_number() || id.is_null(); }

// Why it is no request; none: it is one.
std::optional<std::string> what_is_wrong(const Json &request) {
    if (!request.is_object()) return "a call is an object";
    if (const auto id = request.find("id"); id != request.end() && !is_id(*id)) {
        return "\"id\" must be a string, a number or null";
    }
    const auto version = request.find("jsonrpc");
    if (version == request.end() || *version != "2.0") return "\"jsonrpc\" must be \"2.0\"";
    const auto method = request.find("method");
    if (method == request.end() || !method->is_string()) return "\"method\" must be a string";
    const auto params = request.find("params");
    if (params != request.end() && !params->is_structured()) return "\"params\" must be an object";
    return std::nullopt;
}

Json id_of(const Json &request) {
    const auto id = request.is_object() ? request.find("id") : request.end();
    return id != request.end() && is_id(*id) ? *id : Json();
}

} // namespace

// The calls of one text.
struct JsonRpc::Batch {
    Batch(JsonRpc &its_rpc, std::size_t size, bool is_array_too, Done its_done)
        : errors(its_rpc.error_counter_), answers(size), left(size), answer_max(its_rpc.limits_.answer_max),
          room(answer_max), is_array(is_array_too), done(std::move(its_done)) {}

    bool take_room(std::size_t size) {
        if (size > room) return false;
        room -= size;
        return true;
    }
    void answer(std::size_t place, std::string text, std::function<void()> after) {
        answers[place] = std::move(text);
        if (after) afters.push_back(std::move(after));
        if (--left == 0) finish();
    }
    void finish();

    std::shared_ptr<std::uint64_t> errors;
    std::vector<std::string> answers; // empty: of a notification
    std::size_t left;
    const std::size_t answer_max;
    std::size_t room; // of answer_max
    const bool is_array;
    Done done;
    std::vector<std::function<void()>> afters;
};

void JsonRpc::Batch::finish() {
    std::string text;
    for (const std::string &answer : answers) {
        if (answer.empty()) continue;
        text += text.empty() ? (is_array ? "[" : "") : ",";
        text += answer;
    }
    if (is_array && !text.empty()) text += "]";
    const auto hand_over = std::exchange(done, nullptr);
    hand_over(std::move(text));
    for (const auto &after : std::exchange(afters, {})) after();
}

class RpcReply::Answer {
public:
    Answer(std::shared_ptr<JsonRpc::Batch> batch, std::size_t place, Json id, bool is_wanted)
        : batch_(std::move(batch)), place_(place), id_(std::move(id)), is_wanted_(is_wanted) {}

    void succeed(Json result, std::function<void()> after) {
        give({{"jsonrpc", "2.0"}, {"id", id_}, {"result", std::move(result)}}, std::move(after));
    }
    void fail(const RpcError &error) {
        ++*batch_->errors;
        give({{"jsonrpc", "2.0"}, {"id", id_}, {"error", error_object(error)}}, {});
    }

private:
    void give(const Json &object, std::function<void()> after) {
        std::string text = is_wanted_ ? to_text(object) : std::string();
        if (!batch_->take_room(text.size())) text = too_large();
        batch_->answer(place_, std::move(text), std::move(after));
    }
    // What was asked for is done, if it was more than a question.
    std::string too_large() {
        ++*batch_->errors;
        const std::string why = fmt::format("the answer is larger than {} bytes: ask for fewer", batch_->answer_max);
        return error_text({RpcCode::full, why, {}}, id_);
    }

    std::shared_ptr<JsonRpc::Batch> batch_;
    std::size_t place_;
    Json id_;
    bool is_wanted_;
};

RpcReply::RpcReply(std::unique_ptr<Answer> answer) : answer_(std::move(answer)) {}
RpcReply::RpcReply(RpcReply &&) noexcept = default;

RpcReply &RpcReply::operator=(RpcReply &&other) noexcept {
    answer_.swap(other.answer_);
    return *this;
}

RpcReply::~RpcReply() { fail({RpcCode::internal_error, "no answer was given", {}}); }

void RpcReply::succeed(Json result, std::function<void()> after) {
    if (const auto answer = std::move(answer_)) answer->succeed(std::move(result), std::move(after));
}

void RpcReply::fail(RpcError error) {
    if (const auto answer = std::move(answer_)) answer->fail(error);
}

void JsonRpc::add(std::string name, Method method) { methods_[std::move(name)] = std::move(method); }

RpcStatistics JsonRpc::statistics() const { return {calls_, *error_counter_}; }

void JsonRpc::call(std::string_view text, Done done) {
    const auto refuse = [&](RpcCode code, std::string why) {
        ++calls_;
        ++*error_counter_;
        done(error_text({code, std::move(why), {}}));
    };
    const auto request = parse_json(text, limits_.json);
    if (!request) return refuse(RpcCode::parse_error, request.error().detail);
    if (!request->is_array()) return call_one(*request, std::make_shared<Batch>(*this, 1, false, std::move(done)), 0);
    if (request->empty()) return refuse(RpcCode::invalid_request, "an empty batch");
    if (request->size() > limits_.batch_max) {
        return refuse(RpcCode::invalid_request, fmt::format("more than {} calls in a batch", limits_.batch_max));
    }
    const auto batch = std::make_shared<Batch>(*this, request->size(), true, std::move(done));
    std::size_t place = 0;
    for (const Json &one : *request) call_one(one, batch, place++);
}

void JsonRpc::call_one(const Json &request, const std::shared_ptr<Batch> &batch, std::size_t place) {
    ++calls_;
    // What is no request is answered even without an id: nobody can tell whether it was to be a notification.
    const auto wrong = what_is_wrong(request);
    RpcReply reply(std::make_unique<RpcReply::Answer>(batch, place, id_of(request), wrong || request.contains("id")));
    if (wrong) return reply.fail({RpcCode::invalid_request, *wrong, {}});
    const auto &name = request["method"].get_ref<const std::string &>();
    const auto method = methods_.find(name);
    if (method == methods_.end()) return reply.fail({RpcCode::method_not_found, "there is no method of this name", {}});
    const auto params = request.find("params");
    if (params == request.end() || params->empty()) {
        return method->second(RpcParams(Json::object()), std::move(reply));
    }
    if (!params->is_object()) {
        return reply.fail({RpcCode::invalid_params, "parameters have names: \"params\" must be an object", {}});
    }
    method->second(RpcParams(*params), std::move(reply));
}

std::string rpc_notification(std::string_view method, const Json &params) {
    return to_text({{"jsonrpc", "2.0"}, {"method", method}, {"params", params}});
}

} // namespace tandem
