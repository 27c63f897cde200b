#include "registrar/registrar.hpp"
#include <algorithm>
#include <mutex>
#include <utility>
#include "base/brief_mutex.hpp"
#include "base/ring_queue.hpp"
#include "base/text.hpp"
#include "registrar/address_of_record.hpp"
#include "registrar/binding_table.hpp"
#include "registrar/binding_targets.hpp"
#include "registrar/register_request.hpp"
#include "sip/uri_equality.hpp"

namespace tandem {
namespace {

using std::chrono::seconds;

constexpr std::uint32_t contacts_cap = 32;       // so that a 200 stays far below the greatest message
constexpr std::size_t user_agent_size_max = 128; // bytes that are kept
constexpr std::string_view supported_line = "Supported: path, outbound\r\n";

std::int64_t seconds_of(Duration span) { return (span + seconds(1) - Duration(1)) / seconds(1); }

bool is_same_instance(const BindingRecord &binding, const Contact &contact) {
    return !contact.instance.empty() && binding.instance == contact.instance && binding.reg_id == contact.reg_id;
}

// A phone with an instance is known by it and by the flow, whatever its address becomes (RFC 5626 section 6); any other
// by its Contact.
bool is_same_phone(const BindingRecord &binding, const Contact &contact) {
    if (!binding.instance.empty() && !contact.instance.empty()) return is_same_instance(binding, contact);
    const auto uri = Uri::parse(binding.contact);
    return uri && is_same_uri(*uri, contact.uri);
}

// The one that a Contact refreshes. First its instance's own: an older one without an instance may have its URI.
BindingTable::Bindings::iterator find_phone(BindingTable::Bindings &bindings, const Contact &contact) {
    const auto own = std::find_if(bindings.begin(), bindings.end(),
                                  [&](const BindingRecord &binding) { return is_same_instance(binding, contact); });
    if (own != bindings.end()) return own;
    return std::find_if(bindings.begin(), bindings.end(),
                        [&](const BindingRecord &binding) { return is_same_phone(binding, contact); });
}

std::string contact_lines(const std::vector<BindingRecord> &bindings, Instant now) {
    std::string out;
    for (const BindingRecord &binding : bindings) {
        if (binding.expires <= now) continue;
        out += "Contact: <" + binding.contact + ">;expires=" + std::to_string(seconds_of(binding.expires - now));
        if (binding.q != 1000) {
            const std::string digits = std::to_string(1000 + binding.q);
            out += ";q=0." + digits.substr(1);
        }
        if (!binding.instance.empty()) out += ";+sip.instance=\"" + binding.instance + "\"";
        if (binding.reg_id != 0) out += ";reg-id=" + std::to_string(binding.reg_id);
        out += "\r\n";
    }
    return out;
}

// The tags of Require that we do not know, for the line that says so (RFC 3261 section 8.2.2.3); Error::invalid for
// what is no tag and cannot be said again.
Result<std::string> unknown_tags(const Message &request) {
    std::string tags;
    const std::string required = request.values(Header::require);
    for (const std::string_view tag : split_values(required)) {
        if (!is_token(tag)) return Error::invalid;
        const bool is_known = equals_ignoring_case(tag, "path") || equals_ignoring_case(tag, "outbound");
        if (!is_known) tags.append(tags.empty() ? "" : ", ").append(tag);
    }
    return tags;
}

} // namespace

class Registrar::Impl {
public:
    Impl(const RegistrarOptions &options, DigestServer &digest, Random &random)
        : table_(random), digest_(digest), random_(random) {
        change(options);
    }

    void change(const RegistrarOptions &options) {
        auto changed = std::make_shared<RegistrarOptions>(options);
        changed->contacts_max = std::clamp(changed->contacts_max, 1U, contacts_cap);
        const std::lock_guard lock(mutex_);
        options_ = std::move(changed);
    }

    std::shared_ptr<const RegistrarOptions> options() const {
        const std::lock_guard lock(mutex_);
        return options_;
    }

