// One connection of an HttpServer: requests one after the other, and then perhaps a WebSocket. It reads only what it
// can use now: whoever sends more waits in the kernel. Its sources: http_connection (reading, writing, time, the end),
// http_exchange (a request and its response), web_socket_connection.
#pragma once
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include "net/descriptor.hpp"
#include "net/http/http_parser.hpp"
#include "net/http/http_server.hpp"
#include "net/http/web_socket_frame.hpp"
#include "net/readable.hpp"
#include "net/stream_channel.hpp"

namespace tandem {

enum class HttpPhase : std::uint8_t {
    handshaking, // TLS
    idle,        // between two requests
    reading,     // a request, from its first byte to its last; also the wait for the first request
    handling,    // until the handler replies
    writing,     // the response
    lingering,   // it is written, and nothing more is taken: what still comes is thrown away until the peer closes
    web_socket,
    closing, // a WebSocket: our close frame is under way, or that of the peer waited for
    closed,
};

class HttpConnection final : public Reader, public WebSocket, public std::enable_shared_from_this<HttpConnection> {
public:
    HttpConnection(HttpServer::Impl &server, OwnedDescriptor fd, std::unique_ptr<StreamChannel> channel,
                   const Endpoint &peer, Instant now);

    AsioError watch();
    void begin();
    void advance(); // as far as it goes now
    void shut_down();
    void end(WebSocketClose code = WebSocketClose::abnormal); // closes; the session hears of it
    void abandon();                                           // closes; nobody does

    bool is_waiting() const { return place_.has_value(); } // for a request: it may be displaced
    const Endpoint &peer() const override { return peer_; }

    WebSocketSend send(std::string_view text) override;
    WebSocketSend offer(std::string_view text) override;
    void close(WebSocketClose code, std::string_view reason) override;
    std::size_t queued_bytes() const override { return out_.size() - written_; }

private:
    void on_readable() override { advance(); }
    void on_writable() override { advance(); }
    void advance_later(); // in a turn of its own

    // http_connection.cpp
    bool step(); // false: nothing more for now
    bool shake_hands();
    bool read_more(); // false: nothing came
    bool throw_away_input();
    bool flush(); // false: something still waits
    void drop_written();
    bool is_lost(const ChannelResult &result); // or else waits for what it needs
    template <class Write>
    void append(Write write) { // to what is to be written
        const std::size_t before = out_.size();
        if (before == written_) start_writing();
        write(out_);
        count_written(out_.size() - before);
    }
    void start_writing();
    void count_written(std::size_t size);
    void enter(HttpPhase phase);
    void set_waiting(bool is_waiting);
    bool close_all();
    void arm();
    Instant deadline() const;
    void on_timer();

    // http_exchange.cpp
    bool read_request();
    bool take_input(); // false: it is not complete
    bool count_body();
    void on_request_read();
    void hand_over(HttpRequest request);
    void on_reply(std::uint64_t number, HttpResponse response);
    void refuse(const HttpResponse &response); // and ends the connection
    void respond(const HttpResponse &response);
    void on_written();
    void release_body();

    // web_socket_connection.cpp
    void upgrade(const HttpRequest &request);
    bool serve_web_socket();
    bool take_frames();
    void on_input(const WebSocketInput &input);
    void begin_close(WebSocketClose code, std::string_view reason);
    bool end_web_socket();
    bool tell_room();
    Instant web_socket_deadline() const;
    void on_web_socket_timer(Instant now);

    HttpServer::Impl &server_; // closes us before it goes
    OwnedDescriptor fd_;
    Readable readable_; // after fd_: it goes first
    std::unique_ptr<StreamChannel> channel_;
    const Endpoint peer_;
    asio::steady_timer timer_;
    Instant armed_ = never;

    HttpPhase phase_ = HttpPhase::handshaking;
    Instant since_; // when that began
    bool is_advancing_ = false;
    bool is_turn_posted_ = false;
    bool is_shutting_down_ = false;
    std::optional<std::list<HttpConnection *>::iterator> place_; // in the server's list of those that wait

    std::string in_;  // no WebSocket's
    std::string out_; // from written_ on
    std::size_t written_ = 0;
    Instant progress_; // of writing

    std::optional<HttpParser> parser_;
    Instant header_read_ = never;  // of the request that is being read
    std::size_t body_counted_ = 0; // in the server's sum
    std::uint64_t number_ = 0;     // of the request
    std::optional<HttpResponse> reply_;
    bool is_head_ = false;
    bool keeps_alive_ = true;

    std::unique_ptr<WebSocketSession> session_;
    std::optional<WebSocketReader> reader_; // none: what comes is thrown away
    std::optional<std::string> pong_;       // the payload of the only one that is owed
    WebSocketClose close_code_ = WebSocketClose::abnormal;
    bool has_peer_closed_ = false;
    bool is_shut_ = false; // nothing is written any more
    bool wants_room_ = false;
    Instant heard_;                 // the last byte came
    Instant pinged_;                // the last ping went
    Instant message_begun_ = never; // never: none has
};

} // namespace tandem
