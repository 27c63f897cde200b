#include "net/http/http_client.hpp"
#include <algorithm>
#include <curl/curl.h>
#include <deque>
#include <fmt/format.h>
#include <map>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <utility>
#include "base/assert.hpp"
#include "net/http/curl_sockets.hpp"
#include "net/loop_impl.hpp"
#include "net/openssl_error.hpp"
#include "net/system_clock.hpp"

namespace tandem {
namespace {

struct FreeEasy {
    void operator()(CURL *easy) const { curl_easy_cleanup(easy); }
};
struct FreeList {
    void operator()(curl_slist *list) const { curl_slist_free_all(list); }
};
struct FreeMulti {
    void operator()(CURLM *multi) const { curl_multi_cleanup(multi); }
};
struct FreeUrl {
    void operator()(CURLU *url) const { curl_url_cleanup(url); }
};
struct FreeStore {
    void operator()(X509_STORE *store) const { X509_STORE_free(store); }
};
using EasyPointer = std::unique_ptr<CURL, FreeEasy>;
using ListPointer = std::unique_ptr<curl_slist, FreeList>;

// Nothing that libcurl says of a failure has a URL in it, so no secret.
std::string detail_of(CURLcode code, const char *text) { return *text ? text : curl_easy_strerror(code); }

ListPointer list_of(const std::vector<std::string> &headers) {
    ListPointer list;
    const auto append = [&](const char *line) {
        curl_slist *longer = curl_slist_append(list.get(), line);
        if (!longer) throw std::bad_alloc();
        static_cast<void>(list.release());
        list.reset(longer);
    };
    append("Expect:"); // a body goes with its head, however large it is
    for (const std::string &header : headers) append(header.c_str());
    return list;
}

Result<void, Failure> check_trust(const std::string &file) {
    if (file.empty()) return {};
    ERR_clear_error();
    const std::unique_ptr<X509_STORE, FreeStore> store(X509_STORE_new());
    if (store && X509_STORE_load_file(store.get(), file.c_str()) == 1) return {};
    return Failure{Error::io, fmt::format("\"{}\": {}", file, take_openssl_error())};
}

std::unique_ptr<CURLU, FreeUrl> parse_url(const std::string &url) {
    std::unique_ptr<CURLU, FreeUrl> parsed(curl_url());
    const bool is_one = parsed && curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) == CURLUE_OK;
    return is_one ? std::move(parsed) : nullptr;
}

} // namespace

struct HttpClient::Impl final : std::enable_shared_from_this<Impl> {
    struct Transfer {
        HttpRequestId id;
        HttpPost request;
        Done done;
        EasyPointer easy; // none: it waits for a connection
        ListPointer headers;
        asio::steady_timer timer;
        HttpAnswer answer;
        std::size_t header_size = 0;
        std::size_t body_max = 0;
        std::size_t header_max = 0;
        bool is_too_large = false;
        char detail[CURL_ERROR_SIZE] = {};
    };
    using Transfers = std::map<HttpRequestId, std::unique_ptr<Transfer>>;

    Impl(Loop &loop, const HttpClientOptions &given) : options(given), io(loop.impl().io) {}

    Result<void, Failure> open();
    void close();
    EasyPointer make_easy();
    void start(Transfer &transfer);
    void start_waiting();
    std::unique_ptr<Transfer> take(Transfers::iterator at);
    void collect();
    void finish(CURL *easy, CURLcode code);
    void expire(HttpRequestId id);
    static HttpError error_of(const Transfer &transfer, CURLcode code);
    static std::size_t on_body(char *data, std::size_t size, std::size_t count, void *user);
    static std::size_t on_header(char *data, std::size_t size, std::size_t count, void *user);

