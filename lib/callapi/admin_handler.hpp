// Administration over HTTP: POST /rpc for the methods, which a WebSocket at /rpc has as well, GET /healthz and /readyz
// for who watches the process, GET /metrics for Prometheus, and a page at / for a browser, which uses the WebSocket.
#pragma once
#include <memory>
#include <string>
#include <utility>
#include "base/random.hpp"
#include "callapi/admin_host.hpp"
#include "callapi/bearer.hpp"
#include "callapi/json_rpc.hpp"
#include "callapi/rpc_session.hpp"
#include "net/http/http_server.hpp"

namespace tandem {

class AdminHandler final : public HttpHandler {
public:
    // Where a token is set, whoever wants more than /healthz, /readyz and the page, which says nothing of the node, has
    // it: metrics name users, too. The host outlives the object; `random` is used here alone.
    AdminHandler(AdminHost &host, std::string token, Random &random);

    void on_request(HttpRequest request, HttpReply reply) override;
    Result<std::unique_ptr<WebSocketSession>, HttpResponse> on_upgrade(const HttpRequest &request) override;

    void offer(RpcSession::Features more) { more_ = std::move(more); } // what WebSockets have beside the methods

    RpcStatistics statistics() const { return rpc_.statistics(); }

private:
    void answer_health(HttpReply reply);
    void answer_readiness(HttpReply reply);
    void answer_metrics(HttpReply reply);
    void answer_rpc(const std::string &body, HttpReply reply);

    AdminHost &host_;
    BearerGate gate_;
    JsonRpc rpc_;
    RpcSession::Features more_;
};

} // namespace tandem
