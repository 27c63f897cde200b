#include <doctest/doctest.h>
#include <vector>
#include "callapi/json_rpc.hpp"

using namespace tandem;

namespace {

// "echo" gives its parameters back, "sum" adds a and b, "later" waits for the test, "forget" never answers.
struct Server {
    explicit Server(const RpcLimits &limits = {}) : rpc(limits) {
        rpc.add("echo", [](RpcParams params, RpcReply reply) { reply.succeed(params.all()); });
        rpc.add("sum", [](RpcParams params, RpcReply reply) {
            const auto a = params.number("a", 0, 100);
            const auto b = params.number_or("b", 1, 0, 100);
            if (const auto wrong = params.error()) return reply.fail(*wrong);
            reply.succeed(a + b);
        });
        rpc.add("later", [this](RpcParams, RpcReply reply) { later.push_back(std::move(reply)); });
        rpc.add("forget", [](RpcParams, RpcReply) {});
        rpc.add("causes", [this](RpcParams, RpcReply reply) {
            reply.succeed("Started", [this] { order.emplace_back("caused"); });
        });
    }
    std::string call(std::string_view text) {
        const std::size_t before = answers.size();
        rpc.call(text, [this](std::string answer) {
            answers.push_back(answer);
            order.push_back("answer");
        });
        return answers.size() == before ? "(not yet)" : answers.back();
    }

    JsonRpc rpc;
    std::vector<RpcReply> later;
    std::vector<std::string> answers;
    std::vector<std::string> order;
};

std::string error(int code, std::string_view message, std::string_view id = "null") {
    return R"({"error":{"code":)" + std::to_string(code) + R"(,"message":")" + std::string(message) + R"("},"id":)" +
           std::string(id) + R"(,"jsonrpc":"2.0"})";
}

int code_of(const std::string &answer) {
    const auto parsed = parse_json(answer);
    REQUIRE(parsed.ok());
    return parsed->at("error").at("code").get<int>();
}

std::string sum_error(std::string_view params) {
    Server server;
    const auto parsed =
        parse_json(server.call(R"({"jsonrpc":"2.0","id":1,"method":"sum","params":)" + std::string(params) + "}"));
    REQUIRE(parsed.ok());
    CHECK(parsed->at("error").at("code") == -32602);
    return parsed->at("error").at("message");
}

} // namespace

TEST_CASE("json-rpc: a call is answered with its result and its id, as it was: string, number or null") {
    Server server;
    CHECK(server.call(R"({"jsonrpc":"2.0","id":1,"method":"sum","params":{"a":2,"b":3}})") ==
          R"({"id":1,"jsonrpc":"2.0","result":5})");
    CHECK(server.call(R"({"jsonrpc":"2.0","id":"x","method":"sum","params":{"a":2}})") ==
          R"({"id":"x","jsonrpc":"2.0","result":3})");
    CHECK(server.call(R"({"jsonrpc":"2.0","id":null,"method":"echo"})") ==
          R"({"id":null,"jsonrpc":"2.0","result":{}})");
    CHECK(server.call(R"({"jsonrpc":"2.0","id":1.5,"method":"echo","params":[]})") ==
          R"({"id":1.5,"jsonrpc":"2.0","result":{}})");
}

TEST_CASE(
    "json-rpc: a notification is carried out and never answered, whatever is wrong with it (PEERS 3b, defect 11)") {
    Server server;
    CHECK(server.call(R"({"jsonrpc":"2.0","method":"sum","params":{"a":2}})") == "");
    CHECK(server.call(R"({"jsonrpc":"2.0","method":"unknown"})") == "");
    CHECK(server.call(R"({"jsonrpc":"2.0","method":"sum","params":{"a":"x"}})") == "");
    CHECK(server.call(R"({"jsonrpc":"2.0","method":"causes"})") == "");
    CHECK(server.order.back() == "caused");
    CHECK(server.rpc.statistics().calls == 4);
    CHECK(server.rpc.statistics().errors == 2);
}

TEST_CASE("json-rpc: what is no JSON, or not within its bounds, is -32700 with a null id (PEERS 3b, defect 11)") {
    for (const std::string text : {"", "{", "nonsense", R"({"jsonrpc":"2.0","id":1,"id":2,"method":"echo"})",
                                   "\"\xff\"", R"({"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz])"}) {
        CAPTURE(text);
        Server server;
        const std::string answer = server.call(text);
        CHECK(code_of(answer) == -32700);
        CHECK(parse_json(answer)->at("id").is_null());
    }
    Server server({.json = {.bytes_max = 200, .depth_max = 4}});
    CHECK(code_of(server.call(std::string(201, ' '))) == -32700);
    CHECK(code_of(server.call("[[[[[]]]]]")) == -32700);
}

TEST_CASE("json-rpc: what is no request is -32600, with its id where that can be told") {
    Server server;
    CHECK(code_of(server.call("1")) == -32600);
    CHECK(code_of(server.call("[]")) == -32600);
    CHECK(server.call(R"({"jsonrpc":"1.0","id":7,"method":"echo"})") ==
          error(-32600, R"(\"jsonrpc\" must be \"2.0\")", "7"));
    CHECK(server.call(R"({"jsonrpc":"2.0","id":7,"method":1})") ==
          error(-32600, R"(\"method\" must be a string)", "7"));
    CHECK(server.call(R"({"jsonrpc":"2.0","id":7,"method":"echo","params":"x"})") ==
          error(-32600, R"(\"params\" must be an object)", "7"));
    CHECK(server.call(R"({"jsonrpc":"2.0","id":{},"method":"echo"})") ==
          error(-32600, R"(\"id\" must be a string, a number or null)"));
    CHECK(server.call(R"({"jsonrpc":"2.0"})") == error(-32600, R"(\"method\" must be a string)"));
}

