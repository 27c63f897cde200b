// Telephones on many ports, for a server with several workers: the kernel spreads them over its sockets by port.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>
#include "net/loop.hpp"
#include "net/udp_transport.hpp"
#include "node/invite.hpp"
#include "sip/message.hpp"
#include "sip/writer.hpp"

namespace tandem::test {

class Sockets {
public:
    using Handler = std::function<void(std::size_t socket, const Message &message, const Endpoint &source)>;

    Sockets(Loop &loop, std::size_t count, Handler handler) : handler_(std::move(handler)) {
        for (std::size_t i = 0; i < count; ++i) {
            sockets_.push_back(std::move(*UdpTransport::open(loop, endpoint("127.0.0.1", 0))));
            sockets_[i]->on_batch([this, i](std::span<const Datagram> batch) {
                for (const Datagram &datagram : batch) handler_(i, *Message::parse(datagram.bytes), datagram.peer);
            });
        }
    }

    std::size_t size() const { return sockets_.size(); }
    std::string address(std::size_t socket) const { return sockets_[socket]->local().to_string(); }
    void send(std::size_t socket, const Endpoint &to, std::string_view bytes) {
        const OutDatagram datagram{to, SharedBytes(bytes), 0};
        sockets_[socket]->send({&datagram, 1});
    }

private:
    std::vector<std::unique_ptr<UdpTransport>> sockets_;
    Handler handler_;
};

// Takes every call, unless it is told to refuse it, or to let it ring.
class Callee {
public:
    explicit Callee(Loop &loop)
        : sockets_(loop, 1, [this](std::size_t, const Message &message, const Endpoint &source) {
              if (message.is_request()) take(message, source);
          }) {}

    std::string route() const { return "[[route]]\nto = [\"sip:" + sockets_.address(0) + "\"]\n"; }

    bool only_rings = false;
    std::uint16_t refuses = 0; // with this status
    std::size_t invited = 0;
    std::size_t cancelled = 0;
    std::size_t hung_up = 0;
    std::function<void()> on_cancelled = [] {};

private:
    void take(const Message &request, const Endpoint &source) {
        const std::string contact = "Contact: <sip:bob@" + sockets_.address(0) + ">\r\n";
        switch (request.method()) {
        case Method::invite:
            ++invited;
            ringing_[std::string(request.call_id())] = request;
            if (refuses != 0) return answer(request, source, refuses);
            return answer(request, source, only_rings ? 180 : 200, contact);
        case Method::cancel:
            ++cancelled;
            answer(request, source, 200);
            answer(ringing_[std::string(request.call_id())], source, 487);
            return on_cancelled();
        case Method::ack: return;
        case Method::bye: ++hung_up; return answer(request, source, 200);
        default: return answer(request, source, 200);
        }
    }
    void answer(const Message &request, const Endpoint &source, std::uint16_t status, const std::string &extra = {}) {
        std::string out;
        write_response(out, request, status, {}, "callee", extra);
        sockets_.send(0, source, out);
    }

    Sockets sockets_;
    std::map<std::string, Message> ringing_; // by Call-ID
};

// Places calls from many ports; goes on with each from another port than it began at.
class Caller {
public:
    Caller(Loop &loop, const Endpoint &server, std::size_t sockets = 16)
        : server_(server), sockets_(loop, sockets, [this](std::size_t, const Message &message, const Endpoint &source) {
              message.is_request() ? take(message, source) : hear(message);
          }) {}

    void invite(std::size_t call) { sockets_.send(call % sockets_.size(), server_, request("INVITE", call, 1)); }

    // With a Call-ID of its own, so that it comes to any worker: a CANCEL is known by its branch alone.
    void cancel(std::size_t call) {
        std::string bytes = request("CANCEL", call, 1);
        bytes.replace(bytes.find("Call-ID: call-"), 14, "Call-ID: elsewhere-");
        sockets_.send(call % sockets_.size(), server_, bytes);
    }
    void hang_up(std::size_t call) {
        sockets_.send(elsewhere(call), server_, request("BYE", call, 2, calls_[call].to_tag));
    }

    std::size_t count(std::uint16_t status) const { // of final answers to INVITEs
        std::size_t found = 0;
        for (const auto &[call, state] : calls_) found += state.status == status ? 1 : 0;
        return found;
    }

    bool acknowledges_refusals = true;
    std::function<void(std::size_t call, std::uint16_t status)> on_final = [](auto, auto) {};
    std::function<void(std::size_t call)> on_repeated = [](auto) {}; // its final answer
    std::function<void(std::size_t call)> on_ringing = [](auto) {};
    std::function<void(std::size_t call)> on_hung_up = [](auto) {};
    std::function<void(std::uint16_t status)> on_cancel_answered = [](auto) {};

private:
    struct State {
        std::uint16_t status = 0;
        std::string to_tag;
    };

    std::size_t elsewhere(std::size_t call) const { return (call + 1) % sockets_.size(); }

    std::string request(std::string_view method, std::size_t call, std::uint32_t cseq,
                        const std::string &to_tag = {}) const {
        const std::string id = std::to_string(call);
        std::string out;
        Writer writer(out);
        writer.request_line(method, "sip:bob@" + server_.to_string())
            .via(Transport::udp, sockets_.address(call % sockets_.size()),
                 "z9hG4bK" + id + (method == "ACK" && !to_tag.empty() ? "ack" : "") + std::to_string(cseq))
            .header("Max-Forwards", 70)
            .party("From", {}, "sip:alice@127.0.0.1", "from" + id)
            .party("To", {}, "sip:bob@127.0.0.1", to_tag)
            .header("Call-ID", "call-" + id)
            .cseq(cseq, method)
            .header("Contact", "<sip:alice@" + sockets_.address(call % sockets_.size()) + ">")
            .body();
        return out;
    }

    void take(const Message &request, const Endpoint &source) {
        std::string out;
        write_response(out, request, 200, {}, {});
        sockets_.send(0, source, out);
    }

    void hear(const Message &response) {
        const std::uint16_t status = response.status();
        if (response.method() == Method::cancel) return on_cancel_answered(status);
        const std::size_t call = std::stoul(std::string(response.call_id().substr(5)));
        if (status == 180) on_ringing(call);
        if (status < 200) return;
        if (response.method() == Method::bye) return on_hung_up(call);
        State &state = calls_[call];
        const bool is_first = state.status == 0;
        state = {status, std::string(response.to_tag())};
        if (status < 300) {
            sockets_.send(elsewhere(call), server_, request("ACK", call, 1, state.to_tag));
        } else if (acknowledges_refusals) {
            sockets_.send(call % sockets_.size(), server_, acknowledge(response, call));
        }
        is_first ? on_final(call, status) : on_repeated(call);
    }

    // Of a refusal: by the INVITE's branch (RFC 3261 section 17.1.1.3).
    std::string acknowledge(const Message &response, std::size_t call) const {
        std::string out = request("ACK", call, 1, std::string(response.to_tag()));
        return out.replace(out.find("ack1"), 4, "1");
    }

    Endpoint server_;
    Sockets sockets_;
    std::map<std::size_t, State> calls_;
};

} // namespace tandem::test