    const HttpClientOptions options;
    asio::io_context &io;
    std::shared_ptr<CurlSockets> sockets;
    std::unique_ptr<CURLM, FreeMulti> multi; // none: it is closed
    Transfers transfers;
    std::deque<HttpRequestId> waiting; // for a connection, oldest first; with some that are over
    std::size_t running = 0;
    std::vector<EasyPointer> idle; // handles that are ready to be used
    std::uint64_t last_id = 0;
    HttpClientStatistics statistics;
};

Result<void, Failure> HttpClient::Impl::open() {
    static const CURLcode is_ready = curl_global_init(CURL_GLOBAL_ALL); // once in the process, as it has to be
    if (is_ready != CURLE_OK) return Failure{Error::io, fmt::format("HTTP: {}", curl_easy_strerror(is_ready))};
    if (auto trusted = check_trust(options.ca_file); !trusted) return trusted;
    // A name that is slow to find would hold up every call; without its own thread libcurl waits for it.
    const curl_version_info_data *version = curl_version_info(CURLVERSION_NOW);
    if ((version->features & CURL_VERSION_ASYNCHDNS) == 0) {
        return Failure{Error::io, "HTTP: this libcurl looks names up without a thread, and would stop the loop"};
    }
    multi.reset(curl_multi_init());
    if (!multi) throw std::bad_alloc();
    const auto most = static_cast<long>(options.connection_max);
    curl_multi_setopt(multi.get(), CURLMOPT_MAXCONNECTS, most);
    curl_multi_setopt(multi.get(), CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_NOTHING));
    sockets = std::make_shared<CurlSockets>(io, [this] { collect(); });
    sockets->attach(multi.get());
    return {};
}

void HttpClient::Impl::close() {
    for (auto &[id, transfer] : transfers) {
        if (transfer->easy) curl_multi_remove_handle(multi.get(), transfer->easy.get());
    }
    transfers.clear();
    waiting.clear();
    idle.clear();
    multi.reset(); // closes its connections
    if (sockets) sockets->detach();
}

