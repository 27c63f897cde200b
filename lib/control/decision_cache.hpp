// Decisions that hold for the same question for a while. Bounded in number and in bytes: the oldest goes. Pure.
#pragma once
#include <cstddef>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include "base/instant.hpp"
#include "call/decision.hpp"

namespace tandem {

struct DecisionCacheOptions {
    std::size_t entry_max = 4096;
    std::size_t bytes_max = 16 << 20; // of questions and answers as they came
};

class DecisionCache {
public:
    explicit DecisionCache(const DecisionCacheOptions &options = {}) : options_(options) {}

    // Null: the question is to be asked.
    std::shared_ptr<const Decision> find(std::string_view key, Instant now);
    void forget(std::string_view key);

    // `size` is about what it takes. One that holds for no time is not kept.
    void keep(std::string key, std::shared_ptr<const Decision> decision, std::size_t size, Duration span, Instant now);

    std::size_t size() const { return entries_.size(); }
    std::size_t bytes() const { return bytes_; }

private:
    struct Entry {
        std::string key;
        std::shared_ptr<const Decision> decision;
        std::size_t size = 0;
        Instant until{};
    };
    using Entries = std::list<Entry>;

    void erase(Entries::iterator at);

    DecisionCacheOptions options_;
    Entries entries_;                                                // the oldest in front
    std::unordered_map<std::string_view, Entries::iterator> by_key_; // of the entries
    std::size_t bytes_ = 0;
};

} // namespace tandem
