// What one user or one address may ask of the server (docs/limits.md).

import { number, text } from '../option.ts';

export const limitOptions = [
  text(
    'tiers',
    'free=10/20/100,paid=100/200/1000',
    'list',
    'Limits of a user by tier, as name=requests per second/burst/MiB stored per day; the tier unlimited always exists',
  ),
  text('default-tier', 'free', 'name', 'Tier of users for whom neither the token nor the back end names one'),
  text(
    'trusted-proxies',
    '127.0.0.0/8,::1',
    'networks',
    'Proxies whose X-Forwarded-For names the client. Their requests without the header have no limits by address',
  ),
  number(
    'address-requests-per-second',
    20,
    'requests',
    [0, 1_000_000],
    'Requests without a valid token per address, with a burst of five times as many; beyond it rate_limited. 0 = no limit',
  ),
  number(
    'address-handshakes-per-second',
    50,
    'connections',
    [0, 1_000_000],
    'New WebSocket connections per address, with a burst of ten times as many; beyond it rate_limited. 0 = no limit',
  ),
  number(
    'address-connections-max',
    2_000,
    'connections',
    [0, 1_000_000],
    'Open WebSocket connections and unfinished request bodies per address; beyond it rate_limited. 0 = no limit',
  ),
  number(
    'address-logins-per-minute',
    60,
    'logins',
    [0, 1_000_000],
    'Login attempts per address, for all accounts together; beyond it rate_limited. 0 = no limit',
  ),
  number(
    'address-signups-per-hour',
    100,
    'accounts',
    [0, 1_000_000],
    'New accounts per address, with a burst of a fifth; beyond it rate_limited. 0 = no limit',
  ),
  number(
    'rate-limit-buckets-max',
    200_000,
    'buckets',
    [1_000, 100_000_000],
    'Users and addresses whose rates are tracked; beyond it the fullest buckets are evicted',
  ),
] as const;
