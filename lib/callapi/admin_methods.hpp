// The methods of administration (POST /rpc): parameters are checked, the host is asked, what it says becomes JSON.
#pragma once
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>
#include "callapi/admin_host.hpp"
#include "callapi/admin_params.hpp"
#include "json/json.hpp"

namespace tandem {

// Beside those of JSON-RPC 2.0.
enum class AdminCode : int {
    invalid_params = -32602,
    internal = -32603,
    not_found = -32001,   // the call is gone, or never was; no such profile
    unavailable = -32002, // the store or the cluster does not answer
    busy = -32003,        // too many ask, or a bound is reached
    refused = -32004,     // the configuration, or the state of the call, forbids it
};

struct AdminRefusal {
    AdminCode code = AdminCode::internal;
    std::string message; // one line
};

class AdminMethods {
public:
    using Reply = std::function<void(Result<Json, AdminRefusal>)>;

    explicit AdminMethods(AdminHost &host); // outlives the object
    AdminMethods(const AdminMethods &) = delete;
    AdminMethods &operator=(const AdminMethods &) = delete;

    std::vector<std::string_view> names() const;

    // False: there is no such method. `reply` is called once, as the host answers.
    bool call(std::string_view method, const Json &params, Reply reply);

private:
    using Method = std::function<void(const Json &params, Reply reply)>;
    void add_dialog_methods();
    void add_change_methods();
    void add_profile_methods();
    void add_other_methods();

    AdminHost &host_;
    std::map<std::string_view, Method> methods_;
};

} // namespace tandem
