// The gateway as configured, in front of a core that may be in this process or in another.

import { parseAddress, reachableUrl } from '@hongyan/base/address';
import { createUuidV7 } from '@hongyan/base/uuid';
import type { Limits } from '@hongyan/protocol/down';
import { protocolVersion } from '@hongyan/protocol/version';
import type { Config } from '../config/options.ts';
import { readSecret } from '../config/secret.ts';
import type { Core } from '../ports/core/core.ts';
import type { EventBus } from '../ports/event-bus/event-bus.ts';
import { type Gateway, startGateway } from '../roles/gateway/gateway.ts';
import { createTokens } from '../roles/gateway/token.ts';
import type { Surroundings } from './core.ts';
import { version } from './version.ts';
import { findWebRoot } from './web-root.ts';

export interface GatewayPlace {
  readonly core: Core;
  readonly bus: EventBus;
  readonly node: string;
  /** Other gateways accept on the same port. */
  readonly isPortShared?: boolean;
  readonly isCoreReachable?: () => boolean;
}

/** Verified tokens that all gateways of this server together remember. */
const tokensMax = 20_000;

export async function openGateway(
  config: Config,
  { log, clock }: Surroundings,
  { core, bus, node, isPortShared, isCoreReachable }: GatewayPlace,
): Promise<Gateway> {
  const secret = await readSecret(config.data);
  return startGateway(
    {
      core,
      bus,
      tokens: createTokens({ secret, ttlS: config.tokenTtlS, clock, cacheMax: Math.ceil(tokensMax / config.gateways) }),
      clock,
      log,
      node,
      newSessionId: createUuidV7(() => clock.nowMs()),
      limits: {
        heartbeatMs: config.heartbeatMs,
        helloTimeoutMs: config.helloTimeoutMs,
        frameBytesMax: config.frameBytesMax,
        backlogBytesMax: config.connectionBacklogBytesMax,
        connectionsMax: config.connectionsMax,
        inFlightMax: config.inFlightPerConnectionMax,
      },
      wireLimits: wireLimits(config),
      tokenTtlS: config.tokenTtlS,
      isSignupEnabled: config.signupEnabled,
      publicUrl: config.publicUrl || reachableUrl({ ...parseAddress(config.listen), isTls: config.tlsCert !== '' }),
      webRoot: await findWebRoot(config.webRoot),
      isCoreReachable,
    },
    { ...listenOptions(config), isPortShared },
    version,
  );
}

function wireLimits(config: Config): Limits {
  return {
    protocol_version: protocolVersion,
    frame_bytes_max: config.frameBytesMax,
    content_bytes_max: config.contentBytesMax,
    page_max: config.pageMax,
    members_inline: config.membersInlineMax,
    receipts_push_max: config.receiptsPushMax,
  };
}

function listenOptions({ listen, tlsCert, tlsKey }: Config) {
  return { ...parseAddress(listen), ...(tlsCert && tlsKey ? { tls: { certFile: tlsCert, keyFile: tlsKey } } : {}) };
}
