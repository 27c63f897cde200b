// The node as administration sees it: workers are asked by tasks in their loops, a slice a turn, one worker after the
// other; records of calls are read by a thread of their own. Answers go to the loop of whoever asks.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>
#include "callapi/admin_host.hpp"
#include "net/loop.hpp"
#include "node/audit.hpp"
#include "node/node_metrics.hpp"
#include "node/task_thread.hpp"
#include "node/worker.hpp"

namespace tandem {

// What administration needs of the server. All of it outlives the object; the functions are called on its thread.
struct AdminParts {
    struct Part {
        Loop *loop = nullptr;
        Worker *worker = nullptr;
    };
    std::vector<Part> workers; // the loop of the first one is the server's
    const ProfileTable *profiles = nullptr;
    const Registrar *registrar = nullptr;
    const WallClock *wall = nullptr;
    std::string store; // path; empty: nothing is kept

    // In the server's loop.
    std::function<void(std::function<void(const AuditReport &)> then)> audit;
    std::function<void(std::function<void(const Result<void, Failure> &)> then)> reload;
    std::function<std::vector<TrunkInfo>()> trunks;
    std::function<void(std::function<void(NodeNumbers)> then)> numbers;

    // From any thread.
    std::function<Result<void, Failure>()> readiness;

    std::function<ApiNumbers()> api; // in the loop of whoever asks; none: there is nothing to say
};

class NodeAdmin final : public AdminHost {
public:
    // `asker` is the loop of whoever asks, and outlives the object, which outlives the run of the workers' loops.
    NodeAdmin(AdminParts parts, Loop &asker);
    ~NodeAdmin() override;

    // Before the asker's loop goes: nothing comes any more, and nobody asks.
    void end();

    void list_dialogs(DialogQuery query, Answer<AdminPage<DialogInfo>> answer) override;
    void get_dialog(DialogName name, Answer<DialogInfo> answer) override;
    void end_dialog(DialogName name, EndReason reason, Answer<EndedDialog> answer) override;
    void set_variable(DialogName name, std::string variable, std::optional<CdrVariable> value,
                      Answer<RecordId> answer) override;
    void count_dialogs(Answer<DialogStatistics> answer) override;
    std::vector<ProfileInfo> profiles() const override;
    Result<ProfilePage<ProfileValueInfo>> profile_values(std::string_view profile, std::uint64_t cursor,
                                                         std::size_t max) const override;
    void get_profile_size(std::string profile, std::optional<std::string> value, Answer<std::uint32_t> answer) override;
    void list_profile(ProfileQuery query, Answer<AdminPage<DialogInfo>> answer) override;
    void audit(Answer<NamedCounts> answer) override;
    void list_cdrs(CdrQuery query, Answer<AdminPage<std::string>> answer) override;
    void list_messages(std::array<std::string, 2> call_ids, Answer<CallMessages> answer) override;
    void list_trunks(Answer<std::vector<TrunkInfo>> answer) override;
    void reload(Answer<bool> answer) override;
    std::vector<BindingRecord> list_bindings(std::string_view behind, std::size_t max) const override;
    std::vector<BindingRecord> bindings_of(std::string_view aor) const override;
    const WallClock &wall() const override { return *parts_.wall; }
    void check_loops(Answer<bool> answer) override;
    Result<void, Failure> readiness() const override { return parts_.readiness(); }
    void collect_metrics(Answer<std::string> answer) override;

private:
    struct MessagesRun;
    struct ListRun;
    struct FindRun;
    struct MemberRun;
    using Found = std::function<void(Worker &worker, DialogId id)>;

    void add_messages(MessagesRun &run, CallMessages some);
    void list_slice(std::shared_ptr<ListRun> run);
    void describe_members(std::shared_ptr<MemberRun> run);
    void find(DialogName name, Found found, std::function<void()> missing);
    void find_slice(std::shared_ptr<FindRun> run);
    void note_turn(std::size_t worker);

    template <class T>
    bool admit(Answer<T> &answer);

    // To the asker's loop.
    template <class T>
    void tell(const Answer<T> &answer, Result<T, Failure> result);

    const AdminParts parts_;
    Loop &asker_;
    std::size_t under_way_ = 0;       // requests to workers; of the asker's thread, like those below
    std::vector<bool> turns_awaited_; // by worker
    Instant turns_asked_at_{};
    std::vector<Answer<bool>> turn_waiters_; // until the last one has turned
    std::unique_ptr<TaskThread> reader_;     // none: there is no store
};

} // namespace tandem
