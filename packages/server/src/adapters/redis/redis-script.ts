// A Lua script, which Redis executes atomically. It is sent by its hash, and as text to a server that does not know it yet.

import { createHash } from 'node:crypto';

export class RedisScript {
  readonly sha: string;

  constructor(readonly lua: string) {
    this.sha = createHash('sha1').update(lua).digest('hex');
  }
}

/**
 * Lua that sets `now` to Unix ms: to `argument` if it is not empty, otherwise to the time of the server, which all callers share
 * independently of their clocks.
 */
export const nowOf = (argument: string): string => `
local now = tonumber(${argument})
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + time[2] / 1000
end
`;
