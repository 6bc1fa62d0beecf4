// The dependencies and limits of a gateway.

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
import type { SocketLimits } from './socket/socket-server.ts';

export interface GatewayLimits extends SocketLimits {
  /** The current limits per address: they may change while the server runs. */
  readonly addresses: () => AddressBounds;
  /** Further WebSocket connections are refused as overloaded. */
  readonly connectionsMax: number;
  /** The same for connections that have not sent their hello: bounds the memory of unauthenticated clients. */
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
  /** For limits per address. */
  readonly rateLimiter: RateLimiter;
  /** Optional steps of the pipeline. */
  readonly steps?: Pick<PipelineOptions, 'limit' | 'measure'>;
  /** Sent in `welcome`. */
  readonly wireLimits: Limits;
  /** Empty: clients use the address of their request. */
  readonly publicUrl: string;
  readonly webRoot: StaticFiles;
  readonly version: string;
  readonly listen: ListenOptions;
  /** False while only static files can be served. Absent: always reachable. */
  readonly isCoreReachable?: () => boolean;
}

/** How a gateway drains. */
export interface Drain {
  /** On the monotonic clock. Until then everything is served, while readiness fails. Absent: at once. */
  readonly beginAtMs?: number;
  /**
   * Whether another gateway accepts the clients: they are then asked to reconnect one after another, each at once. Called at
   * `beginAtMs`. Absent: no other gateway.
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
