#include "net/dns/srv_order.hpp"
#include <algorithm>
#include <cstdint>
#include <numeric>

namespace tandem {
namespace {

using Position = std::vector<SrvRecord>::iterator;

// RFC 2782, "Usage rules": records of weight 0 stand first, and the number drawn may be 0, so that they have a chance.
Position draw(Position first, Position last, Random &random) {
    const std::uint64_t sum =
        std::accumulate(first, last, std::uint64_t{0},
                        [](std::uint64_t total, const SrvRecord &record) { return total + record.weight; });
    const std::uint64_t drawn = random.next() % (sum + 1);
    std::uint64_t running = 0;
    return std::find_if(first, last, [&](const SrvRecord &record) { return (running += record.weight) >= drawn; });
}

} // namespace

void order_srv(std::vector<SrvRecord> &records, Random &random) {
    // Those of weight 0 among themselves would come in the order of the answer.
    for (std::size_t i = records.size(); i > 1; --i) std::swap(records[i - 1], records[random.next() % i]);
    std::stable_sort(records.begin(), records.end(), [](const SrvRecord &a, const SrvRecord &b) {
        return a.priority != b.priority ? a.priority < b.priority : a.weight == 0 && b.weight != 0;
    });
    for (auto first = records.begin(); first != records.end(); ++first) {
        const auto last = std::find_if(
            first, records.end(), [&first](const SrvRecord &record) { return record.priority != first->priority; });
        const auto chosen = draw(first, last, random);
        std::rotate(first, chosen, chosen + 1); // the others keep their order
    }
}

} // namespace tandem
