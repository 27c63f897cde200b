// What the methods of administration ask of the node. Whoever asks is the API's thread; each answer comes to it, once,
// and perhaps before the call returns. Nothing here waits, and nothing of a call waits for it: workers are asked by
// tasks that do a bounded part of the work in each turn of their loops.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include "base/endpoint.hpp"
#include "base/result.hpp"
#include "callapi/dialog_info.hpp"
#include "dialog/dialog_state.hpp"
#include "dialog/profile_table.hpp"
#include "dialog/tracker.hpp"
#include "registrar/binding.hpp"
#include "trunk/trunk_status.hpp"

namespace tandem {

template <class T>
using Answer = std::function<void(Result<T, Failure>)>;

// A page of a listing. What is there from the first page to the last comes once; a page that is not the last one may
// have fewer items than asked for, also none.
template <class T>
struct AdminPage {
    std::vector<T> items;
    std::uint64_t next = 0; // cursor of the next page; 0: this was the last one
};

// The name of a call: its id, or the Call-ID of either leg.
struct DialogName {
    RecordId id{};
    std::string call_id{}; // counts if there is no id
};

struct DialogQuery {
    DialogFilter filter;
    std::uint64_t cursor = 0;
    std::size_t limit = 0;
};

struct ProfileQuery {
    std::string profile;
    std::optional<std::string> value; // none: all of them
    std::uint64_t cursor = 0;
    std::size_t limit = 0;
};

struct EndedDialog {
    RecordId id;
    bool was_ending = false; // before this
};

// Records, the latest first.
struct CdrQuery {
    std::int64_t since_us = 0; // UTC: those that have ended then or later
    std::uint64_t cursor = 0;
    std::size_t limit = 0;
};

struct TrunkInfo {
    std::string name;
    std::string uri;                     // where its calls go
    std::optional<TrunkStatus> status{}; // none: we do not register with it, or know nothing yet
};

// A message of a call, as it came or was sent.
struct CallMessage {
    std::int64_t at_us = 0; // UTC
    bool is_sent = false;   // by us
    Side leg = Side::caller;
    Endpoint peer;
    std::string text; // cut, if it was long
};

struct CallMessages {
    std::vector<CallMessage> items; // oldest first
    std::uint64_t dropped = 0;      // before them
};

using NamedCounts = std::vector<std::pair<std::string_view, std::uint64_t>>;

class AdminHost {
public:
    virtual ~AdminHost() = default;

    // Failures: not_found, the call is gone or never was; invalid, no page has given this cursor; full, too many ask;
    // store_failed, it can not be read, or there is none; config_invalid; io, the cluster does not answer; else what
    // stands at the function.

    virtual void list_dialogs(DialogQuery query, Answer<AdminPage<DialogInfo>> answer) = 0;
    virtual void get_dialog(DialogName name, Answer<DialogInfo> answer) = 0;

    // Both legs hear of it, and the record shows the reason. One that ends already goes on with that.
    virtual void end_dialog(DialogName name, EndReason reason, Answer<EndedDialog> answer) = 0;

    // The answer comes when the store has it. No value erases it. The errors of Tracker::set_variable().
    virtual void set_variable(DialogName name, std::string variable, std::optional<CdrVariable> value,
                              Answer<RecordId> answer) = 0;

    virtual void count_dialogs(Answer<DialogStatistics> answer) = 0;

    virtual std::vector<ProfileInfo> profiles() const = 0;
    virtual Result<ProfilePage<ProfileValueInfo>> profile_values(std::string_view profile, std::uint64_t cursor,
                                                                 std::size_t max) const = 0;
    // Of all values, if none is given. Where the cluster counts it, what the cluster says. no_profile, invalid.
    virtual void get_profile_size(std::string profile, std::optional<std::string> value,
                                  Answer<std::uint32_t> answer) = 0;
    virtual void list_profile(ProfileQuery query, Answer<AdminPage<DialogInfo>> answer) = 0; // the same

    virtual void audit(Answer<NamedCounts> answer) = 0;
    virtual void list_cdrs(CdrQuery query, Answer<AdminPage<std::string>> answer) = 0; // each as JSON
    // The latest messages of the call with these legs, by their Call-IDs (empty: there is no such leg), also when it is
    // over: those that came while somebody had a WebSocket here, or with `trace` in [admin], and are not forgotten yet.
    virtual void list_messages(std::array<std::string, 2> call_ids, Answer<CallMessages> answer) = 0;

    virtual void list_trunks(Answer<std::vector<TrunkInfo>> answer) = 0;
    virtual void reload(Answer<bool> answer) = 0; // config_invalid, with the line that says why

    // See Registrar.
    virtual std::vector<BindingRecord> list_bindings(std::string_view behind, std::size_t max) const = 0;
    virtual std::vector<BindingRecord> bindings_of(std::string_view aor) const = 0;

    virtual const WallClock &wall() const = 0;

    // Every loop of the node turns; else the answer is io, or does not come.
    virtual void check_loops(Answer<bool> answer) = 0;

    // New calls are taken; else wrong_state while it drains, store_failed while the store is lost and they are refused.
    virtual Result<void, Failure> readiness() const = 0;

    virtual void collect_metrics(Answer<std::string> answer) = 0; // a page for Prometheus
};

} // namespace tandem
