#include "storage/redis/takeover_scripts.hpp"

namespace tandem {

// `up` lives for half a lease, a node beats each eighth. So an outage of Redis either is over before the heartbeat of
// anybody who lives, with three eighths of a lease left for his next beat, or `up` is made anew.
const std::string_view beat_script = R"(
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lease = tonumber(ARGV[2])
local made = tonumber(redis.call('GET', KEYS[2]) or '')
if not made or made > now then made = now end
redis.call('SET', KEYS[2], string.format('%.0f', made), 'PX', math.floor(lease / 2))
local missing = redis.call('ZADD', KEYS[1], now + lease, ARGV[1])
redis.call('PEXPIRE', KEYS[1], 604800000)
redis.call('PEXPIRE', KEYS[4], 604800000)
local answer = {missing, redis.call('HLEN', KEYS[3])}
if made > now - lease then return answer end
local gone = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '(' .. string.format('%.0f', now), 'WITHSCORES',
                        'LIMIT', 0, 16)
for i = 1, #gone, 2 do
    answer[#answer + 1] = gone[i]
    answer[#answer + 1] = now + lease - tonumber(gone[i + 1])
end
return answer
)";

// The cursor goes on only after all of its slice has gone: what HSCAN returns next does not depend on what was taken
// out. A text that can not be ours is nobody's: with it D would never be empty.
const std::string_view take_script = R"(
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local made = tonumber(redis.call('GET', KEYS[2]) or '')
local ours = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]) or '')
local theirs = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[2]) or '')
if not made or made > now - ARGV[3] or not ours or ours < now or not theirs or theirs >= now or
   redis.call('HLEN', KEYS[4]) > 0 then
    return {-1, '0'}
end
local most = tonumber(ARGV[4])
local bytes_max = tonumber(ARGV[5])
local key_max = tonumber(ARGV[7])
local cursor = ARGV[6]
local answer = {0, cursor}
local bytes = 0
local is_full = false
repeat
    local slice = redis.call('HSCAN', KEYS[5], cursor, 'COUNT', most)
    local calls = slice[2]
    for i = 1, #calls, 2 do
        local key = calls[i]
        local text = calls[i + 1]
        if string.sub(text, 1, 1) == '!' then text = string.sub(text, 2) end
        if #key == 0 or #key > key_max or #text > bytes_max then
            redis.call('HDEL', KEYS[5], key)
        else
            is_full = #answer >= 2 + 2 * most or (bytes > 0 and bytes + #text > bytes_max)
            if is_full then break end
            redis.call('HSET', KEYS[6], key, ARGV[1])
            redis.call('HSET', KEYS[3], key, '!' .. text)
            redis.call('HDEL', KEYS[5], key)
            answer[#answer + 1] = key
            answer[#answer + 1] = text
            bytes = bytes + #text
        end
    end
    if not is_full then cursor = slice[1] end
until is_full or cursor == '0'
if #answer > 2 then redis.call('PEXPIRE', KEYS[6], 604800000) end
answer[1] = redis.call('HLEN', KEYS[5])
answer[2] = cursor
if answer[1] == 0 then redis.call('ZREM', KEYS[1], ARGV[2]) end
return answer
)";

const std::string_view keep_script = R"(
local refused = {}
local any = redis.call('HLEN', KEYS[2]) > 0
for i = 1, #ARGV, 2 do
    if any and redis.call('HEXISTS', KEYS[2], ARGV[i]) == 1 then
        refused[#refused + 1] = ARGV[i]
    elseif ARGV[i + 1] == '' then
        redis.call('HDEL', KEYS[1], ARGV[i])
    else
        redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
    end
end
return refused
)";

const std::string_view own_script = R"(
local slice = redis.call('HSCAN', KEYS[1], ARGV[1], 'COUNT', ARGV[2])
local answer = {slice[1]}
for i = 1, #slice[2], 2 do
    answer[#answer + 1] = slice[2][i]
    answer[#answer + 1] = string.sub(slice[2][i + 1], 1, 1) == '!' and '!' or ''
end
return answer
)";

const std::string_view texts_script = R"(
local answer = {}
local bytes = 0
for i = 2, #ARGV do
    local text = redis.call('HGET', KEYS[1], ARGV[i]) or ''
    text = string.sub(text, 1, 1) == '!' and string.sub(text, 2) or ''
    bytes = bytes + #text
    if bytes > tonumber(ARGV[1]) and #answer > 0 then return answer end
    answer[#answer + 1] = text
end
return answer
)";

} // namespace tandem
