// Why a call by JSON-RPC has failed: an error object (JSON-RPC 2.0 section 5.1).
#pragma once
#include <string>
#include "json/json.hpp"

namespace tandem {

enum class RpcCode : int {
    parse_error = -32700,
    invalid_request = -32600,
    method_not_found = -32601,
    invalid_params = -32602,
    internal_error = -32603,
    // Ours, out of the range for servers (-32000 to -32099).
    not_found = -32001,   // what is named does not exist, or not any more
    conflict = -32002,    // something else is under way with it
    wrong_state = -32003, // right at another time
    full = -32004,        // a limit is reached
    unavailable = -32005, // the server ends, or what it needs does not work
    timed_out = -32006,
    unauthorized = -32007,
};

struct RpcError {
    RpcCode code = RpcCode::internal_error;
    std::string message;
    Json data; // null: none
};

} // namespace tandem
