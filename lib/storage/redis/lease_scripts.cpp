#include "storage/redis/lease_scripts.hpp"

namespace tandem {

// The memory is "MICROSECONDS:LOST", the time at which it was made, and 1 if something had been there before. It lives
// for two thirds of a lease, no longer than a lease that was renewed just before.
const std::string_view hello_script = R"(
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local lease = ARGV[2] * 1000
local memory = redis.call('GET', KEYS[1])
local made, lost = string.match(memory or '', '^(%d+):([01])$')
made = tonumber(made or 0)
local is_young = made > now - lease and made <= now
local is_other = ARGV[1] ~= '' and ARGV[1] ~= memory
local has_lost = ARGV[3] == '1' or (is_other and is_young)
if not lost or (has_lost and not (lost == '1' and is_young)) then
    made = now
    is_young = true
    lost = (ARGV[1] ~= '' or ARGV[3] ~= '0') and '1' or '0'
    memory = string.format('%.0f:%s', made, lost)
end
redis.call('SET', KEYS[1], memory, 'PX', math.floor(ARGV[2] * 2 / 3))
local wait = 0
if lost == '1' and is_young then wait = math.ceil((made + lease - now) / 1000) end
return {memory, wait}
)";

const std::string_view reserve_script = R"(
local count = #ARGV - 3
if ARGV[3] ~= '' and redis.call('GET', KEYS[count + 1]) ~= ARGV[3] then return {-1, 0} end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i = 1, count do
    redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', now)
    local limit = tonumber(ARGV[i + 3])
    if limit > 0 and not redis.call('ZSCORE', KEYS[i], ARGV[1]) then
        local size = redis.call('ZCARD', KEYS[i])
        if size >= limit then return {i, size} end
    end
end
local lease = tonumber(ARGV[2])
for i = 1, count do
    redis.call('ZADD', KEYS[i], now + lease, ARGV[1])
    if redis.call('PTTL', KEYS[i]) < lease then redis.call('PEXPIRE', KEYS[i], lease) end
end
return {0, 0}
)";

const std::string_view renew_script = R"(
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lease = tonumber(ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local added = 0
for i = 2, #ARGV do added = added + redis.call('ZADD', KEYS[1], now + lease, ARGV[i]) end
if redis.call('PTTL', KEYS[1]) < lease then redis.call('PEXPIRE', KEYS[1], lease) end
return {added, redis.call('ZCARD', KEYS[1])}
)";

const std::string_view size_script = R"(
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
return {0, redis.call('ZCOUNT', KEYS[1], '(' .. string.format('%.0f', now), '+inf')}
)";

} // namespace tandem
