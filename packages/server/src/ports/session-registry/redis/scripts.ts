// The atomic operations of the registry, as Lua scripts. Each works on one bucket of users, whose keys are on one server.
//
// `users` maps a user to their sessions, as JSON: [[session, device, node], …]. `held` maps the sessions of one node to their users.

import { nowOf, RedisScript } from '../../../adapters/redis/redis-script.ts';

const lists = `
local function listOf(user)
  local text = redis.call('HGET', KEYS[1], user)
  return text and cjson.decode(text) or {}
end
-- Keeps the sessions that are not dropped; true when the last one went.
local function keep(user, isDropped)
  local before = listOf(user)
  local kept = {}
  for _, session in ipairs(before) do
    if not isDropped(session) then kept[#kept + 1] = session end
  end
  if #kept == #before then return false end
  if #kept > 0 then
    redis.call('HSET', KEYS[1], user, cjson.encode(kept))
    return false
  end
  redis.call('HDEL', KEYS[1], user)
  return true
end
local function add(user, session, device, node)
  local list = listOf(user)
  local wasOnline = #list > 0
  for at, other in ipairs(list) do
    if other[1] == session then table.remove(list, at) break end
  end
  list[#list + 1] = { session, device, node }
  redis.call('HSET', KEYS[1], user, cjson.encode(list))
  redis.call('HSET', KEYS[2], session, user)
  return not wasOnline
end
local function touch(ttl)
  redis.call('PEXPIRE', KEYS[1], ttl)
  redis.call('PEXPIRE', KEYS[2], ttl)
end
`;

/** KEYS users, held. ARGV ttl of the keys, user, session, device, node. 1: the user became online. */
export const addScript = new RedisScript(`${lists}
local becameOnline = add(ARGV[2], ARGV[3], ARGV[4], ARGV[5])
touch(ARGV[1])
return becameOnline and 1 or 0`);

/** KEYS users, held. ARGV user, session. 1: the user became offline. */
export const removeScript = new RedisScript(`${lists}
redis.call('HDEL', KEYS[2], ARGV[2])
local becameOffline = keep(ARGV[1], function(session) return session[1] == ARGV[2] end)
return becameOffline and 1 or 0`);

/** KEYS users, held. ARGV ttl of the keys. Returns the number of the node's sessions. */
export const touchScript = new RedisScript(`${lists}
touch(ARGV[1])
return redis.call('HLEN', KEYS[2])`);

/** KEYS users, held. ARGV node. Removes all sessions of the node, and returns the users who went offline. */
export const dropScript = new RedisScript(`${lists}
local offline = {}
local function isOfNode(session) return session[3] == ARGV[1] end
for _, user in ipairs(redis.call('HVALS', KEYS[2])) do
  if keep(user, isOfNode) then offline[#offline + 1] = user end
end
redis.call('DEL', KEYS[2])
return offline`);

/**
 * KEYS users, held. ARGV ttl of the keys, node, then user, session and device of each session. Replaces the sessions of the node by these.
 */
export const replaceScript = new RedisScript(`${lists}
local given = {}
for at = 3, #ARGV, 3 do given[ARGV[at + 1]] = true end
local held = redis.call('HGETALL', KEYS[2])
for at = 1, #held, 2 do
  if not given[held[at]] then
    redis.call('HDEL', KEYS[2], held[at])
    keep(held[at + 1], function(session) return session[1] == held[at] end)
  end
end
for at = 3, #ARGV, 3 do add(ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[2]) end
touch(ARGV[1])
return 1`);

/** KEYS nodes, with the time of the last renewal of each. ARGV time or empty, ttl of the key, node. */
export const renewScript = new RedisScript(`${nowOf('ARGV[1]')}
redis.call('ZADD', KEYS[1], now, ARGV[3])
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`);

/** KEYS nodes. ARGV time or empty, ttl. Returns the nodes that were not renewed within the ttl. */
export const expiredScript = new RedisScript(`${nowOf('ARGV[1]')}
return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[2]))`);

/** KEYS nodes. ARGV time or empty, ttl, nodes. Removes those that were not renewed meanwhile. */
export const forgetScript = new RedisScript(`${nowOf('ARGV[1]')}
for at = 3, #ARGV do
  local renewed = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[at]))
  if renewed and renewed <= now - tonumber(ARGV[2]) then redis.call('ZREM', KEYS[1], ARGV[at]) end
end
return 1`);
