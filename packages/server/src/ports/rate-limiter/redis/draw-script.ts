// Draws from a bucket in Redis. One atomic script settles the lease of the process, decides its draws in their order, and grants a new
// lease.
//
// A bucket is stored as the time at which it is full, as in domain/rate.ts, with the leases of processes: units that were taken in advance.
// A bucket does not refill the units of open leases: it is full at the earliest at `now` + all leases. Otherwise a process could use its
// lease at the moment at which the bucket is full again, and more than the burst would be taken at once. A lease that expires without a
// return counts as used at the latest possible moment.
//
// When the clock of Redis is set back, stored times are in the future. Then a bucket counts as empty, and its leases as expired.

import { nowOf, RedisScript } from '../../../adapters/redis/redis-script.ts';

/**
 * KEYS bucket. ARGV 1 time or empty, 2 holder, 3 lifetime of its lease in ms, 4 returned part of its lease and 5 units it granted alone,
 * both in ms of the bucket, 6 units it wants to lease, then cost, perS and burst of each draw. Returns: 1 leased units, 2 ms until the
 * bucket is full, 3 ms of the bucket that others have leased, then for each draw 0 or the ms to wait, and the ms until the bucket is full
 * after it. Milliseconds are texts, because Redis would truncate numbers.
 */
export const drawScript = new RedisScript(`${nowOf('ARGV[1]')}
local tolerance = 0.01
local own = 'lease:' .. ARGV[2]
local full = 0
local leases = {}
local fields = redis.call('HGETALL', KEYS[1])
for at = 1, #fields, 2 do
  if fields[at] == 'full' then
    full = tonumber(fields[at + 1])
  else
    local ms, tillText = string.match(fields[at + 1], '^(.+):(.+)$')
    local till = tonumber(tillText)
    if till > now + tonumber(ARGV[3]) + tolerance then till = now end
    leases[#leases + 1] = { field = fields[at], ms = tonumber(ms), till = till }
  end
end
table.sort(leases, function(one, other) return one.till < other.till end)
local out = 0
for _, lease in ipairs(leases) do out = out + lease.ms end

local lastTill = now
local ownMs = 0
for _, lease in ipairs(leases) do
  if lease.till <= now then
    full = math.max(full, lease.till + out)
    out = out - lease.ms
    redis.call('HDEL', KEYS[1], lease.field)
  elseif lease.field == own then
    ownMs = lease.ms
  else
    lastTill = math.max(lastTill, lease.till)
  end
end
full = math.max(full, now + out)
if ownMs > 0 then
  full = full - math.min(tonumber(ARGV[4]), ownMs)
  out = out - ownMs
  redis.call('HDEL', KEYS[1], own)
end
full = full + tonumber(ARGV[5])

local function text(ms) return string.format('%.3f', ms) end
local answer = { 0, '', text(out) }
local unit, capacity
for at = 7, #ARGV, 3 do
  local cost, perS, burst = tonumber(ARGV[at]), tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  unit = 1000 / perS
  capacity = burst * unit
  full = math.min(full, now + capacity)
  local before = math.max(full, now + out)
  local costMs = math.min(cost, burst) * unit
  local over = before + costMs - now - capacity
  if over <= tolerance then
    full = before + costMs
    answer[#answer + 1] = '0'
  else
    -- Where leases of others are in the way it takes their end, and then the time for what they leave.
    local blocked = out + costMs - capacity
    if blocked > tolerance then over = math.max(over, lastTill - now + blocked) end
    answer[#answer + 1] = text(over)
  end
  answer[#answer + 1] = text(math.max(full, now + out) - now)
end

local wanted = tonumber(ARGV[6])
if unit and wanted > 0 then
  local before = math.max(full, now + out)
  local units = math.min(wanted, math.floor((capacity - (before - now)) / unit))
  if units > 0 then
    full = before + units * unit
    lastTill = math.max(lastTill, now + tonumber(ARGV[3]))
    redis.call('HSET', KEYS[1], own, text(units * unit) .. ':' .. text(now + tonumber(ARGV[3])))
    answer[1] = units
  end
end
answer[2] = text(math.max(full, now + out) - now)
redis.call('HSET', KEYS[1], 'full', text(full))
redis.call('PEXPIRE', KEYS[1], math.ceil(math.max(full, lastTill + out) - now) + 1000)
return answer`);
