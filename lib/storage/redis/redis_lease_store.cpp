#include "storage/redis/redis_lease_store.hpp"
#include <utility>
#include "storage/redis/lease_words.hpp"
#include "storage/redis/redis_link.hpp"

namespace tandem {
namespace {

std::vector<std::string> lease_scripts() {
    std::vector<std::string> scripts;
    for (std::size_t i = 0; i < lease_script_count; ++i) scripts.emplace_back(text_of(static_cast<LeaseScript>(i)));
    return scripts;
}

} // namespace

struct RedisLeaseStore::Impl {
    Impl(Loop &loop, RedisUrl url, std::string its_prefix, RedisLeaseEvents its_events)
        : prefix(std::move(its_prefix)), events(std::move(its_events)),
          link(loop, std::move(url), lease_scripts(), {events.on_connected, events.on_lost}) {}

    const std::string prefix;
    const RedisLeaseEvents events;
    RedisLink link;
};

RedisLeaseStore::RedisLeaseStore(Loop &loop, RedisUrl url, std::string prefix, RedisLeaseEvents events)
    : impl_(std::make_unique<Impl>(loop, std::move(url), std::move(prefix), std::move(events))) {}

RedisLeaseStore::~RedisLeaseStore() = default;

void RedisLeaseStore::connect() { impl_->link.connect(); }

void RedisLeaseStore::disconnect() { impl_->link.disconnect(); }

void RedisLeaseStore::send(const LeaseCommand &command) {
    if (!impl_->link.is_up()) return;
    impl_->link.send(first_key(command, impl_->prefix), words_of(command, impl_->link.script_names(), impl_->prefix),
                     [impl = impl_.get(), command](const RedisValue &value) {
                         impl->events.on_answer(read_answer(command, value));
                     });
}

} // namespace tandem
