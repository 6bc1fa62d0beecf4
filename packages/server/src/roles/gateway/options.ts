// What a gateway is given: the core, the bus, tokens, time, and its limits.

import type { Clock } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import type { Random } from '@hongyan/base/random';
import type { Limits } from '@hongyan/protocol/down';
import type { StaticFiles } from '../../http/static-files.ts';
import type { Core } from '../../ports/core/core.ts';
import type { EventBus } from '../../ports/event-bus/event-bus.ts';
import type { RateLimiter } from '../../ports/rate-limiter/rate-limiter.ts';
import type { Tokens } from '../../ports/tokens/tokens.ts';
import type { Tracing } from '../../tracing/tracing.ts';
import type { AddressBounds } from './address-limits.ts';
import type { ClientAddresses } from './client-address.ts';
import type { GatewayMeter } from './meter.ts';
import type { PipelineOptions } from './pipeline.ts';
import type { SocketLimits } from './socket/socket-door.ts';

export interface GatewayLimits extends SocketLimits {
  /** Of each address, at the moment. */
  readonly addresses: () => AddressBounds;
  /** Further WebSocket connections are refused as overloaded. */
  readonly connectionsMax: number;
  /** The same for those that have not sent their hello: what they hold is bounded before anyone has authenticated. */
  readonly awaitingHelloMax: number;
}

export interface GatewayOptions {
  readonly core: Core;
  readonly bus: EventBus;
  readonly tokens: Tokens;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly meter: GatewayMeter;
  /** Absent: nothing is traced. */
  readonly tracing?: Tracing | undefined;
  readonly node: string;
  readonly newSessionId: () => string;
  readonly limits: GatewayLimits;
  readonly clientAddresses: ClientAddresses;
  /** Of addresses. */
  readonly rateLimiter: RateLimiter;
  /** Steps of the pipeline that the surroundings provide; absent ones are left out. */
  readonly steps?: Pick<PipelineOptions, 'limit' | 'measure'>;
  /** What `welcome` states. */
  readonly wireLimits: Limits;
  /** Empty: clients use the address by which they asked. */
  readonly publicUrl: string;
  readonly webRoot: StaticFiles;
  readonly version: string;
  readonly listen: ListenOptions;
  /** False while nothing but static files can be answered. Absent: always reachable. */
  readonly isCoreReachable?: () => boolean;
}

/** How a gateway drains. */
export interface Drain {
  /** Of the monotonic clock. Until then everything is served, while readiness says no. Absent: it begins at once. */
  readonly beginAtMs?: number;
  /**
   * Whether another gateway accepts these clients: they leave one after another, and each reconnects at once. Called when the delay
   * has passed. Absent: none does.
   */
  readonly isRelieved?: () => boolean | Promise<boolean>;
}

export interface ListenOptions {
  readonly hostname: string;
  /** 0 = any free port. */
  readonly port: number;
  /** PEM. */
  readonly tls?: { readonly certificate: Buffer; readonly key: Buffer; readonly endsAtMs: number } | undefined;
  /** Several processes accept on the same port. */
  readonly isPortShared?: boolean;
}
