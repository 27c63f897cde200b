// Random operations, beside a model that is too simple to be wrong.
#include <doctest/doctest.h>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include "dialog/profiles.hpp"

using namespace tandem;
using test::dialog_id;
using test::Profiles;

namespace {

using Key = std::pair<std::string, std::string>; // profile and value

struct Model {
    std::map<Key, std::set<std::uint32_t>> members;
    std::map<std::string, std::uint32_t> limits; // by profile
    std::map<Key, std::uint32_t> own_limits;
    std::map<std::string, std::uint64_t> refused;

    std::uint32_t size(const Key &key) const {
        const auto at = members.find(key);
        return at == members.end() ? 0 : static_cast<std::uint32_t>(at->second.size());
    }
    std::uint32_t limit(const Key &key) const {
        const auto own = own_limits.find(key);
        return own != own_limits.end() ? own->second : limits.at(key.first);
    }
    std::uint32_t memberships(std::uint32_t number) const {
        std::uint32_t count = 0;
        for (const auto &[key, numbers] : members) count += static_cast<std::uint32_t>(numbers.count(number));
        return count;
    }
    std::uint32_t all() const {
        std::uint32_t count = 0;
        for (const auto &[key, numbers] : members) count += static_cast<std::uint32_t>(numbers.size());
        return count;
    }
    void erase(const Key &key, std::uint32_t number) {
        members[key].erase(number);
        if (members[key].empty()) members.erase(key);
    }
};

constexpr ProfileTableOptions options{.value_max = 12, .member_max = 150, .per_dialog_max = 6};

Error expected(const Model &model, std::uint32_t number, const std::vector<std::pair<Key, ProfileRequest>> &requests,
               std::string &refused_by) {
    std::set<Key> values;
    for (const auto &[key, limit] : model.own_limits) values.insert(key);
    for (const auto &[key, numbers] : model.members) {
        if (key.first != "plain") values.insert(key);
    }
    std::set<Key> joined;
    for (const auto &[key, request] : requests) {
        const auto in = model.members.find(key);
        if (in != model.members.end() && in->second.count(number) != 0) continue;
        const std::uint32_t limit = request.limit.value_or(model.limit(key));
        if (limit != 0 && model.size(key) + 1 > limit) {
            refused_by = key.first;
            return Error::limit;
        }
        joined.insert(key);
        if (key.first != "plain") values.insert(key);
    }
    if (model.memberships(number) + joined.size() > options.per_dialog_max) return Error::full;
    if (model.all() + joined.size() > options.member_max) return Error::full;
    return values.size() > options.value_max ? Error::full : Error{};
}

} // namespace

TEST_CASE("profile: random reservations, leaves and releases agree with a model") {
    for (std::uint32_t seed = 1; seed <= 12; ++seed) {
        CAPTURE(seed);
        std::mt19937 random(seed);
        const auto below = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
        Profiles profiles(options);
        Model model;
        const auto declare = [&](const std::string &name) {
            ProfileOptions declared{.name = name, .has_values = name != "plain", .limit = below(30)};
            for (std::uint32_t i = below(3); declared.has_values && i > 0; --i) {
                declared.limits.emplace_back("v" + std::to_string(below(10)), below(20));
            }
            const auto done = profiles.table.declare(declared);
            if (!done) {
                CHECK(done.error() == Error::full);
                return;
            }
            model.limits[name] = declared.limit;
            std::erase_if(model.own_limits, [&](const auto &own) { return own.first.first == name; });
            for (const auto &[value, limit] : declared.limits) model.own_limits[{name, value}] = limit;
        };
        const std::vector<std::string> names = {"plain", "a", "b"};
        for (const std::string &name : names) declare(name);
        const auto any_key = [&]() -> Key {
            const std::string &name = names[below(3)];
            return {name, name == "plain" ? "" : "v" + std::to_string(below(10))};
        };

        for (int step = 0; step < 6000; ++step) {
            CAPTURE(step);
            const std::uint32_t number = 1 + below(seed % 2 == 0 ? 60 : 15);
            const std::uint32_t what = below(100);
            if (what < 50) {
                std::vector<std::pair<Key, ProfileRequest>> wanted(1 + below(4));
                for (auto &[key, request] : wanted) {
                    key = any_key();
                    if (below(4) == 0) request.limit = below(12);
                }
                std::vector<ProfileRequest> requests;
                for (const auto &[key, request] : wanted) {
                    requests.push_back({.profile = key.first, .value = key.second, .limit = request.limit});
                }
                std::string refused_by;
                const Error error = expected(model, number, wanted, refused_by);
                const auto done = profiles.reserve(number, requests);
                REQUIRE((done ? Error{} : done.error()) == error);
                if (error == Error::limit) ++model.refused[refused_by];
                if (!done) continue;
                for (const auto &[key, request] : wanted) model.members[key].insert(number);
            } else if (what < 75) {
                const Key key = any_key();
                REQUIRE(profiles.leave(number, key.first, key.second) == (model.members[key].count(number) != 0));
                model.erase(key, number);
            } else if (what < 98) {
                profiles.end(number);
                const auto members = model.members;
                for (const auto &[key, numbers] : members) model.erase(key, number);
            } else {
                declare(names[below(3)]);
            }

            const Key probe = any_key();
            REQUIRE(profiles.size(probe.first, probe.second) == model.size(probe));
            if (step % 100 != 0) continue;
            for (const std::string &name : names) {
                std::uint32_t size = 0;
                std::set<std::pair<std::string, std::uint32_t>> values;
                std::multiset<DialogId> ids;
                for (const auto &[key, numbers] : model.members) {
                    if (key.first != name || numbers.empty()) continue;
                    size += model.size(key);
                    values.emplace(key.second, model.size(key));
                    for (std::uint32_t one : numbers) ids.insert(dialog_id(one));
                    std::set<DialogId> listed;
                    for (DialogId id : profiles.members(name, key.second)) listed.insert(id);
                    REQUIRE(listed.size() == numbers.size());
                    for (std::uint32_t one : numbers) REQUIRE(listed.count(dialog_id(one)) == 1);
                }
                const ProfileInfo info = profiles.table.info(name).value();
                REQUIRE(info.size == size);
                REQUIRE(info.refused == model.refused[name]);
                const auto listed = profiles.members(name);
                REQUIRE(std::multiset<DialogId>(listed.begin(), listed.end()) == ids);
                if (name == "plain") continue;
                REQUIRE(info.values == values.size());
                for (const ProfileValueInfo &value : profiles.values(name)) {
                    REQUIRE(values.erase({value.value, value.size}) == 1);
                    REQUIRE(value.limit == model.limit({name, value.value}));
                }
                REQUIRE(values.empty());
            }
            const ProfileAudit audit = profiles.audit();
            REQUIRE(audit.checked == model.all());
            REQUIRE(audit.removed + audit.added + audit.misplaced == 0);
        }
    }
}
