// A Lua script: one atomic step of Redis. Sent by its hash, and whole to a server that does not know it yet.

import { createHash } from 'node:crypto';

export class RedisScript {
  readonly sha: string;

  constructor(readonly lua: string) {
    this.sha = createHash('sha1').update(lua).digest('hex');
  }
}

/**
 * Lua that sets `now` to milliseconds: those of the caller where `argument` is not empty, else the server's, which all callers share
 * whatever their own clocks say.
 */
export const nowOf = (argument: string): string => `
local now = tonumber(${argument})
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + time[2] / 1000
end
`;