// With what all requests have in common.
EasyPointer HttpClient::Impl::make_easy() {
    EasyPointer easy(curl_easy_init());
    if (!easy) throw std::bad_alloc();
    CURL *raw = easy.get();
    sockets->prepare(raw);
    curl_easy_setopt(raw, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(raw, CURLOPT_QUICK_EXIT, 1L); // an abort does not wait for the thread that looks a name up
    curl_easy_setopt(raw, CURLOPT_PROXY, "");
    curl_easy_setopt(raw, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(raw, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(raw, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    curl_easy_setopt(raw, CURLOPT_HTTP_CONTENT_DECODING, 0L);
    curl_easy_setopt(raw, CURLOPT_MAXAGE_CONN, static_cast<long>(options.idle_max / std::chrono::seconds(1)));
    curl_easy_setopt(raw, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(raw, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(raw, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(raw, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    if (!options.ca_file.empty()) {
        curl_easy_setopt(raw, CURLOPT_CAINFO, options.ca_file.c_str());
        curl_easy_setopt(raw, CURLOPT_CAPATH, nullptr); // else the system's would be trusted as well
    }
    curl_easy_setopt(raw, CURLOPT_USERAGENT, "tandem");
    curl_easy_setopt(raw, CURLOPT_POST, 1L);
    curl_easy_setopt(raw, CURLOPT_WRITEFUNCTION, &on_body);
    curl_easy_setopt(raw, CURLOPT_HEADERFUNCTION, &on_header);
    return easy;
}

void HttpClient::Impl::start(Transfer &transfer) {
    if (idle.empty()) {
        transfer.easy = make_easy();
    } else {
        transfer.easy = std::move(idle.back());
        idle.pop_back();
    }
    CURL *raw = transfer.easy.get();
    transfer.headers = list_of(transfer.request.headers);
    curl_easy_setopt(raw, CURLOPT_URL, transfer.request.url.c_str());
    curl_easy_setopt(raw, CURLOPT_POSTFIELDS, transfer.request.body.c_str());
    curl_easy_setopt(raw, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(transfer.request.body.size()));
    curl_easy_setopt(raw, CURLOPT_HTTPHEADER, transfer.headers.get());
    // The deadline is ours (expire()); libcurl would count 300 seconds where 0 is set.
    const auto connect = transfer.request.connect_timeout.count() > 0
                             ? transfer.request.connect_timeout
                             : transfer.request.deadline - SystemClock::now() + std::chrono::seconds(1);
    curl_easy_setopt(raw, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(std::max<std::int64_t>(to_ms(connect), 1)));
    curl_easy_setopt(raw, CURLOPT_WRITEDATA, &transfer);
    curl_easy_setopt(raw, CURLOPT_HEADERDATA, &transfer);
    curl_easy_setopt(raw, CURLOPT_PRIVATE, &transfer);
    curl_easy_setopt(raw, CURLOPT_ERRORBUFFER, transfer.detail);
    ++running;
    curl_multi_add_handle(multi.get(), raw); // it begins with the next turn
}

void HttpClient::Impl::start_waiting() {
    while (running < options.connection_max && !waiting.empty()) {
        const auto next = transfers.find(waiting.front());
        waiting.pop_front();
        if (next != transfers.end()) start(*next->second);
    }
}

// Out of the table and out of libcurl; its handle is kept for another one.
std::unique_ptr<HttpClient::Impl::Transfer> HttpClient::Impl::take(Transfers::iterator at) {
    std::unique_ptr<Transfer> transfer = std::move(at->second);
    transfers.erase(at);
    transfer->timer.cancel();
    if (!transfer->easy) {
        std::erase(waiting, transfer->id);
        return transfer;
    }
    curl_multi_remove_handle(multi.get(), transfer->easy.get());
    curl_easy_setopt(transfer->easy.get(), CURLOPT_ERRORBUFFER, nullptr);
    --running;
    if (idle.size() < options.connection_max) idle.push_back(std::move(transfer->easy));
    return transfer;
}

// What libcurl says has ended.
void HttpClient::Impl::collect() {
    const auto self = shared_from_this(); // whoever hears an answer may close the client
    int left = 0;
    while (multi) {
        const CURLMsg *message = curl_multi_info_read(multi.get(), &left);
        if (!message) break;
        if (message->msg == CURLMSG_DONE) finish(message->easy_handle, message->data.result);
    }
    if (multi) start_waiting();
}

void HttpClient::Impl::finish(CURL *easy, CURLcode code) {
    Transfer *found = nullptr;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &found);
    long status = 0;
    long connects = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &connects);
    statistics.connections += static_cast<std::uint64_t>(connects);
    found->answer.error = error_of(*found, code);
    found->answer.status = static_cast<std::uint16_t>(status);
    if (found->answer.error != HttpError::none) {
        found->answer.detail = found->is_too_large ? "the answer is too large" : detail_of(code, found->detail);
        found->answer.body.clear();
    }
    const std::unique_ptr<Transfer> transfer = take(transfers.find(found->id));
    transfer->done(std::move(transfer->answer));
}

HttpError HttpClient::Impl::error_of(const Transfer &transfer, CURLcode code) {
    if (code == CURLE_OK) return HttpError::none;
    if (transfer.is_too_large) return HttpError::too_large;
    curl_off_t sent_after_us = 0; // it is 0 until the request is about to go out
    curl_easy_getinfo(transfer.easy.get(), CURLINFO_PRETRANSFER_TIME_T, &sent_after_us);
    if (sent_after_us == 0) return HttpError::not_connected;
    return code == CURLE_OPERATION_TIMEDOUT ? HttpError::timeout : HttpError::failed;
}

void HttpClient::Impl::expire(HttpRequestId id) {
    const auto at = transfers.find(id);
    if (at == transfers.end()) return;
    const auto self = shared_from_this();
    const bool is_sent = static_cast<bool>(at->second->easy);
    const std::unique_ptr<Transfer> transfer = take(at);
    HttpAnswer answer{.error = is_sent ? HttpError::timeout : HttpError::not_sent};
    answer.detail = is_sent ? "no answer in time" : "no connection was free in time";
    transfer->done(std::move(answer));
    if (multi) start_waiting();
}

std::size_t HttpClient::Impl::on_body(char *data, std::size_t size, std::size_t count, void *user) {
    auto &transfer = *static_cast<Transfer *>(user);
    if (transfer.answer.body.size() + size * count > transfer.body_max) {
        transfer.is_too_large = true;
        return 0; // ends it
    }
    transfer.answer.body.append(data, size * count);
    return size * count;
}

std::size_t HttpClient::Impl::on_header(char *, std::size_t size, std::size_t count, void *user) {
    auto &transfer = *static_cast<Transfer *>(user);
    transfer.header_size += size * count;
    transfer.is_too_large = transfer.header_size > transfer.header_max;
    return transfer.is_too_large ? 0 : size * count;
}

bool is_http_url(const std::string &url) {
    const auto parsed = parse_url(url);
    if (!parsed) return false;
    char *scheme = nullptr;
    if (curl_url_get(parsed.get(), CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK) return false;
    const std::string name = scheme;
    curl_free(scheme);
    const std::string front = name + "://"; // libcurl would guess where it is missing, or has a slash too many
    return (name == "http" || name == "https") && url.starts_with(front) && !url.starts_with(front + "/");
}

std::string to_log_url(const std::string &url) {
    const auto parsed = parse_url(url);
    if (!parsed) return "what is no URL";
    for (const CURLUPart part : {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_QUERY, CURLUPART_FRAGMENT}) {
        curl_url_set(parsed.get(), part, nullptr, 0);
    }
    char *text = nullptr;
    if (curl_url_get(parsed.get(), CURLUPART_URL, &text, 0) != CURLUE_OK) return "what is no URL";
    std::string shown = text;
    curl_free(text);
    return shown;
}

Result<std::unique_ptr<HttpClient>, Failure> HttpClient::open(Loop &loop, const HttpClientOptions &options) {
    auto impl = std::make_shared<Impl>(loop, options);
    if (auto opened = impl->open(); !opened) return opened.error();
    return std::unique_ptr<HttpClient>(new HttpClient(std::move(impl)));
}

HttpClient::HttpClient(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

HttpClient::~HttpClient() { impl_->close(); }

HttpRequestId HttpClient::post(HttpPost request, Done done) {
    const HttpRequestId id(++impl_->last_id);
    auto transfer = std::unique_ptr<Impl::Transfer>(new Impl::Transfer{
        .id = id, .request = std::move(request), .done = std::move(done), .timer = asio::steady_timer(impl_->io)});
    transfer->body_max = impl_->options.body_max;
    transfer->header_max = impl_->options.header_max;
    const Duration left = std::max(transfer->request.deadline - SystemClock::now(), Duration::zero());
    transfer->timer.expires_after(left);
    transfer->timer.async_wait([weak = impl_->weak_from_this(), id](AsioError error) {
        const auto impl = error ? nullptr : weak.lock();
        if (impl) impl->expire(id);
    });
    impl_->transfers.emplace(id, std::move(transfer));
    impl_->waiting.push_back(id);
    ++impl_->statistics.requests;
    impl_->start_waiting();
    return id;
}

void HttpClient::abort(HttpRequestId request) {
    const auto at = impl_->transfers.find(request);
    if (at == impl_->transfers.end()) return;
    ++impl_->statistics.aborted;
    static_cast<void>(impl_->take(at));
    impl_->start_waiting();
}

std::size_t HttpClient::pending() const { return impl_->transfers.size(); }

const HttpClientStatistics &HttpClient::statistics() const { return impl_->statistics; }

} // namespace tandem
