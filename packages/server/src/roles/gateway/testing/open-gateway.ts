// A gateway on a free loopback port in front of a fake core.

import { systemClock } from '@hongyan/base/clock';
import { silentLog } from '@hongyan/base/log';
import { parseNetworks } from '@hongyan/base/networks';
import { ok } from '@hongyan/base/result';
import { createUuidV7 } from '@hongyan/base/uuid';
import type { UserId } from '@hongyan/protocol/ids';
import { refusal } from '@hongyan/protocol/refusals';
import type { Core } from '../../../ports/core/core.ts';
import { MemoryEventBus } from '../../../ports/event-bus/memory-event-bus.ts';
import { MemoryRateLimiter } from '../../../ports/rate-limiter/memory-rate-limiter.ts';
import type { Tokens } from '../../../ports/tokens/tokens.ts';
import { ClientAddresses } from '../client-address.ts';
import { Gateway } from '../gateway.ts';
import { GatewayMeter } from '../meter.ts';
import type { GatewayLimits, GatewayOptions } from '../options.ts';
import { fakeCore } from './fake-core.ts';

/** The token of a user is the user's id. */
const idsAsTokens: Tokens = {
  sign: async (userId) => ({ accessToken: userId, expiresInS: 3600, issuedAtMs: 0 }),
  verify: async (token) =>
    token === ''
      ? refusal.badToken()
      : ok({ userId: token as UserId, tokenId: `t-${token}`, issuedAtMs: 0, expiresAtMs: 1e15 }),
};

const limits: GatewayLimits = {
  heartbeatMs: 30_000,
  helloTimeoutMs: 10_000,
  frameBytesMax: 4096,
  backlogBytesMax: 1_000_000,
  totalBacklogBytesMax: 10_000_000,
  inFlightMax: 100,
  connectionsMax: 100,
  awaitingHelloMax: 10,
  addresses: () => ({ connectionsMax: 0, handshakesPerS: 0, requestsPerS: 0 }),
};

export async function openTestGateway(
  options: {
    readonly core?: Partial<Core>;
    readonly limits?: Partial<GatewayLimits>;
    readonly isPortShared?: boolean;
  } & Partial<Pick<GatewayOptions, 'steps' | 'webRoot' | 'publicUrl' | 'isCoreReachable' | 'log' | 'rateLimiter'>> = {},
) {
  const fake = fakeCore(options.core);
  const bus = new MemoryEventBus();
  const gateway = new Gateway({
    webRoot: new Map(),
    publicUrl: '',
    log: silentLog,
    rateLimiter: new MemoryRateLimiter({ clock: systemClock, bucketsMax: 1000 }),
    ...options,
    core: fake.core,
    bus,
    tokens: idsAsTokens,
    clientAddresses: new ClientAddresses(parseNetworks('127.0.0.0/8')),
    clock: systemClock,
    meter: new GatewayMeter(),
    random: () => 0.5,
    node: 'test',
    newSessionId: createUuidV7(() => systemClock.nowMs()),
    limits: { ...limits, ...options.limits },
    wireLimits: {
      protocol_version: 2,
      frame_bytes_max: limits.frameBytesMax,
      content_bytes_max: 1024,
      page_max: 100,
      members_inline: 100,
      receipts_push_max: 100,
    },
    version: '1.2.3',
    listen: { hostname: '127.0.0.1', port: 0, isPortShared: options.isPortShared ?? false },
  });
  await gateway.start();
  return { ...fake, bus, gateway, url: gateway.url };
}
