#include "callapi/admin_handler.hpp"
#include <memory>
#include <utility>
#include "callapi/admin_methods.hpp"
#include "callapi/page_files.hpp"
#include "metrics/metric_page.hpp"
#include "net/system_clock.hpp"

namespace tandem {
namespace {

struct Resource {
    std::string_view path;
    std::string_view method; // of GET also HEAD
    bool is_open = false;    // for whoever has no token
};

constexpr Resource resources[] = {
    {"/healthz", "GET", true}, {"/readyz", "GET", true}, {"/metrics", "GET"}, {"/rpc", "POST"}};

const Resource *find_resource(std::string_view path) {
    for (const Resource &resource : resources) {
        if (resource.path == path) return &resource;
    }
    return nullptr;
}

bool takes(const Resource &resource, std::string_view method) {
    return method == resource.method || (method == "HEAD" && resource.method == "GET");
}

HttpResponse method_not_allowed(const Resource &resource) { // RFC 9110 section 15.5.6
    HttpResponse response = text_response(405, "only " + std::string(resource.method));
    response.fields.push_back({"Allow", resource.method == "GET" ? "GET, HEAD" : std::string(resource.method)});
    return response;
}

const PageFile *find_page_file(std::string_view path) {
    for (const PageFile &file : page_files()) {
        if (file.path == path) return &file;
    }
    return nullptr;
}

// A browser takes nothing from elsewhere for it, and nobody else shows it as his own.
HttpResponse page_response(const PageFile &file) {
    HttpResponse response;
    response.content_type = file.content_type;
    response.body = file.text;
    response.fields = {{"Content-Security-Policy",
                        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
                        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
                       {"X-Content-Type-Options", "nosniff"},
                       {"Referrer-Policy", "no-referrer"},
                       {"Cache-Control", "no-cache"}};
    return response;
}

// What changes from moment to moment is nobody's to keep.
HttpResponse fresh(HttpResponse response) {
    response.fields.push_back({"Cache-Control", "no-store"});
    return response;
}

} // namespace

AdminHandler::AdminHandler(AdminHost &host, std::string token, Random &random)
    : host_(host), gate_(std::move(token), random) {
    add_admin_methods(rpc_, host);
}

void AdminHandler::on_request(HttpRequest request, HttpReply reply) {
    if (const PageFile *file = find_page_file(request.path())) {
        const Resource page{file->path, "GET"};
        return reply.send(takes(page, request.method) ? page_response(*file) : method_not_allowed(page));
    }
    const Resource *resource = find_resource(request.path());
    if (!resource || !resource->is_open) { // nor is a stranger told what there is
        if (auto refusal = gate_.refuse(request, SystemClock::now())) return reply.send(std::move(*refusal));
    }
    if (!resource) return reply.send(text_response(404, "there are /, /healthz, /readyz, /metrics and /rpc"));
    if (!takes(*resource, request.method)) return reply.send(method_not_allowed(*resource));
    if (resource->path == "/healthz") return answer_health(std::move(reply));
    if (resource->path == "/readyz") return answer_readiness(std::move(reply));
    if (resource->path == "/metrics") return answer_metrics(std::move(reply));
    answer_rpc(request.body, std::move(reply));
}

// A browser wants one of the subprotocols that it offers, and the one with the token is no name of ours.
Result<std::unique_ptr<WebSocketSession>, HttpResponse> AdminHandler::on_upgrade(const HttpRequest &request) {
    if (auto refusal = gate_.refuse(request, SystemClock::now())) return std::move(*refusal);
    if (request.path() != "/rpc") return text_response(404, "a WebSocket is at /rpc");
    auto session = std::make_unique<RpcSession>(choose_protocol(request));
    session->use([this](JsonRpc &rpc, const std::shared_ptr<RpcChannel> &channel) {
        add_admin_methods(rpc, host_);
        return more_ ? more_(rpc, channel) : std::vector<std::unique_ptr<RpcFeature>>();
    });
    return std::unique_ptr<WebSocketSession>(std::move(session));
}

void AdminHandler::answer_health(HttpReply reply) {
    auto shared = std::make_shared<HttpReply>(std::move(reply));
    host_.check_loops([shared](const Result<bool, Failure> &turn) {
        shared->send(fresh(turn ? text_response(200, "ok") : text_response(503, turn.error().detail)));
    });
}

void AdminHandler::answer_readiness(HttpReply reply) {
    const Result<void, Failure> is_ready = host_.readiness();
    reply.send(fresh(is_ready ? text_response(200, "ready") : text_response(503, is_ready.error().detail)));
}

void AdminHandler::answer_metrics(HttpReply reply) {
    auto shared = std::make_shared<HttpReply>(std::move(reply));
    host_.collect_metrics([shared](Result<std::string, Failure> page) {
        if (!page) return shared->send(text_response(503, page.error().detail));
        HttpResponse response;
        response.content_type = MetricPage::content_type;
        response.body = std::move(*page);
        shared->send(fresh(std::move(response)));
    });
}

void AdminHandler::answer_rpc(const std::string &body, HttpReply reply) {
    auto shared = std::make_shared<HttpReply>(std::move(reply));
    rpc_.call(body, [shared](std::string text) {
        HttpResponse response;
        response.status = text.empty() ? 204 : 200; // of notifications alone
        if (!text.empty()) response.content_type = "application/json";
        response.body = std::move(text);
        shared->send(fresh(std::move(response)));
    });
}

} // namespace tandem
