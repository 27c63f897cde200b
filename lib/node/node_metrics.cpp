#include "node/node_metrics.hpp"
#include <algorithm>
#include <map>
#include <string>
#include <string_view>

namespace tandem {
namespace {

using enum MetricKind;

template <class Counters>
struct Row {
    std::string_view name;
    std::string_view help;
    std::uint64_t Counters::*counter;
    MetricKind kind = MetricKind::counter;
};

template <class Counters>
void write_rows(MetricPage &page, const Counters &counters, std::initializer_list<Row<Counters>> rows) {
    for (const auto &row : rows) {
        page.family(row.kind, row.name, row.help);
        page.add(counters.*row.counter);
    }
}

template <class Counters>
Counters sum_of(const std::vector<WorkerStatistics> &workers, Counters WorkerStatistics::*part) {
    Counters sum{};
    for (const WorkerStatistics &worker : workers) add_counters(sum, worker.*part);
    return sum;
}

std::uint64_t sum_of(const std::vector<WorkerStatistics> &workers, std::size_t WorkerStatistics::*count) {
    std::uint64_t sum = 0;
    for (const WorkerStatistics &worker : workers) sum += worker.*count;
    return sum;
}

void write_process(MetricPage &page, const NodeNumbers &numbers) {
    page.family(gauge, "tandem_start_time_seconds", "When the process started, seconds of UTC.");
    page.add(static_cast<std::uint64_t>(numbers.start_s));
    page.family(gauge, "tandem_workers", "Threads that share the calls.");
    page.add(numbers.workers.size());
    page.family(gauge, "tandem_draining", "1 after SIGTERM: no new calls are taken.");
    page.add(numbers.is_draining ? 1 : 0);
}

void write_dialogs(MetricPage &page, const std::vector<WorkerStatistics> &workers) {
    const DialogStatistics dialogs = sum_of(workers, &WorkerStatistics::dialog);
    page.family(gauge, "tandem_dialogs", "Dialogs that count, one for each call, by state (RFC 4235 section 3.7.1).");
    page.add(dialogs.trying, {{"state", "trying"}});
    page.add(dialogs.proceeding, {{"state", "proceeding"}});
    page.add(dialogs.early - dialogs.trying - dialogs.proceeding, {{"state", "early"}});
    page.add(dialogs.active, {{"state", "confirmed"}});
    write_rows<DialogStatistics>(
        page, dialogs,
        {{"tandem_dialogs_processed_total", "Dialogs that count, since the start.", &DialogStatistics::processed},
         {"tandem_dialogs_failed_total", "Those that ended without an answer.", &DialogStatistics::failed},
         {"tandem_dialogs_expired_total", "Those that a deadline has ended.", &DialogStatistics::expired},
         {"tandem_dialogs_untracked_total", "Those beyond a bound of the table.", &DialogStatistics::refused},
         {"tandem_dialogs_limited_total", "Places in profiles that a limit refused.", &DialogStatistics::limited}});
    page.family(gauge, "tandem_calls", "Calls with a leg that still has something to do.");
    page.add(sum_of(workers, &WorkerStatistics::calls));
    page.family(gauge, "tandem_legs", "Dialogs with peers: of each call two, and of each further target that rings.");
    page.add(sum_of(workers, &WorkerStatistics::dialogs));
    page.family(gauge, "tandem_transactions", "Transactions that live.");
    page.add(sum_of(workers, &WorkerStatistics::transactions));
}

// A few at a time: so many a call waits for that wants into a profile. What moves in between may be listed twice.
std::map<std::string, std::uint64_t> sizes_by_value(const ProfileTable &table, std::string_view profile,
                                                    std::size_t max) {
    constexpr std::size_t values_at_once = 32;
    std::map<std::string, std::uint64_t> sizes;
    std::uint64_t cursor = 0;
    while (sizes.size() < max) {
        const auto listed = table.values(profile, cursor, std::min(values_at_once, max - sizes.size()));
        if (!listed) break; // it has become shorter than the cursor
        for (const ProfileValueInfo &value : listed->items) sizes[value.value] = value.size;
        cursor = listed->next;
        if (cursor == 0) break;
    }
    return sizes;
}

// The most crowded profile may have a value for each user: a page stays a page.
void write_profiles(MetricPage &page, const ProfileTable &table) {
    const std::vector<ProfileInfo> profiles = table.profiles();
    page.family(gauge, "tandem_profile_size", "Members of a profile on this node, by value if it has values.");
    std::vector<std::uint64_t> hidden;
    std::size_t left = metric_values_max;
    for (const ProfileInfo &profile : profiles) {
        hidden.push_back(0);
        if (!profile.has_values) {
            page.add(profile.size, {{"profile", profile.name}});
            continue;
        }
        const auto sizes = sizes_by_value(table, profile.name, left);
        for (const auto &[value, size] : sizes) page.add(size, {{"profile", profile.name}, {"value", value}});
        left -= sizes.size();
        hidden.back() = profile.values - std::min<std::uint64_t>(sizes.size(), profile.values);
    }
    const auto family = [&](MetricKind kind, std::string_view name, std::string_view help, auto number) {
        page.family(kind, name, help);
        for (std::size_t i = 0; i < profiles.size(); ++i) page.add(number(i), {{"profile", profiles[i].name}});
    };
    family(gauge, "tandem_profile_members", "Members of a profile on this node, of all values.",
           [&](std::size_t i) { return std::uint64_t{profiles[i].size}; });
    family(gauge, "tandem_profile_limit", "Limit of a profile, of each value; 0: it is counted only.",
           [&](std::size_t i) { return std::uint64_t{profiles[i].limit}; });
    family(gauge, "tandem_profile_values_hidden", "Values without a line in tandem_profile_size: there are too many.",
           [&](std::size_t i) { return hidden[i]; });
    family(MetricKind::counter, "tandem_limit_refused_total", "Calls that the limit of a profile refused.",
           [&](std::size_t i) { return profiles[i].refused; });
}

void write_messages(MetricPage &page, const std::vector<WorkerStatistics> &workers) {
    constexpr Transport all[] = {Transport::udp, Transport::tcp, Transport::tls, Transport::ws, Transport::wss};
    const auto of = [&workers](Transport transport, std::uint64_t TransportStatistics::*counter) {
        std::uint64_t sum = 0;
        for (const auto &worker : workers) sum += worker.by_transport[static_cast<std::size_t>(transport)].*counter;
        return sum;
    };
    const auto family = [&](std::string_view name, std::string_view help, auto in, auto out) {
        page.family(counter, name, help);
        for (const Transport transport : all) {
            page.add(of(transport, in), {{"direction", "in"}, {"transport", uri_name(transport)}});
            page.add(of(transport, out), {{"direction", "out"}, {"transport", uri_name(transport)}});
        }
    };
    family("tandem_sip_messages_total", "Messages that came in and went out.", &TransportStatistics::received,
           &TransportStatistics::sent);
    family("tandem_sip_bytes_total", "Their bytes.", &TransportStatistics::received_bytes,
           &TransportStatistics::sent_bytes);
    write_rows<TransportStatistics>(
        page, sum_of(workers, &WorkerStatistics::transport),
        {{"tandem_sip_truncated_total", "Datagrams larger than a message may be.", &TransportStatistics::truncated},
         {"tandem_sip_send_failed_total", "Messages that the kernel refused.", &TransportStatistics::send_failed},
         {"tandem_sip_send_dropped_total", "Messages that found the queue full.", &TransportStatistics::dropped}});
}

void write_engine(MetricPage &page, const EngineStatistics &engine) {
    using S = EngineStatistics;
    write_rows<S>(
        page, engine,
        {{"tandem_sip_not_sip_total", "Datagrams that are no SIP.", &S::not_sip},
         {"tandem_sip_too_large_total", "Messages beyond a limit of size.", &S::too_large},
         {"tandem_sip_keepalives_total", "Pings of CRLF (RFC 5626).", &S::keepalives},
         {"tandem_sip_loops_total", "INVITEs that had been here already.", &S::loops},
         {"tandem_refused_full_total", "Calls refused 503: a table is full.", &S::refused_full},
         {"tandem_refused_outage_total", "Calls refused 503: the cluster did not say.", &S::refused_outage},
         {"tandem_refused_overload_total", "Calls refused 503: overload.", &S::refused_overload},
         {"tandem_refused_store_total", "Calls refused 503: the store is lost.", &S::refused_store},
         {"tandem_refused_source_total", "Requests refused 503: the rate of their source.", &S::refused_source},
         {"tandem_dropped_source_total", "Requests not answered: the same.", &S::dropped_source},
         {"tandem_refused_strangers_total", "Calls refused 403: from nowhere we know.", &S::refused_strangers},
         {"tandem_refused_registers_total", "REGISTERs refused, but for 401.", &S::refused_registers},
         {"tandem_refused_users_total", "Calls of users with wrong credentials.", &S::refused_users},
         {"tandem_challenged_total", "Calls of users answered 407.", &S::challenged},
         {"tandem_dropped_failing_total", "Requests of sources that failed too often.", &S::dropped_failing},
         {"tandem_trunk_retries_total", "Requests sent again with credentials.", &S::trunk_retries},
         {"tandem_trunk_refusals_total", "Challenges of trunks not answered.", &S::trunk_refusals},
         {"tandem_barred_ways_total", "Targets that lead to ourselves or to a trunk.", &S::barred_ways},
         {"tandem_events_lost_total", "Events of calls that nobody took in time.", &S::events_lost}});
}

void write_transactions(MetricPage &page, const TransactionStatistics &transactions) {
    using S = TransactionStatistics;
    write_rows<S>(page, transactions,
                  {{"tandem_sip_requests_total", "New requests.", &S::requests},
                   {"tandem_sip_responses_total", "Responses to ours.", &S::responses},
                   {"tandem_sip_absorbed_total", "Retransmissions that went no further.", &S::absorbed},
                   {"tandem_sip_retransmitted_total", "Messages sent again.", &S::retransmitted},
                   {"tandem_sip_malformed_total", "Requests answered 400, responses dropped.", &S::malformed},
                   {"tandem_sip_merged_total", "Requests answered 482.", &S::merged},
                   {"tandem_sip_stray_responses_total", "Responses to nothing of ours.", &S::stray_responses},
                   {"tandem_sip_stray_cancels_total", "CANCELs of nothing, answered 481.", &S::stray_cancels},
                   {"tandem_sip_timeouts_total", "Timers B, F and H that fired.", &S::timeouts},
                   {"tandem_sip_refused_full_total", "Requests answered 503: too many transactions.", &S::refused_full},
                   {"tandem_sip_by_tcp_total", "Requests too large for UDP.", &S::by_tcp},
                   {"tandem_sip_back_to_udp_total", "Those whose peer has no TCP.", &S::back_to_udp}});
}

void write_store(MetricPage &page, const std::vector<WorkerStatistics> &workers) {
    using S = JournalStatistics;
    S sum;
    for (const WorkerStatistics &worker : workers) {
        for (const auto counter : {&S::commits, &S::failures, &S::stalls, &S::pending, &S::lost, &S::bindings_lost}) {
            sum.*counter += worker.journal.*counter;
        }
        sum.is_behind = sum.is_behind || worker.journal.is_behind;
    }
    page.family(gauge, "tandem_store_behind", "1: something is not in the store.");
    page.add(sum.is_behind ? 1 : 0);
    write_rows<S>(page, sum,
                  {{"tandem_store_commits_total", "Batches written.", &S::commits},
                   {"tandem_store_failures_total", "Batches that the store refused, or did not answer.", &S::failures},
                   {"tandem_store_stalls_total", "Those without an answer in time.", &S::stalls},
                   {"tandem_store_pending", "Ended calls not written yet.", &S::pending, gauge},
                   {"tandem_store_lost_total", "Ended calls that will never be written.", &S::lost},
                   {"tandem_store_bindings_lost_total", "The same of bindings.", &S::bindings_lost}});
}

void write_hand_over(MetricPage &page, const HandOverStatistics &hand_over) {
    using S = HandOverStatistics;
    write_rows<S>(page, hand_over,
                  {{"tandem_handed_over_total", "Messages passed to the worker whose they are.", &S::handed_over},
                   {"tandem_hand_over_dropped_total", "Those that found its box full.", &S::dropped}});
}

void write_cluster(MetricPage &page, const LeaseStatistics &cluster) {
    using S = LeaseStatistics;
    write_rows<S>(page, cluster,
                  {{"tandem_cluster_leases", "Dialogs with places that the cluster counts.", &S::leases, gauge},
                   {"tandem_cluster_admitted_total", "Reservations that the cluster granted.", &S::admitted},
                   {"tandem_cluster_refused_total", "Those that a limit refused.", &S::refused},
                   {"tandem_cluster_unknown_total", "Those in an outage.", &S::unknown},
                   {"tandem_cluster_renewed_total", "Leases renewed.", &S::renewed},
                   {"tandem_cluster_released_total", "Leases given back.", &S::released},
                   {"tandem_cluster_forgotten_total", "Leases that Redis had lost.", &S::forgotten},
                   {"tandem_cluster_expired_total", "Releases that were given up.", &S::expired},
                   {"tandem_cluster_outages_total", "Outages of Redis.", &S::outages},
                   {"tandem_cluster_connection_failures_total", "Connections lost or not made.", &S::failures},
                   {"tandem_cluster_full_total", "Reservations beyond a bound.", &S::full}});
}

void write_control(MetricPage &page, const ControlStatistics &control, const EngineStatistics &engine) {
    using S = ControlStatistics;
    write_rows<S>(
        page, control,
        {{"tandem_control_questions_total", "Calls and REGISTERs to be decided about.", &S::asked},
         {"tandem_control_cached_total", "Those decided before, and not asked about again.", &S::cached},
         {"tandem_control_allowed_total", "Those that were let go.", &S::allowed},
         {"tandem_control_refused_total", "Those refused or redirected.", &S::refused},
         {"tandem_control_failed_total", "Those without a decision in time, or with a wrong one.", &S::failed},
         {"tandem_control_aborted_total", "Those whose caller gave up.", &S::aborted}});
    page.family(counter, "tandem_control_lost_total", "Those beyond a bound, about which nobody was asked.");
    page.add(engine.questions_lost);
}

void write_registrar(MetricPage &page, const RegistrarStatistics &registrar) {
    using S = RegistrarStatistics;
    write_rows<S>(page, registrar,
                  {{"tandem_registrar_bindings", "Bindings of users.", &S::bindings, gauge},
                   {"tandem_registrar_added_total", "Bindings that are new.", &S::added},
                   {"tandem_registrar_refreshed_total", "Those that were refreshed.", &S::refreshed},
                   {"tandem_registrar_removed_total", "Those that were taken away.", &S::removed},
                   {"tandem_registrar_expired_total", "Those that expired.", &S::expired},
                   {"tandem_registrar_lost_total", "Those that ended with their connections.", &S::lost},
                   {"tandem_registrar_accepted_total", "REGISTERs answered 200.", &S::accepted},
                   {"tandem_registrar_challenged_total", "REGISTERs answered 401.", &S::challenged},
                   {"tandem_registrar_wrong_total", "Wrong credentials.", &S::wrong},
                   {"tandem_registrar_forbidden_total", "REGISTERs answered 403: not for them.", &S::forbidden},
                   {"tandem_registrar_malformed_total", "REGISTERs answered 400, 420, 423, 439.", &S::malformed},
                   {"tandem_registrar_stale_total", "REGISTERs with an old CSeq.", &S::stale_cseq},
                   {"tandem_registrar_full_total", "Bindings beyond a bound.", &S::full}});
}

void write_trunks(MetricPage &page, const std::vector<TrunkStatus> &trunks) {
    page.family(gauge, "tandem_trunk_registered", "1: we are registered with the trunk, and calls go there.");
    for (const TrunkStatus &trunk : trunks) {
        page.add(trunk.registration.state == RegistrationState::registered ? 1 : 0, {{"trunk", trunk.trunk}});
    }
    page.family(counter, "tandem_trunk_registration_failures_total", "Rounds in which the trunk did not register us.");
    for (const TrunkStatus &trunk : trunks) page.add(trunk.statistics.failed, {{"trunk", trunk.trunk}});
}

void write_stream(MetricPage &page, const CdrStreamStatistics &stream) {
    using S = CdrStreamStatistics;
    write_rows<S>(page, stream,
                  {{"tandem_cdr_stream_sent_total", "Records that the stream has.", &S::sent},
                   {"tandem_cdr_stream_resent_total", "Records sent once more.", &S::resent},
                   {"tandem_cdr_stream_waiting", "Records that wait.", &S::waiting, gauge},
                   {"tandem_cdr_stream_lost_total", "Records that never get there.", &S::lost},
                   {"tandem_cdr_stream_outages_total", "Outages of Redis.", &S::outages}});
}

void write_capture(MetricPage &page, const CaptureStatistics &capture) {
    using S = CaptureStatistics;
    write_rows<S>(page, capture,
                  {{"tandem_capture_sent_total", "Messages that the collector was sent.", &S::sent},
                   {"tandem_capture_dropped_total", "Those that found no room.", &S::dropped},
                   {"tandem_capture_failed_total", "Those that could not be sent.", &S::failed},
                   {"tandem_capture_too_large_total", "Those too large for a datagram.", &S::too_large}});
}

void write_takeover(MetricPage &page, const TakeoverStatistics &takeover) {
    using S = TakeoverStatistics;
    page.family(gauge, "tandem_takeover_out", "1: Redis does not answer, and no call is copied.");
    page.add(takeover.is_out ? 1 : 0);
    write_rows<S>(page, takeover,
                  {{"tandem_takeover_kept_total", "Copies of calls that Redis has confirmed.", &S::kept},
                   {"tandem_takeover_refused_total", "Copies of calls that others have.", &S::refused},
                   {"tandem_takeover_too_large_total", "Calls too large for a copy.", &S::too_large},
                   {"tandem_takeover_adopted_total", "Calls of others that we have.", &S::adopted},
                   {"tandem_takeover_dropped_total", "Calls of ours that others have.", &S::dropped},
                   {"tandem_takeover_nodes_total", "Nodes of which we have a call.", &S::nodes_taken},
                   {"tandem_takeover_outages_total", "Outages of Redis.", &S::outages}});
}

} // namespace

void write_metrics(MetricPage &page, const NodeNumbers &numbers, const ProfileTable &profiles) {
    write_process(page, numbers);
    write_dialogs(page, numbers.workers);
    write_profiles(page, profiles);
    write_messages(page, numbers.workers);
    write_engine(page, sum_of(numbers.workers, &WorkerStatistics::engine));
    write_transactions(page, sum_of(numbers.workers, &WorkerStatistics::transaction));
    if (numbers.workers.size() > 1) write_hand_over(page, sum_of(numbers.workers, &WorkerStatistics::hand_over));
    if (numbers.has_store) write_store(page, numbers.workers);
    if (numbers.has_cluster) write_cluster(page, sum_of(numbers.workers, &WorkerStatistics::cluster));
    write_control(page, sum_of(numbers.workers, &WorkerStatistics::control),
                  sum_of(numbers.workers, &WorkerStatistics::engine));
    write_registrar(page, numbers.registrar);
    write_trunks(page, numbers.trunks);
    if (numbers.cdr_stream) write_stream(page, *numbers.cdr_stream);
    if (numbers.capture) write_capture(page, *numbers.capture);
    if (numbers.takeover) write_takeover(page, *numbers.takeover);
    write_rows<AuditStatistics>(
        page, numbers.audit,
        {{"tandem_audits_total", "Audits of all that is known.", &AuditStatistics::runs},
         {"tandem_audit_repairs_total", "What they have repaired.", &AuditStatistics::repairs}});
}

void write_api_metrics(MetricPage &page, const ApiNumbers &numbers) {
    using S = HttpStatistics;
    const auto family = [&](MetricKind kind, std::string_view name, std::string_view help, auto S::*number) {
        page.family(kind, name, help);
        for (const auto &[section, statistics] : numbers.servers) page.add(statistics.*number, {{"section", section}});
    };
    family(gauge, "tandem_http_connections", "Connections that live.", &S::connections);
    family(gauge, "tandem_http_web_sockets", "Those that are WebSockets.", &S::web_sockets);
    family(counter, "tandem_http_accepted_total", "Connections taken.", &S::accepted);
    family(counter, "tandem_http_refused_total", "Connections beyond a limit.", &S::refused);
    family(counter, "tandem_http_timed_out_total", "Connections that were too slow.", &S::timed_out);
    family(counter, "tandem_http_requests_total", "Requests.", &S::requests);
    family(counter, "tandem_http_bad_requests_total", "Requests malformed or beyond a limit.", &S::bad_requests);
    family(counter, "tandem_http_origins_refused_total", "Requests of pages that may not ask.", &S::origins_refused);
    using B = BusStatistics;
    write_rows<B>(page, numbers.events,
                  {{"tandem_events_total", "Events that somebody might have wanted.", &B::events},
                   {"tandem_events_delivered_total", "Those that went to a subscriber or to who waits.", &B::delivered},
                   {"tandem_events_dropped_total", "Those that a subscriber did not read in time.", &B::lost},
                   {"tandem_events_refused_total", "Subscriptions and waits beyond a limit.", &B::refused}});
    page.family(counter, "tandem_events_unnumbered_total", "Events lost on their way from the calls.");
    page.add(numbers.events_lost);
    if (!numbers.call_api) return;
    using C = CallApiStatistics;
    write_rows<C>(page, *numbers.call_api,
                  {{"tandem_call_api_commands_total", "Commands of the Call API.", &C::commands},
                   {"tandem_call_api_failed_total", "Those that ended with an error.", &C::failed},
                   {"tandem_call_api_overdue_total", "Those that nothing was heard of in time.", &C::overdue},
                   {"tandem_call_api_clients_total", "WebSockets of its clients.", &C::clients}});
}

} // namespace tandem
