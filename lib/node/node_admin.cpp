#include "node/node_admin.hpp"
#include <algorithm>
#include <fmt/format.h>
#include <iterator>
#include <utility>
#include "net/system_clock.hpp"
#include "storage/sqlite/cdr_reader.hpp"

namespace tandem {
namespace {

constexpr std::size_t turns_max = 1000;                // of one page: then it is told as it is, with a cursor
constexpr std::size_t messages_max = 64;                // of one call
constexpr std::size_t under_way_max = 32;              // requests at once: each is a slice of every turn of a loop
constexpr Duration turn_max = std::chrono::seconds(2); // of a loop: a turn that takes longer does not end
constexpr unsigned cursor_worker_shift = 32; // below it stands the place in a worker's table, above it the worker

Failure gone() { return {Error::not_found, "no such call is up"}; }
Failure busy() { return {Error::full, "too many requests are under way"}; }
Failure bad_cursor() { return {Error::invalid, "\"cursor\" is none that a page has given as \"next\""}; }

Failure profile_failure(Error error, const std::string &profile) {
    switch (error) {
    case Error::no_profile: return {error, fmt::format("no profile \"{}\" is declared", profile)};
    case Error::too_large: return {Error::invalid, "\"value\" is too long"};
    default: return {Error::invalid, fmt::format("\"value\" is none of the profile \"{}\"", profile)};
    }
}

VariableValue value_of(const CdrVariable &variable) {
    return variable.type == VariableType::text ? VariableValue::of_text(variable.text)
                                               : VariableValue{variable.type, {}, variable.integer};
}

// What Tracker::set_variable() says, by the parameter that is to blame.
Failure variable_failure(Error error) {
    switch (error) {
    case Error::not_found: return gone();
    case Error::full: return {error, "the call has as many variables as one may have"};
    case Error::too_large: return {Error::invalid, "\"name\" or \"value\" is too long, or all variables together"};
    default: return {Error::invalid, "\"name\" is no visible ASCII, or \"value\" has CR, LF or NUL"};
    }
}

} // namespace

struct NodeAdmin::ListRun {
    DialogQuery query;
    std::size_t worker = 0;
    std::uint64_t place = 0;
    std::size_t turns = 0;
    AdminPage<DialogInfo> page;
    Answer<AdminPage<DialogInfo>> answer;
};

// Of members of a profile: those of one worker after the other.
struct NodeAdmin::MemberRun {
    std::vector<std::vector<DialogId>> ids; // by worker
    std::size_t worker = 0;
    AdminPage<DialogInfo> page;
    Answer<AdminPage<DialogInfo>> answer;
};

struct NodeAdmin::FindRun {
    DialogName name;
    std::size_t worker = 0;
    std::uint64_t place = 0;
    Found found;
    std::function<void()> missing;
};

// Of every worker: a message is with the one whose socket it came or left by.
struct NodeAdmin::MessagesRun {
    std::array<std::string, 2> call_ids;
    std::size_t waiting = 0; // workers that have not answered; of the asker's thread, like the rest
    CallMessages found;
    Answer<CallMessages> answer;
};

NodeAdmin::NodeAdmin(AdminParts parts, Loop &asker)
    : parts_(std::move(parts)), asker_(asker),
      reader_(parts_.store.empty() ? nullptr : std::make_unique<TaskThread>()) {}

NodeAdmin::~NodeAdmin() = default;

void NodeAdmin::end() { reader_.reset(); }

template <class T>
void NodeAdmin::tell(const Answer<T> &answer, Result<T, Failure> result) {
    asker_.post([answer, result = std::move(result)]() mutable { answer(std::move(result)); });
}

// Counts it until it is answered. False: too many are under way, and it is answered so.
template <class T>
bool NodeAdmin::admit(Answer<T> &answer) {
    if (under_way_ == under_way_max) {
        answer(busy());
        return false;
    }
    ++under_way_;
    answer = [this, answer = std::move(answer)](Result<T, Failure> result) {
        --under_way_;
        answer(std::move(result));
    };
    return true;
}

void NodeAdmin::list_dialogs(DialogQuery query, Answer<AdminPage<DialogInfo>> answer) {
    auto run = std::make_shared<ListRun>();
    run->worker = query.cursor >> cursor_worker_shift;
    run->place = query.cursor & ((std::uint64_t{1} << cursor_worker_shift) - 1);
    run->query = std::move(query);
    if (run->worker >= parts_.workers.size()) return answer(bad_cursor());
    if (!admit(answer)) return;
    run->answer = std::move(answer);
    list_slice(std::move(run));
}

// Each slice is a turn of a worker's loop, and what it found goes along to the next.
void NodeAdmin::list_slice(std::shared_ptr<ListRun> run) {
    const AdminParts::Part &part = parts_.workers[run->worker];
    part.loop->post([this, &part, run = std::move(run)] {
        std::vector<DialogInfo> &items = run->page.items;
        run->place = part.worker->list_dialogs(run->query.filter, run->place, run->query.limit - items.size(), items);
        if (run->place == 0) ++run->worker;
        const bool is_over = run->worker == parts_.workers.size();
        if (!is_over && items.size() < run->query.limit && ++run->turns < turns_max) return list_slice(run);
        if (!is_over) run->page.next = std::uint64_t{run->worker} << cursor_worker_shift | run->place;
        tell(run->answer, Result<AdminPage<DialogInfo>, Failure>(std::move(run->page)));
    });
}

// `found` is called in the loop of the worker that has it, `missing` in that of the last one that was asked.
void NodeAdmin::find(DialogName name, Found found, std::function<void()> missing) {
    auto run = std::make_shared<FindRun>();
    run->name = std::move(name);
    run->found = std::move(found);
    run->missing = std::move(missing);
    find_slice(std::move(run));
}

void NodeAdmin::find_slice(std::shared_ptr<FindRun> run) {
    const AdminParts::Part &part = parts_.workers[run->worker];
    part.loop->post([this, &part, run = std::move(run)] {
        const DialogId id = run->name.id ? part.worker->find_dialog(run->name.id, run->place)
                                         : part.worker->find_dialog(run->name.call_id);
        if (id) return run->found(*part.worker, id);
        if (run->place == 0) ++run->worker;
        run->worker == parts_.workers.size() ? run->missing() : find_slice(run);
    });
}

void NodeAdmin::get_dialog(DialogName name, Answer<DialogInfo> answer) {
    if (!admit(answer)) return;
    const auto found = [this, answer](Worker &worker, DialogId id) {
        std::vector<DialogInfo> infos;
        worker.describe_dialogs({&id, 1}, infos);
        tell(answer, infos.empty() ? Result<DialogInfo, Failure>(gone()) : std::move(infos.front()));
    };
    find(std::move(name), found, [this, answer] { tell(answer, Result<DialogInfo, Failure>(gone())); });
}

void NodeAdmin::end_dialog(DialogName name, EndReason reason, Answer<EndedDialog> answer) {
    if (!admit(answer)) return;
    const auto found = [this, reason, answer](Worker &worker, DialogId id) {
        const auto ended = worker.end_dialog(id, reason);
        tell(answer, ended ? Result<EndedDialog, Failure>(*ended) : gone());
    };
    find(std::move(name), found, [this, answer] { tell(answer, Result<EndedDialog, Failure>(gone())); });
}

void NodeAdmin::set_variable(DialogName name, std::string variable, std::optional<CdrVariable> value,
                             Answer<RecordId> answer) {
    if (!admit(answer)) return;
    const auto found = [this, variable = std::move(variable), value = std::move(value), answer](Worker &worker,
                                                                                                DialogId id) {
        const auto given = value ? std::optional(value_of(*value)) : std::nullopt;
        worker.set_variable(id, variable, given, [this, answer](Result<RecordId> set) {
            tell(answer, set ? Result<RecordId, Failure>(*set) : variable_failure(set.error()));
        });
    };
    find(std::move(name), found, [this, answer] { tell(answer, Result<RecordId, Failure>(gone())); });
}

// What every worker counts may be read from anywhere.
void NodeAdmin::count_dialogs(Answer<DialogStatistics> answer) {
    DialogStatistics sum;
    for (const AdminParts::Part &part : parts_.workers) sum += part.worker->engine().tracker().statistics();
    answer(sum);
}

std::vector<ProfileInfo> NodeAdmin::profiles() const { return parts_.profiles->profiles(); }

Result<ProfilePage<ProfileValueInfo>> NodeAdmin::profile_values(std::string_view profile, std::uint64_t cursor,
                                                                std::size_t max) const {
    return parts_.profiles->values(profile, cursor, max);
}

void NodeAdmin::get_profile_size(std::string profile, std::optional<std::string> value, Answer<std::uint32_t> answer) {
    const auto has_values = parts_.profiles->has_values(profile);
    if (!has_values) return answer(profile_failure(has_values.error(), profile));
    if (value && !*has_values)
        return answer(Failure{Error::invalid, fmt::format("\"value\" is given, but the profile "
                                                          "\"{}\" has none",
                                                          profile)});
    // Of all values together the cluster keeps no count.
    const auto rule = parts_.profiles->rule(profile, value.value_or(""));
    if (!rule) return answer(profile_failure(rule.error(), profile));
    if (!rule->is_shared || (*has_values && !value)) {
        const auto size = value ? parts_.profiles->size(profile, *value) : parts_.profiles->size(profile);
        return answer(size ? Result<std::uint32_t, Failure>(*size) : profile_failure(size.error(), profile));
    }
    if (!admit(answer)) return;
    const AdminParts::Part &first = parts_.workers.front();
    first.loop->post([this, &first, profile = std::move(profile), value = value.value_or(""), answer] {
        first.worker->ask_cluster_size(profile, value, [this, answer](std::optional<std::uint32_t> size) {
            tell(answer, size ? Result<std::uint32_t, Failure>(*size)
                              : Failure{Error::io, "the cluster does not say: Redis does not answer"});
        });
    });
}

void NodeAdmin::list_profile(ProfileQuery query, Answer<AdminPage<DialogInfo>> answer) {
    const auto found = query.value ? parts_.profiles->members(query.profile, *query.value, query.cursor, query.limit)
                                   : parts_.profiles->members(query.profile, query.cursor, query.limit);
    if (!found && found.error() == Error::no_profile) return answer(profile_failure(found.error(), query.profile));
    if (!found) return answer(query.cursor == 0 ? profile_failure(found.error(), query.profile) : bad_cursor());
    if (!admit(answer)) return;
    auto run = std::make_shared<MemberRun>();
    run->ids.resize(parts_.workers.size());
    for (const DialogId id : found->items) {
        if (id.shard() < run->ids.size()) run->ids[id.shard()].push_back(id.with_shard(0));
    }
    run->page.next = found->next;
    run->answer = std::move(answer);
    describe_members(std::move(run));
}

// A slice a turn, as above.
void NodeAdmin::describe_members(std::shared_ptr<MemberRun> run) {
    while (run->worker < run->ids.size() && run->ids[run->worker].empty()) ++run->worker;
    if (run->worker == run->ids.size()) {
        return tell(run->answer, Result<AdminPage<DialogInfo>, Failure>(std::move(run->page)));
    }
    const AdminParts::Part &part = parts_.workers[run->worker];
    part.loop->post([this, &part, run = std::move(run)] {
        constexpr std::size_t slice = 64;
        std::vector<DialogId> &ids = run->ids[run->worker];
        const std::size_t begin = ids.size() - std::min(slice, ids.size());
        part.worker->describe_dialogs(std::span(ids).subspan(begin), run->page.items);
        ids.resize(begin);
        describe_members(run);
    });
}

void NodeAdmin::audit(Answer<NamedCounts> answer) {
    if (!admit(answer)) return;
    parts_.workers.front().loop->post([this, answer] {
        parts_.audit(
            [this, answer](const AuditReport &report) { tell(answer, Result<NamedCounts, Failure>(report.counts())); });
    });
}

void NodeAdmin::list_cdrs(CdrQuery query, Answer<AdminPage<std::string>> answer) {
    if (!reader_) return answer(Failure{Error::store_failed, "there is no store: [store] path is empty"});
    const bool is_taken = reader_->post([this, query, answer] {
        auto page = read_cdrs(parts_.store, query.since_us, query.cursor, query.limit);
        using Told = Result<AdminPage<std::string>, Failure>;
        tell(answer, page ? Told({std::move(page->records), page->next}) : Told(page.error()));
    });
    if (!is_taken) answer(busy());
}

void NodeAdmin::list_trunks(Answer<std::vector<TrunkInfo>> answer) {
    if (!admit(answer)) return;
    parts_.workers.front().loop->post(
        [this, answer] { tell(answer, Result<std::vector<TrunkInfo>, Failure>(parts_.trunks())); });
}

void NodeAdmin::reload(Answer<bool> answer) {
    if (!admit(answer)) return;
    parts_.workers.front().loop->post([this, answer] {
        parts_.reload([this, answer](const Result<void, Failure> &reloaded) {
            tell(answer, reloaded ? Result<bool, Failure>(true) : reloaded.error());
        });
    });
}

void NodeAdmin::list_messages(std::array<std::string, 2> call_ids, Answer<CallMessages> answer) {
    if (!admit(answer)) return;
    auto run = std::make_shared<MessagesRun>();
    run->call_ids = std::move(call_ids);
    run->waiting = parts_.workers.size();
    run->answer = std::move(answer);
    for (const AdminParts::Part &part : parts_.workers) {
        part.loop->post([this, &part, run] {
            asker_.post([this, run, some = part.worker->messages_of(run->call_ids)]() mutable {
                add_messages(*run, std::move(some));
            });
        });
    }
}

void NodeAdmin::add_messages(MessagesRun &run, CallMessages some) {
    std::vector<CallMessage> &items = run.found.items;
    std::move(some.items.begin(), some.items.end(), std::back_inserter(items));
    run.found.dropped += some.dropped;
    if (--run.waiting > 0) return;
    std::stable_sort(items.begin(), items.end(),
                     [](const CallMessage &a, const CallMessage &b) { return a.at_us < b.at_us; });
    if (items.size() > messages_max) {
        run.found.dropped += items.size() - messages_max;
        items.erase(items.begin(), items.end() - messages_max);
    }
    run.answer(std::move(run.found));
}

// Whoever asks while others wait shares their answer. A loop that hangs answers none of them: so the next one hears it.
void NodeAdmin::check_loops(Answer<bool> answer) {
    const Instant now = SystemClock::now();
    if (!turn_waiters_.empty() && now > turns_asked_at_ + turn_max) {
        const auto first = std::find(turns_awaited_.begin(), turns_awaited_.end(), true);
        return answer(Failure{Error::io, fmt::format("worker {} has not turned for {} ms",
                                                     first - turns_awaited_.begin(), to_ms(now - turns_asked_at_))});
    }
    turn_waiters_.push_back(std::move(answer));
    if (turn_waiters_.size() > 1) return;
    turns_asked_at_ = now;
    turns_awaited_.assign(parts_.workers.size(), true);
    for (std::size_t i = 0; i < parts_.workers.size(); ++i) {
        parts_.workers[i].loop->post([this, i] { asker_.post([this, i] { note_turn(i); }); });
    }
}

void NodeAdmin::note_turn(std::size_t worker) {
    turns_awaited_[worker] = false;
    if (std::find(turns_awaited_.begin(), turns_awaited_.end(), true) != turns_awaited_.end()) return;
    for (const Answer<bool> &answer : std::exchange(turn_waiters_, {})) answer(true);
}

void NodeAdmin::collect_metrics(Answer<std::string> answer) {
    parts_.workers.front().loop->post([this, answer] {
        parts_.numbers([this, answer](NodeNumbers numbers) {
            asker_.post([this, answer, numbers = std::move(numbers)] {
                MetricPage page;
                write_metrics(page, numbers, *parts_.profiles);
                if (parts_.api) write_api_metrics(page, parts_.api());
                answer(page.to_text());
            });
        });
    });
}

std::vector<BindingRecord> NodeAdmin::list_bindings(std::string_view behind, std::size_t max) const {
    return parts_.registrar->list(behind, max);
}

std::vector<BindingRecord> NodeAdmin::bindings_of(std::string_view aor) const {
    return parts_.registrar->bindings_of(aor, SystemClock::now());
}

} // namespace tandem
