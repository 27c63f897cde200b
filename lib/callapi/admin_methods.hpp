// The methods of administration: parameters are checked, the host is asked, what it says becomes JSON.
#pragma once
#include "callapi/admin_host.hpp"
#include "callapi/json_rpc.hpp"

namespace tandem {

// Adds them to a table; the host outlives it.
void add_admin_methods(JsonRpc &rpc, AdminHost &host);

} // namespace tandem
