#include "node/cdr_stream.hpp"
#include <algorithm>
#include <fmt/format.h>
#include <pthread.h>
#include <utility>
#include "net/system_clock.hpp"

namespace tandem {

CdrStream::CdrStream(const CdrStreamOptions &options, CdrSource &source, Log &log)
    : options_(options), source_(source), log_(log), retry_after_(options.retry_min) {
    exchange_->max = options_.batch;
    RedisLinkEvents events;
    events.on_connected = [this] { on_connected(SystemClock::now()); };
    events.on_lost = [this](const std::string &why) { on_lost(why, SystemClock::now()); };
    link_.emplace(loop_, options_.url, std::vector<std::string>(), std::move(events));
    loop_.on_deadline([this] { advance(SystemClock::now()); });
}

CdrStream::~CdrStream() { end(Duration::zero()); }

void CdrStream::start() {
    loop_.post([this] { advance(SystemClock::now()); });
    thread_ = std::thread([this] { run(); });
    ::pthread_setname_np(thread_.native_handle(), "cdr_stream"); // for whoever looks at the process
}

void CdrStream::run() {
    try {
        loop_.run();
    } catch (...) {
        if (options_.on_failure) options_.on_failure(std::current_exception());
    }
}

void CdrStream::wake(std::uint64_t records) {
    waiting_ += records;
    if (is_woken_.exchange(true)) return;
    loop_.post([this] {
        is_woken_ = false; // before it is looked: what comes from now on is not forgotten
        has_more_ = true;
        advance(SystemClock::now());
    });
}

void CdrStream::end(Duration patience) {
    if (!thread_.joinable()) return;
    loop_.post([this, patience] {
        const Instant now = SystemClock::now();
        end_at_ = now + patience;
        has_more_ = true;
        advance(now);
    });
    thread_.join();
}

CdrStreamStatistics CdrStream::statistics() const {
    return {sent_, resent_, waiting_, gone_ + source_.lost(), outages_};
}

void CdrStream::advance(Instant now) {
    if ((is_connecting_ || unanswered_ > 0) && now >= answer_until_) {
        link_->disconnect();
        on_lost(fmt::format("no answer within {} ms", to_ms(options_.answer_max)), now);
    }
    if (!link_->is_up() && !is_connecting_ && now >= retry_at_) {
        is_connecting_ = true;
        answer_until_ = now + options_.answer_max;
        link_->connect();
    }
    if (!is_asking_ && records_.empty() && has_more_ && (end_at_ || now >= ask_at_)) ask(now);
    arm(now);
}

void CdrStream::arm(Instant now) {
    if (end_at_ && (now >= *end_at_ || out_since_ || is_idle())) return loop_.stop();
    std::optional<Instant> next = end_at_;
    const auto earlier = [&next](Instant at) { next = next ? std::min(*next, at) : at; };
    if (is_connecting_ || unanswered_ > 0) earlier(answer_until_);
    if (!link_->is_up() && !is_connecting_) earlier(retry_at_);
    if (!is_asking_ && records_.empty() && has_more_) earlier(ask_at_);
    loop_.set_deadline(next);
}

bool CdrStream::is_idle() const { return !is_asking_ && records_.empty() && !has_more_ && exchange_->sent.empty(); }

void CdrStream::ask(Instant now) {
    is_asking_ = true;
    has_more_ = false;
    ask_at_ = now + options_.interval;
    source_.exchange(exchange_, [this](bool is_done) {
        loop_.post([this, is_done] { on_exchanged(is_done, SystemClock::now()); });
    });
}

void CdrStream::on_exchanged(bool is_done, Instant now) {
    is_asking_ = false;
    if (!is_done) { // the store fails: what was sent is said again, and nothing more is known
        has_more_ = true;
        ask_at_ = now + options_.retry_max;
        if (end_at_) end_at_ = now;
        return advance(now);
    }
    exchange_->sent.clear();
    waiting_ = exchange_->waiting;
    for (UnsentCdr &cdr : exchange_->next) records_.push_back({std::move(cdr)});
    exchange_->next.clear();
    if (records_.size() == options_.batch) ask_at_ = now; // there is more
    unanswered_ = 0;
    if (link_->is_up()) send_all(now);
    advance(now);
}

void CdrStream::send_all(Instant now) {
    answer_until_ = now + options_.answer_max;
    unanswered_ = static_cast<std::size_t>(
        std::count_if(records_.begin(), records_.end(), [](const Record &record) { return !record.is_done; }));
    for (std::size_t i = 0; i < records_.size(); ++i) {
        if (records_[i].is_done) continue;
        if (!records_[i].cdr.json.empty()) {
            send(i);
            continue;
        }
        ++gone_;
        settle(i, now);
        if (records_.empty()) return; // that was the last
    }
}

void CdrStream::send(std::size_t index) {
    Record &record = records_[index];
    if (std::exchange(record.was_sent, true)) ++resent_;
    link_->send(options_.key,
                {"XADD", options_.key, "MAXLEN", "~", std::to_string(options_.length_max), "*", "id", record.cdr.id,
                 "cdr", record.cdr.json},
                [this, index](const RedisValue &answer) { on_added(index, answer, SystemClock::now()); });
}

void CdrStream::on_added(std::size_t index, const RedisValue &answer, Instant now) {
    if (answer.kind != RedisValue::Kind::text) {
        link_->disconnect();
        on_lost(answer.is_error() ? printable(answer.text) : "it does not answer as it should", now);
        return;
    }
    ++sent_;
    note_back(now);
    answer_until_ = now + options_.answer_max;
    settle(index, now);
    if (records_.empty()) advance(now);
}

// One record less to be sent. After the last the source hears of all.
void CdrStream::settle(std::size_t index, Instant now) {
    records_[index].is_done = true;
    if (waiting_ > 0) --waiting_;
    if (--unanswered_ > 0) return;
    for (Record &record : records_) exchange_->sent.push_back(std::move(record.cdr));
    records_.clear();
    has_more_ = true;
    ask_at_ = std::min(ask_at_, now + options_.interval);
}

void CdrStream::on_connected(Instant now) {
    is_connecting_ = false;
    if (records_.empty()) {
        note_back(now);
    } else {
        send_all(now);
    }
    advance(now);
}

void CdrStream::on_lost(const std::string &why, Instant now) {
    is_connecting_ = false;
    unanswered_ = 0;
    retry_at_ = now + retry_after_;
    retry_after_ = std::min(retry_after_ * 2, options_.retry_max);
    if (!out_since_) {
        out_since_ = now;
        ++outages_;
        log_.error(fmt::format("redis: {}; records of calls wait for the stream \"{}\"", why, options_.key));
    }
    advance(now);
}

void CdrStream::note_back(Instant now) {
    retry_after_ = options_.retry_min;
    if (!out_since_) return;
    log_.warn(fmt::format("redis: the stream \"{}\" goes on after {} ms; {} records wait for it, {} were lost",
                          options_.key, to_ms(now - *out_since_), waiting_.load(), statistics().lost));
    out_since_.reset();
}

} // namespace tandem