    bool is_ours(std::string_view aor) const {
        const auto given = options();
        return std::find(given->domains.begin(), given->domains.end(), aor_host(aor)) != given->domains.end();
    }
    bool has_user(std::string_view aor) const { return is_ours(aor) && digest_.has_user(aor_user(aor)); }

    RegisterAnswer check(const Message &request, Instant now);
    RegisterAnswer apply(const Message &request, const Endpoint &source, Instant arrived, Instant now);
    void load(BindingRecord record, Instant now);
    void end(BindingRecord record, BindingEventKind kind);
    void emit(BindingEvent event);

    mutable BriefMutex mutex_;
    RegistrarStatistics statistics_;   // guarded by mutex_
    BindingTable table_;               // guarded by mutex_
    RingQueue<BindingEvent> events_;   // guarded by mutex_
    RingQueue<BindingRecord> changes_; // guarded by mutex_

private:
    using Count = std::uint64_t RegistrarStatistics::*;

    RegisterAnswer refuse(std::uint16_t status, Count count, std::string reason = {}, std::string headers = {}) {
        const std::lock_guard lock(mutex_);
        return refuse_locked(status, count, std::move(reason), std::move(headers));
    }
    RegisterAnswer refuse_locked(std::uint16_t status, Count count, std::string reason = {}, std::string headers = {}) {
        ++(statistics_.*count);
        RegisterAnswer answer;
        answer.status = status;
        answer.reason = std::move(reason);
        answer.headers = std::move(headers);
        return answer;
    }
    std::optional<RegisterAnswer> check_user(const Message &request, std::string_view aor, Instant now);
    RegisterAnswer refuse_defect(RegisterDefect defect);
    RegisterAnswer apply(const RegisterRequest &wanted, const BindingRecord &form, const RegistrarOptions &options,
                         Instant now);
    static bool is_stale(const BindingRecord &binding, const BindingRecord &form) {
        return binding.call_id == form.call_id && form.cseq <= binding.cseq;
    }
    void remove(BindingTable::Bindings &bindings, std::size_t at, const BindingRecord &form, RegisterAnswer &answer,
                std::vector<BindingEvent> &events) const;
    void put(BindingTable::Bindings &bindings, const Contact &contact, const BindingRecord &form, Instant expires,
             RegisterAnswer &answer, std::vector<BindingEvent> &events);

