// The order in which the targets of a service are tried (RFC 2782).
#pragma once
#include <vector>
#include "base/random.hpp"
#include "net/dns/dns_record.hpp"

namespace tandem {

// Lowest priority first; within one, drawn by weight: a record is the first of those left with the probability of its
// share in the sum of their weights, and one of weight 0 hardly ever.
void order_srv(std::vector<SrvRecord> &records, Random &random);

} // namespace tandem