TEST_CASE("json-rpc: an unknown method is -32601, a parameter that is wrong -32602 with its name and its type") {
    Server server;
    CHECK(code_of(server.call(R"({"jsonrpc":"2.0","id":7,"method":"none"})")) == -32601);
    CHECK(code_of(server.call(R"({"jsonrpc":"2.0","id":7,"method":"sum","params":[1,2]})")) == -32602);
    CHECK(sum_error("{}") == "\"a\" is missing: a whole number from 0 to 100");
    for (const char *a : {"101", "-1", "1.5", "\"1\"", "null", "true", "[]"}) {
        CHECK(sum_error("{\"a\":" + std::string(a) + "}") == "\"a\" must be a whole number from 0 to 100");
    }
    CHECK(sum_error(R"({"a":1,"b":"x"})") == "\"b\" must be a whole number from 0 to 100");
}

TEST_CASE("json-rpc: a reply that is dropped is -32603") {
    Server server;
    CHECK(code_of(server.call(R"({"jsonrpc":"2.0","id":7,"method":"forget"})")) == -32603);
    CHECK(server.call(R"({"jsonrpc":"2.0","id":7,"method":"later"})") == "(not yet)");
    server.later.clear();
    CHECK(code_of(server.answers.back()) == -32603);
}

TEST_CASE("json-rpc: a batch is answered in order when all are done, without what was not to be answered") {
    Server server;
    CHECK(server.call(R"([{"jsonrpc":"2.0","id":1,"method":"later"},
                          {"jsonrpc":"2.0","method":"echo"},
                          1,
                          {"jsonrpc":"2.0","id":2,"method":"sum","params":{"a":2}},
                          {"jsonrpc":"2.0","id":3,"method":"later"},
                          {"jsonrpc":"2.0","id":4,"method":"causes"}])") == "(not yet)");
    REQUIRE(server.later.size() == 2);
    server.later[1].succeed("second");
    CHECK(server.order.empty()); // nothing is caused before its answer is given
    server.later[0].succeed("first");
    REQUIRE(server.answers.size() == 1);
    CHECK(server.answers[0] == R"([{"id":1,"jsonrpc":"2.0","result":"first"},)" + error(-32600, "a call is an object") +
                                   R"(,{"id":2,"jsonrpc":"2.0","result":3},)" +
                                   R"({"id":3,"jsonrpc":"2.0","result":"second"},)" +
                                   R"({"id":4,"jsonrpc":"2.0","result":"Started"}])");
    CHECK(server.order == std::vector<std::string>{"answer", "caused"});
}

TEST_CASE("json-rpc: a batch of notifications is answered by nothing, one that is too large as a whole") {
    Server server({.batch_max = 2});
    const std::string one = R"({"jsonrpc":"2.0","method":"echo"})";
    CHECK(server.call("[" + one + "," + one + "]") == "");
    CHECK(server.call("[" + one + "," + one + "," + one + "]") == error(-32600, "more than 2 calls in a batch"));
}

TEST_CASE("json-rpc: an answer that nobody could be given is an error, alone or with others of its text") {
    Server server({.answer_max = 100});
    const std::string large =
        R"({"jsonrpc":"2.0","id":1,"method":"echo","params":{"a":")" + std::string(100, 'x') + R"("}})";
    const std::string small =
        R"({"jsonrpc":"2.0","id":2,"method":"echo","params":{"a":")" + std::string(30, 'x') + R"("}})";
    CHECK(server.call(large) == error(-32004, "the answer is larger than 100 bytes: ask for fewer", "1"));
    CHECK(server.rpc.statistics().errors == 1);
    const auto answers = parse_json(server.call("[" + small + "," + small + "]"));
    REQUIRE(answers.ok());
    CHECK(answers->at(0).contains("result"));
    CHECK(answers->at(1)["error"]["code"] == -32004);
}

TEST_CASE("json-rpc: a reply may outlive its server") {
    std::vector<RpcReply> kept;
    std::string answer;
    {
        Server server;
        server.rpc.call(R"({"jsonrpc":"2.0","id":1,"method":"later"})", [&](std::string text) { answer = text; });
        kept = std::move(server.later);
    }
    kept[0].fail({RpcCode::timed_out, "late", 5});
    CHECK(answer == R"({"error":{"code":-32006,"data":5,"message":"late"},"id":1,"jsonrpc":"2.0"})");
}

TEST_CASE("rpc params: a string is a string within its bound, and brings no line of its own into a header") {
    const auto text = [](const char *json) {
        RpcParams params(*parse_json(json));
        const std::string value = params.text("x", 8);
        return params.error() ? params.error()->message : "= " + value;
    };
    CHECK(text(R"({"x":"abc"})") == "= abc");
    CHECK(text("{}") == "\"x\" is missing: a string");
    CHECK(text(R"({"x":1})") == "\"x\" must be a string");
    CHECK(text(R"({"x":""})") == "\"x\" is empty");
    CHECK(text(R"({"x":"123456789"})") == "\"x\" is longer than 8 bytes");
    CHECK(text(R"({"x":"a\r\nB: c"})") == "\"x\" has control characters");
    RpcParams params(*parse_json(R"({"flag":1,"filter":[],"empty":""})"));
    CHECK(params.text_or("empty", "otherwise") == "");
    CHECK(params.text_or("none", "otherwise") == "otherwise");
    CHECK(params.flag_or("none", true));
    CHECK(!params.error());
    CHECK(params.flag_or("flag", true));
    CHECK(params.object_or_empty("filter").is_object());
    CHECK(params.error()->message == "\"flag\" must be true or false"); // the first one
}
