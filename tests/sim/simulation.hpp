// One run: many random calls through one Engine over one emulated network, and what came of them.
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>
#include "call/engine.hpp"
#include "call/kept_dialogs.hpp"
#include "cdr/cdr.hpp"
#include "sim/callee.hpp"
#include "sim/caller.hpp"
#include "sim/carrier.hpp"
#include "sim/decoy.hpp"
#include "sim/journal.hpp"
#include "sim/network.hpp"
#include "sim/plan.hpp"
#include "sim/target.hpp"
#include "sim/witness.hpp"

namespace tandem::sim {

// A deliberate fault between the Engine and the world, to see that the checks can fail.
struct Sabotage {
    std::function<bool(std::string &bytes)> outgoing; // changes a datagram; false: drops it
    std::function<bool(const CallEvent &)> event;     // false: nobody hears of it
    std::function<int(const DialogRecord &)> ended;   // how often the record of an end is reported; empty: once
};

struct SimulationOptions {
    std::uint64_t seed = 1;
    std::size_t calls = 2000;
    std::optional<std::size_t> only; // this call alone, as it was among the others
    Weather weather;
    TraceOptions trace;
    Sabotage sabotage;
    double deaths = 0; // chance of each batch to be the last one of its process
};

struct SimulationReport {
    std::vector<Finding> findings;
    std::uint64_t hash = 0; // over every datagram
    std::uint64_t datagrams = 0;
    std::size_t records = 0;
    std::size_t answered = 0;
    std::size_t up_max = 0; // calls at the same time
    std::uint64_t deaths = 0;
    Instant end{};
    std::map<std::string, std::size_t> reasons;
};

class Simulation {
public:
    explicit Simulation(const SimulationOptions &options);
    SimulationReport run();

private:
    struct Record { // of one dialog set, as it was reported last
        RecordId id;
        RecordId leg_of;
        std::string call_id;
        std::string callee_call_id;
        DialogState state = DialogState::trying;
        EndReason reason = EndReason::none;
        std::uint16_t sip_code = 0;
        Instant created{};
        std::optional<Instant> ringing;
        std::optional<Instant> answered;
        std::optional<Instant> ended;
        int ends = 0;
    };
    struct Call {
        Call(const Plan &planned, Journal &journal, Network &network, std::uint64_t seed)
            : plan(planned), witness(plan, board, journal), caller(plan, board, network, journal, seed),
              callee(plan, board, network, journal, seed), target(plan, board, network, journal, seed),
              carrier(plan.number, plan.is_challenged, journal, seed) {
            for (std::size_t i = 0; i < plan.decoys.size(); ++i)
                decoys.emplace_back(plan, i, board, network, journal, seed);
        }

        Plan plan;
        Board board;
        Witness witness;
        Caller caller;
        Callee callee;
        Target target;
        Carrier carrier; // between all of them and the B2BUA
        std::deque<Decoy> decoys;
        std::map<CommandId, Verb> commands; // under way
        bool is_held = false;
        bool has_failed_command = false;
    };
    // What the engine draws for a call comes from the call's own stream: a call alone waits as long after a 491.
    class CallRandom final : public Random {
    public:
        explicit CallRandom(std::uint64_t seed) : seed_(seed), shared_(seed) {}
        std::uint64_t next() override { return call_ ? of_calls_.at(*call_).next() : shared_.next(); }
        void enter(std::size_t call) {
            call_ = call;
            of_calls_.try_emplace(call, seed_, 'e', call);
        }
        void leave() { call_.reset(); }

    private:
        std::uint64_t seed_;
        SeededRandom shared_;
        std::map<std::size_t, Dice> of_calls_;
        std::optional<std::size_t> call_;
    };
    class Routes final : public Router {
    public:
        explicit Routes(const Simulation &simulation) : simulation_(simulation) {}
        Route route(const Message &invite, const Endpoint &source) override;
        std::optional<RouteTarget> target_of(std::string_view uri) override;
        std::optional<TrunkAccount> account_at(const Endpoint &at) const override;
        std::shared_ptr<const Account> account_of(std::string_view trunk) const override;

    private:
        Route route_to_target(std::size_t call) const;
        RouteTarget of_carrier(std::size_t call, RouteTarget target) const;

        const Simulation &simulation_;
    };

    void step(Instant when);
    void deliver(const Endpoint &to, const Endpoint &from, const std::string &bytes);
    void deliver_to_peer(Call &call, const Endpoint &to, const Endpoint &from, const std::string &bytes);
    void flush();
    bool send_out();
    void look_up(const Lookup &lookup);
    template <class Input>
    void input(std::size_t call, Input given) { // to the engine
        random_.enter(call);
        given();
        random_.leave();
        touched_.push_back(call);
    }

    // command.cpp
    void command(Call &call, Verb verb);
    void begin_command(Call &call, Verb verb, DialogId leg);
    Result<CommandId> give_command(const Call &call, Verb verb, DialogId leg);
    void take_event(const CallEvent &event);
    void judge_commands(const Call &call);
    DialogId leg_of(const Call &call, Party party) const; // none: there is none

    void take_change(const DialogRecord &record);
    void take_end(const DialogRecord &record);
    Record &keep(const DialogRecord &record);
    std::optional<std::size_t> call_of(std::string_view call_id) const; // on either leg
    void hear(std::optional<std::size_t> call, std::string text) {      // what a process that dies may do
        journal_.hear(network_.now(), call, std::move(text));
    }
    void find(std::optional<std::size_t> call, std::string text) {
        journal_.find(network_.now(), call, std::move(text));
    }

    // death.cpp
    bool dies();
    void die();
    void begin_process();
    void judge_after_deaths(const Call &call, const Record *record);

    // verdict.cpp: after each batch
    void judge_profile();

    // verdict.cpp: after the run
    void judge_engine(); // the first of them
    void judge_call(const Call &call);
    void judge_record(const Call &call, const Record &record);
    void judge_reason(const Call &call, const Record &record);
    void judge_decision(const Call &call);
    void judge_transfer(const Call &call, const Record &record);
    void judge_failures(const Call &call);
    void judge_script(const Call &call, const Record &record);

    SimulationOptions options_;
    Journal journal_;
    Network network_;
    Routes routes_;
    CallRandom random_;
    std::unique_ptr<ProfileTable> profiles_; // of the process, like the engine
    std::unique_ptr<Engine> engine_;
    Dice death_dice_;
    std::uint64_t deaths_ = 0;
    test::KeptDialogs kept_;
    std::vector<std::string> ended_call_ids_;
    std::vector<std::pair<Instant, std::string>> refusals_; // and when they were kept
    WallClock wall_;
    std::vector<std::unique_ptr<Call>> calls_; // by number; empty where `only` names another
    std::map<RecordId, Record> records_;
    std::multimap<std::string, const Record *> records_by_call_id_; // when all is over
    std::vector<std::size_t> touched_;                              // calls that sent something in this batch
    std::map<CommandId, std::size_t> command_calls_;                // numbers of calls
    std::size_t up_max_ = 0;
    std::vector<Outgoing> outgoing_;
    std::vector<Lookup> lookups_;
};

EngineOptions engine_options(std::uint64_t seed);

// Runs it again for the first calls with findings, one at a time, and prints what they sent.
void explain(const SimulationOptions &options, const SimulationReport &report);

} // namespace tandem::sim