    DigestServer &digest_;
    Random &random_;                                  // guarded by mutex_
    std::shared_ptr<const RegistrarOptions> options_; // guarded by mutex_; what it points to is constant
};

// Step 3 and 4 of the section: who it is, and whether he may.
std::optional<RegisterAnswer> Registrar::Impl::check_user(const Message &request, std::string_view aor, Instant now) {
    const AuthResult result =
        digest_.check(request.lines(Header::authorization), "REGISTER", request.request_uri(), request.body(), now);
    const auto suspect = [](RegisterAnswer answer) {
        answer.is_suspect = true;
        return answer;
    };
    using S = RegistrarStatistics;
    switch (result.verdict) {
    case AuthVerdict::none: return refuse(401, &S::challenged, {}, digest_.challenge(false, false, now));
    case AuthVerdict::stale:
    case AuthVerdict::replayed: return refuse(401, &S::challenged, {}, digest_.challenge(false, true, now));
    case AuthVerdict::wrong: return suspect(refuse(401, &S::wrong, {}, digest_.challenge(false, false, now)));
    case AuthVerdict::malformed: return suspect(refuse(400, &S::malformed, "Bad Credentials"));
    case AuthVerdict::ok: break;
    }
    if (result.user != aor_user(aor)) return suspect(refuse(403, &S::forbidden, "To Is Not Yours"));
    return std::nullopt;
}

RegisterAnswer Registrar::Impl::check(const Message &request, Instant now) {
    using S = RegistrarStatistics;
    const auto aor = address_of_record(request.to_uri());
    if (!aor || !is_ours(*aor)) return refuse(403, &S::forbidden, "Not Our Domain");
    if (!digest_.has_users()) return refuse(403, &S::forbidden);
    if (request.has(Header::require)) {
        const auto tags = unknown_tags(request);
        if (!tags) return refuse(400, &S::malformed, "Bad Require");
        if (!tags->empty()) return refuse(420, &S::malformed, {}, "Unsupported: " + *tags + "\r\n");
    }
    if (auto refused = check_user(request, *aor, now)) return std::move(*refused);
    return {};
}

RegisterAnswer Registrar::Impl::refuse_defect(RegisterDefect defect) {
    using S = RegistrarStatistics;
    switch (defect) {
    case RegisterDefect::contact: break;
    case RegisterDefect::too_many_contacts: return refuse(403, &S::full, "Too Many Contacts");
    case RegisterDefect::path: return refuse(400, &S::malformed, "Bad Path");
    case RegisterDefect::first_hop: return refuse(439, &S::malformed, "First Hop Lacks Outbound Support");
    }
    return refuse(400, &S::malformed, "Bad Contact");
}

RegisterAnswer Registrar::Impl::apply(const Message &request, const Endpoint &source, Instant arrived, Instant now) {
    using S = RegistrarStatistics;
    const auto aor = address_of_record(request.to_uri());
    if (!aor) return refuse(403, &S::forbidden, "Not Our Domain");
    const auto given = options();
    const auto wanted =
        read_register(request, 2 * std::size_t{given->contacts_max}, // a phone may move all of them at once
                      static_cast<std::uint32_t>(seconds_of(given->default_expires)));
    if (!wanted) return refuse_defect(wanted.error());
    const auto is_brief = [&](const Contact &contact) {
        return *contact.expires > 0 && seconds(*contact.expires) < given->min_expires;
    };
    if (std::any_of(wanted->contacts.begin(), wanted->contacts.end(), is_brief)) {
        return refuse(423, &S::malformed, {},
                      "Min-Expires: " + std::to_string(seconds_of(given->min_expires)) + "\r\n");
    }
    BindingRecord form; // what all bindings of this request have in common
    form.aor = *aor;
    form.call_id = request.call_id();
    form.cseq = request.cseq();
    const std::string_view agent = request.value(Header::user_agent).substr(0, user_agent_size_max);
    if (is_header_safe(agent)) form.user_agent = agent;
    form.flow = source;
    form.path = wanted->path;
    form.is_direct = request.via_count() == 1 && form.path.empty();
    form.registered = arrived;
    const std::lock_guard lock(mutex_);
    return apply(*wanted, form, *given, now);
}

void Registrar::Impl::remove(BindingTable::Bindings &bindings, std::size_t at, const BindingRecord &form,
                             RegisterAnswer &answer, std::vector<BindingEvent> &events) const {
    BindingRecord gone = std::move(bindings[at]);
    bindings.erase(bindings.begin() + static_cast<std::ptrdiff_t>(at));
    ++gone.version;
    gone.is_over = true;
    gone.call_id = form.call_id;
    gone.cseq = form.cseq;
    events.push_back({BindingEventKind::removed, gone});
    answer.changes.push_back(std::move(gone));
}

void Registrar::Impl::put(BindingTable::Bindings &bindings, const Contact &contact, const BindingRecord &form,
                          Instant expires, RegisterAnswer &answer, std::vector<BindingEvent> &events) {
    const auto old = find_phone(bindings, contact);
    BindingRecord record = form;
    record.contact = contact.text;
    record.instance = contact.instance;
    record.reg_id = contact.reg_id;
    record.q = contact.q;
    record.expires = expires;
    if (old != bindings.end()) {
        record.id = old->id;
        record.version = old->version + 1;
        *old = record;
    } else {
        while (record.id == 0) record.id = random_.next() >> 1;
        record.version = 1;
        bindings.push_back(record);
    }
    const auto kind = record.version == 1 ? BindingEventKind::added : BindingEventKind::refreshed;
    events.push_back({kind, record});
    answer.changes.push_back(std::move(record));
}

// Steps 6 to 8 on a copy, so that all of it happens or nothing. With the mutex held.
RegisterAnswer Registrar::Impl::apply(const RegisterRequest &wanted, const BindingRecord &form,
                                      const RegistrarOptions &options, Instant now) {
    using S = RegistrarStatistics;
    table_.expire(now, [&](BindingRecord record) { end(std::move(record), BindingEventKind::expired); });
    BindingTable::Bindings bindings = table_.of(form.aor);
    const std::size_t before = bindings.size();
    for (const BindingRecord &binding : bindings) {
        const bool is_meant = wanted.is_all || std::any_of(wanted.contacts.begin(), wanted.contacts.end(),
                                                           [&](const Contact &c) { return is_same_phone(binding, c); });
        if (is_meant && is_stale(binding, form)) return refuse_locked(500, &S::stale_cseq, "CSeq Too Low");
    }
    RegisterAnswer answer;
    std::vector<BindingEvent> events;
    // Removals first: phones send the old address with zero and the new one in one request.
    for (std::size_t i = bindings.size(); i-- > 0;) {
        const bool is_removed =
            wanted.is_all || std::any_of(wanted.contacts.begin(), wanted.contacts.end(), [&](const Contact &contact) {
                return *contact.expires == 0 && is_same_phone(bindings[i], contact);
            });
        if (is_removed) remove(bindings, i, form, answer, events);
    }
    for (const Contact &contact : wanted.contacts) {
        if (*contact.expires == 0) continue;
        const Duration span = std::min<Duration>(seconds(*contact.expires), options.max_expires);
        put(bindings, contact, form, now + span, answer, events);
    }
    if (bindings.size() > options.contacts_max && bindings.size() > before) {
        return refuse_locked(403, &S::full, "Too Many Contacts");
    }
    if (bindings.size() > before && table_.size() - before + bindings.size() > options.binding_max) {
        return refuse_locked(503, &S::full, {}, "Retry-After: 60\r\n");
    }
    answer.status = 200;
    answer.headers = contact_lines(bindings, now);
    if (!form.path.empty()) answer.headers += "Path: " + form.path + "\r\n";
    if (wanted.is_outbound) answer.headers += "Require: outbound\r\n";
    answer.headers += supported_line;
    // The last that may fail, so that a binding which is changed is told.
    events_.make_room(events.size());
    if (!answer.changes.empty()) table_.replace(form.aor, bindings);
    for (BindingEvent &event : events) emit(std::move(event));
    ++statistics_.accepted;
    return answer;
}

void Registrar::Impl::emit(BindingEvent event) {
    switch (event.kind) {
    case BindingEventKind::added: ++statistics_.added; break;
    case BindingEventKind::refreshed: ++statistics_.refreshed; break;
    case BindingEventKind::removed: ++statistics_.removed; break;
    case BindingEventKind::expired: ++statistics_.expired; break;
    case BindingEventKind::lost: ++statistics_.lost; break;
    }
    if (options_->event_max == 0) return;
    if (events_.size() >= options_->event_max) {
        ++statistics_.events_lost;
        return;
    }
    events_.push(std::move(event));
}

// With the mutex held.
void Registrar::Impl::end(BindingRecord record, BindingEventKind kind) {
    record.is_over = true;
    ++record.version;
    emit({kind, record});
    if (changes_.size() >= options_->change_max) {
        ++statistics_.changes_lost;
        return;
    }
    changes_.push(std::move(record));
}

void Registrar::Impl::load(BindingRecord record, Instant now) {
    if (record.is_over) return;
    const bool is_removed = !has_user(record.aor);
    const bool is_lost = is_connected(record) && record.reg_id != 0;
    if (is_connected(record) && !is_lost) record.flow.port = 0;
    // Whatever the clock has done since, or the limit.
    record.expires = std::min(record.expires, now + options()->max_expires);
    const std::lock_guard lock(mutex_);
    if (is_removed || is_lost || record.expires <= now) {
        end(std::move(record), is_removed ? BindingEventKind::removed
                               : is_lost  ? BindingEventKind::lost
                                          : BindingEventKind::expired);
        return;
    }
    table_.add(record);
}

Registrar::Registrar(const RegistrarOptions &options, DigestServer &digest, Random &random)
    : impl_(std::make_unique<Impl>(options, digest, random)) {}
Registrar::~Registrar() = default;

void Registrar::change(const RegistrarOptions &options) { impl_->change(options); }
bool Registrar::is_ours(std::string_view aor) const { return impl_->is_ours(aor); }
bool Registrar::has_user(std::string_view aor) const { return impl_->has_user(aor); }
void Registrar::load(BindingRecord record, Instant now) { impl_->load(std::move(record), now); }

RegisterAnswer Registrar::on_register(const Message &request, const Endpoint &source, Instant now) {
    RegisterAnswer refused = impl_->check(request, now);
    return refused.status != 0 ? std::move(refused) : impl_->apply(request, source, now, now);
}

RegisterAnswer Registrar::check(const Message &request, Instant now) { return impl_->check(request, now); }

RegisterAnswer Registrar::apply(const Message &request, const Endpoint &source, Instant arrived, Instant now) {
    return impl_->apply(request, source, arrived, now);
}

std::vector<BindingRecord> Registrar::bindings_of(std::string_view aor, Instant now) const {
    const std::lock_guard lock(impl_->mutex_);
    std::vector<BindingRecord> alive = impl_->table_.of(aor);
    std::erase_if(alive, [&](const BindingRecord &binding) { return binding.expires <= now; });
    return alive;
}

std::vector<BindingRecord> Registrar::list(std::string_view behind, std::size_t max) const {
    const std::lock_guard lock(impl_->mutex_);
    return impl_->table_.list(behind, max);
}

std::vector<BindingTarget> Registrar::find(std::string_view aor, Instant now) const {
    return targets_of(bindings_of(aor, now));
}

bool Registrar::is_flow_of(std::string_view aor, const Endpoint &source, Instant now) const {
    const std::lock_guard lock(impl_->mutex_);
    return impl_->table_.has_flow(aor, source, now);
}

void Registrar::on_flow_lost(const Endpoint &flow, Instant at) {
    const std::lock_guard lock(impl_->mutex_);
    impl_->table_.lose(flow, at, [&](BindingRecord record) { impl_->end(std::move(record), BindingEventKind::lost); });
}

void Registrar::advance(Instant now) {
    const std::lock_guard lock(impl_->mutex_);
    impl_->table_.expire(now, [&](BindingRecord record) { impl_->end(std::move(record), BindingEventKind::expired); });
}

std::optional<Instant> Registrar::next_deadline() const {
    const std::lock_guard lock(impl_->mutex_);
    return impl_->table_.next_deadline();
}

void Registrar::drain_changes(const std::function<void(const BindingRecord &)> &f) {
    std::vector<BindingRecord> changes;
    {
        const std::lock_guard lock(impl_->mutex_);
        for (; !impl_->changes_.empty(); impl_->changes_.pop()) changes.push_back(std::move(impl_->changes_.front()));
    }
    for (const BindingRecord &record : changes) f(record);
}

bool Registrar::next_event(BindingEvent &event) {
    const std::lock_guard lock(impl_->mutex_);
    if (impl_->events_.empty()) return false;
    event = std::move(impl_->events_.front());
    impl_->events_.pop();
    return true;
}

RegistrarStatistics Registrar::statistics() const {
    const std::lock_guard lock(impl_->mutex_);
    RegistrarStatistics out = impl_->statistics_;
    out.bindings = impl_->table_.size();
    return out;
}

} // namespace tandem
