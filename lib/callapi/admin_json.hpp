// What administration shows, as JSON: names as `kamcmd dlg.list` prints them, times in UTC microseconds, states by
// name. What is not there yet is 0 or "".
#pragma once
#include <cstdint>
#include "base/wall_clock.hpp"
#include "callapi/admin_host.hpp"
#include "json/json.hpp"

namespace tandem {

Json to_json(const DialogInfo &dialog);
Json to_json(const CdrVariable &variable); // its value; bytes as base64 text, as in the record of a call
Json to_json(const DialogStatistics &statistics);
Json to_json(const ProfileInfo &profile);
Json to_json(const ProfileValueInfo &value);
Json to_json(const CallMessages &messages);
Json to_json(const BindingRecord &binding, const WallClock &wall);
Json to_json(const TrunkInfo &trunk, const WallClock &wall);

} // namespace tandem
