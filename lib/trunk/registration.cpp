#include "trunk/registration.hpp"
#include <algorithm>
#include <utility>
#include "base/text.hpp"
#include "base/token.hpp"
#include "sip/writer.hpp"
#include "trunk/digest_headers.hpp"
#include "trunk/register_response.hpp"
#include "trunk/registration_timing.hpp"

namespace tandem {
namespace {

using std::chrono::seconds;

constexpr std::uint8_t brief_max = 2; // 423s of a round that are obeyed
constexpr Duration leave_wait = seconds(5);
constexpr std::size_t reason_size_max = 128;
constexpr std::string_view no_answer = "No Answer";

std::unique_ptr<DigestClient> make_client(const RegistrationOptions &options, Random &random) {
    return options.account ? std::make_unique<DigestClient>(*options.account, random) : nullptr;
}

bool is_same(const std::shared_ptr<const Account> &a, const std::shared_ptr<const Account> &b) {
    return a && b ? *a == *b : a == b;
}

std::string contact_of(const RegistrationOptions &options, const Endpoint &to, std::string_view sent_by) {
    std::string out = is_sips(options.registrar) ? "sips:" : "sip:";
    if (!options.user.empty()) out.append(options.user).append("@");
    out.append(sent_by);
    if (to.transport != Transport::udp && !is_sips(options.registrar)) {
        out.append(";transport=").append(uri_name(to.transport));
    }
    return out;
}

} // namespace

bool operator==(const RegistrationOptions &a, const RegistrationOptions &b) {
    return a.registrar == b.registrar && a.aor == b.aor && a.user == b.user && is_same(a.account, b.account) &&
           a.expires == b.expires && a.retry == b.retry;
}

std::string_view to_string(RegistrationState state) {
    switch (state) {
    case RegistrationState::off: return "off";
    case RegistrationState::trying: return "trying";
    case RegistrationState::registered: return "registered";
    case RegistrationState::failed: return "failed";
    }
    return "off";
}

Registration::Registration(RegistrationOptions options, Random &random)
    : options_(std::move(options)), random_(random), client_(make_client(options_, random)),
      call_id_(make_token(random)), from_tag_(make_token(random)), expires_(options_.expires) {}

void Registration::start(Instant now) {
    if (phase_ == Phase::idle) begin_round(now);
}

void Registration::begin_round(Instant now) {
    expire(now);
    phase_ = Phase::resolving;
    addresses_.clear();
    brief_ = 0;
    is_changed_ = false;
}

void Registration::change(RegistrationOptions options, Instant now) {
    const bool is_same_account = is_same(options.account, options_.account);
    options_ = std::move(options);
    expires_ = options_.expires;
    if (!is_same_account) client_ = make_client(options_, random_);
    if (is_leaving_ || phase_ == Phase::idle) return;
    failures_ = 0;
    if (phase_ == Phase::out) {
        is_changed_ = true;
    } else {
        begin_round(now);
    }
}

void Registration::unregister(Instant now) {
    if (is_leaving_) return;
    expire(now);
    is_leaving_ = true;
    leave_by_ = now + leave_wait;
    if (phase_ != Phase::out) leave(now);
}

// The REGISTER that takes the binding away, to whom has it.
void Registration::leave(Instant now) {
    expire(now);
    if (!registered_until_ || !served_by_) return set_over();
    addresses_.assign(1, *served_by_);
    try_address(0);
}

void Registration::set_over() {
    phase_ = Phase::over;
    registered_until_.reset();
    leave_by_.reset();
}

void Registration::expire(Instant now) {
    if (!registered_until_ || now < *registered_until_) return;
    registered_until_.reset();
    has_failed_ = true; // a refresh would have come before
    if (phase_ == Phase::out) note(408, no_answer);
}

void Registration::on_addresses(std::span<const Endpoint> addresses, Instant now) {
    if (phase_ != Phase::resolving) return;
    expire(now);
    const auto kept = addresses.first(std::min(addresses.size(), address_max));
    addresses_.assign(kept.begin(), kept.end());
    if (addresses_.empty()) {
        note(503, "No Address Of The Registrar");
        return fail_round(std::nullopt, now);
    }
    try_address(0);
}

// Each server has nonces of its own, so that none is thought to refuse what another one asked for.
void Registration::try_address(std::size_t at) {
    address_ = at;
    attempt_ = DigestAttempt();
    phase_ = Phase::ready;
}

RegistrationWish Registration::wish() const {
    if (phase_ == Phase::resolving) return RegistrationWish::look_up;
    return phase_ == Phase::ready ? RegistrationWish::send : RegistrationWish::none;
}

const Endpoint &Registration::to() const { return addresses_.at(address_); }

std::string Registration::make_request(std::string_view branch, std::string_view sent_by) {
    phase_ = Phase::out;
    ++cseq_; // also to another address: it is the same registrar (RFC 3261 section 10.2)
    ++statistics_.sent;
    if (!is_leaving_) {
        contact_ = contact_of(options_, to(), sent_by);
    } else if (served_by_) {
        contact_ = served_contact_; // whatever the configuration has become since
    }
    asked_ = is_leaving_ ? Duration::zero() : expires_;
    std::string credentials;
    if (client_) credentials = client_->authorize("REGISTER", options_.registrar, {}, attempt_);
    std::string out;
    Writer writer(out);
    writer.request_line("REGISTER", options_.registrar)
        .via(to().transport, sent_by, branch)
        .header("Max-Forwards", 70)
        .party("From", {}, options_.aor, from_tag_)
        .party("To", {}, options_.aor, {})
        .header("Call-ID", call_id_)
        .cseq(cseq_, "REGISTER")
        .header("Contact", "<" + contact_ + ">")
        .header("Expires", static_cast<std::uint64_t>(asked_ / seconds(1)))
        .lines(credentials)
        .body();
    return out;
}

void Registration::on_response(const Message &response, Instant now) {
    if (phase_ != Phase::out || response.cseq() != cseq_ || response.call_id() != call_id_) {
        ++statistics_.late;
        return;
    }
    const std::uint16_t status = response.status();
    if (status < 200) return;
    expire(now);
    note(status, response.reason_phrase());
    if (status == 401 || status == 407) return on_challenge(response, now);
    if (is_leaving_ && asked_ == Duration::zero()) return set_over(); // nobody waits for more
    if (status < 300) return on_success(response, now);
    if (status == 423) return on_too_brief(response, now);
    on_refusal(response, now);
}

void Registration::on_success(const Message &response, Instant now) {
    if (client_) take_next_nonces(response, *client_);
    const auto contact = Uri::parse(contact_);
    const auto granted = contact ? granted_life(response, *contact, asked_) : std::nullopt;
    if (!granted || *granted == Duration::zero()) {
        registered_until_.reset();
        note(response.status(), granted ? "Our Contact Expires At Once" : "Our Contact Is Not Listed");
        return fail_round(std::nullopt, now);
    }
    ++statistics_.accepted;
    registered_until_ = now + *granted;
    served_by_ = to();
    served_contact_ = contact_;
    failures_ = 0;
    has_failed_ = false;
    end_round(refresh_wait(*granted, random_), now);
}

void Registration::on_challenge(const Message &response, Instant now) {
    ++statistics_.challenged;
    if (is_changed_) return end_round(Duration::zero(), now); // by the new credentials
    if (client_ && take_challenges(response, *client_, attempt_) == ChallengeOutcome::retry) {
        phase_ = Phase::ready;
        return;
    }
    ++statistics_.refused;
    if (is_leaving_ && asked_ == Duration::zero()) return set_over();
    registered_until_.reset();
    fail_round(refusal_wait(random_), now);
}

// What the registrar wants at least is kept: the next refresh would be refused again.
void Registration::on_too_brief(const Message &response, Instant now) {
    ++statistics_.too_brief;
    const auto least = min_expires_of(response);
    const bool is_acceptable = least && *least > asked_ && *least <= registration_life_max;
    if (is_acceptable && brief_ < brief_max && !is_changed_ && !is_leaving_) {
        ++brief_;
        expires_ = *least;
        attempt_ = DigestAttempt(); // another request: a nonce may have served for one alone
        phase_ = Phase::ready;
        return;
    }
    registered_until_.reset();
    fail_round(std::nullopt, now);
}

void Registration::on_refusal(const Message &response, Instant now) {
    const std::uint16_t status = response.status();
    const auto retry_after = retry_after_of(response);
    // RFC 3263 section 4.3: another address of the name may do better.
    if (status == 408 || status == 503) return try_next_address(retry_after, now);
    const bool is_final = status < 500 || status >= 600;
    if (is_final) registered_until_.reset();
    fail_round(retry_after ? std::optional(retry_after_wait(*retry_after, random_)) : std::nullopt, now);
}

void Registration::on_failure(std::uint16_t status, Instant now) {
    if (phase_ != Phase::out) return;
    expire(now);
    note(status, status == 408 ? no_answer : "No Way There");
    try_next_address(std::nullopt, now);
}

void Registration::try_next_address(std::optional<Duration> retry_after, Instant now) {
    if (!is_leaving_ && !is_changed_ && address_ + 1 < addresses_.size()) return try_address(address_ + 1);
    fail_round(retry_after ? std::optional(retry_after_wait(*retry_after, random_)) : std::nullopt, now);
}

// `wait`: none, as long as so many failures mean.
void Registration::fail_round(std::optional<Duration> wait, Instant now) {
    ++statistics_.failed;
    ++failures_;
    has_failed_ = true;
    end_round(wait ? *wait : retry_wait(options_.retry, failures_, random_), now);
}

void Registration::end_round(Duration wait, Instant now) {
    if (is_leaving_) return asked_ == Duration::zero() ? set_over() : leave(now);
    if (is_changed_) return begin_round(now);
    phase_ = Phase::waiting;
    due_ = now + wait;
}

void Registration::advance(Instant now) {
    expire(now);
    if (leave_by_ && now >= *leave_by_) return set_over();
    if (phase_ == Phase::waiting && now >= due_) begin_round(now);
}

std::optional<Instant> Registration::next_deadline() const {
    std::optional<Instant> next = leave_by_;
    const auto earlier = [&next](Instant at) {
        if (!next || at < *next) next = at;
    };
    if (phase_ == Phase::waiting) earlier(due_);
    if (registered_until_) earlier(*registered_until_);
    return next;
}

RegistrationStatus Registration::status() const {
    RegistrationStatus out;
    if (phase_ == Phase::idle || phase_ == Phase::over) {
        out.state = RegistrationState::off;
    } else if (registered_until_) {
        out.state = RegistrationState::registered;
        out.expires = *registered_until_;
    } else {
        out.state = has_failed_ ? RegistrationState::failed : RegistrationState::trying;
    }
    if (phase_ == Phase::waiting) out.next = due_;
    out.status = last_status_;
    out.reason = last_reason_;
    if (registered_until_ && served_by_) {
        out.registrar = *served_by_;
    } else if (address_ < addresses_.size()) {
        out.registrar = to();
    }
    out.failures = failures_;
    return out;
}

// The phrase of a stranger: goes to logs and tables.
void Registration::note(std::uint16_t status, std::string_view reason) {
    last_status_ = status;
    reason = reason.substr(0, reason_size_max);
    last_reason_ = has_control_bytes(reason) || !is_utf8(reason) ? std::string() : std::string(reason);
}

} // namespace tandem
