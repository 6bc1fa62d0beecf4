// What a gateway is given: the core, the bus, tokens, time, and its limits.

import type { Clock } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import type { Limits } from '@hongyan/protocol/down';
import type { Core } from '../../ports/core/core.ts';
import type { EventBus } from '../../ports/event-bus/event-bus.ts';
import type { Tokens } from './token.ts';
import type { WebRoot } from './web-root.ts';

export interface GatewayLimits {
  readonly heartbeatMs: number;
  readonly helloTimeoutMs: number;
  readonly frameBytesMax: number;
  /** What may wait unsent for one connection before it is closed as a slow consumer. */
  readonly backlogBytesMax: number;
  readonly connectionsMax: number;
  readonly inFlightMax: number;
}

export interface GatewayDeps {
  readonly core: Core;
  readonly bus: EventBus;
  readonly tokens: Tokens;
  readonly clock: Clock;
  readonly log: Log;
  readonly node: string;
  readonly newSessionId: () => string;
  readonly limits: GatewayLimits;
  /** What `welcome` tells the client. */
  readonly wireLimits: Limits;
  readonly tokenTtlS: number;
  readonly isSignupEnabled: boolean;
  readonly publicUrl: string;
  readonly webRoot: WebRoot;
  /** False while nothing but static files can be answered. Absent: always reachable. */
  readonly isCoreReachable?: () => boolean;
}

export interface ListenOptions {
  readonly hostname: string;
  /** 0 = any free port. */
  readonly port: number;
  readonly tls?: { readonly certFile: string; readonly keyFile: string };
  /** Several processes accept on the same port. */
  readonly isPortShared?: boolean;
}
