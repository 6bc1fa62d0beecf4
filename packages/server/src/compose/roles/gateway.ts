// The gateway as configured, in front of a core that may be in this process or in another.

import { parseAddress } from '@hongyan/base/address';
import type { Clock } from '@hongyan/base/clock';
import { parseNetworks } from '@hongyan/base/networks';
import { systemRandom } from '@hongyan/base/random';
import { createUuidV7 } from '@hongyan/base/uuid';
import type { Limits } from '@hongyan/protocol/down';
import { protocolVersion } from '@hongyan/protocol/version';
import type { Config } from '../../config/options.ts';
import { readClientTls } from '../../config/tls.ts';
import type { Core } from '../../ports/core/core.ts';
import type { EventBus } from '../../ports/event-bus/event-bus.ts';
import { MemoryRateLimiter } from '../../ports/rate-limiter/memory-rate-limiter.ts';
import type { RateLimiter } from '../../ports/rate-limiter/rate-limiter.ts';
import type { Tokens } from '../../ports/tokens/tokens.ts';
import type { AddressBounds } from '../../roles/gateway/address-limits.ts';
import { ClientAddresses } from '../../roles/gateway/client-address.ts';
import { Gateway } from '../../roles/gateway/gateway.ts';
import { GatewayMeter } from '../../roles/gateway/meter.ts';
import type { Drain, GatewayLimits, GatewayOptions } from '../../roles/gateway/options.ts';
import { registerCertificateEnd } from '../operator/certificate-end.ts';
import type { Surroundings } from '../surroundings.ts';
import { version } from '../version.ts';
import { findWebRoot } from '../web/web-root.ts';
import { openFilesForConnections } from './open-files.ts';
import { issuerKeys, withIssuer } from './tokens.ts';

export interface GatewayPlace {
  readonly core: Core;
  readonly bus: EventBus;
  readonly tokens: Tokens;
  readonly node: string;
  readonly steps?: NonNullable<GatewayOptions['steps']>;
  /** Other gateways accept on the same port. */
  readonly isPortShared?: boolean;
  readonly isCoreReachable?: () => boolean;
  /** The configuration in force; the limits of addresses are read from it on each use. Absent: the one of the start. */
  readonly live?: () => Config;
  /** Limits addresses across all gateways. Absent: each gateway allows its share. */
  readonly addressLimiter?: RateLimiter;
}

/** Resolves when the gateway listens. */
export async function openGateway(
  config: Config,
  { log, clock, metrics, tracing }: Surroundings,
  place: GatewayPlace,
): Promise<Gateway> {
  const { isPortShared = false, addressLimiter, live = () => config, ...rest } = place;
  const jwks = issuerKeys(config, { clock, log });
  const tokens = withIssuer(config, { clock, log }, { ...place, jwks });
  const meter = new GatewayMeter();
  const limits = gatewayLimits(config, () => addressBounds(live(), addressLimiter !== undefined));
  const gateway = new Gateway({
    ...rest,
    tokens,
    clock,
    random: systemRandom,
    log,
    meter,
    tracing,
    newSessionId: createUuidV7(() => clock.nowMs()),
    limits,
    clientAddresses: new ClientAddresses(parseNetworks(config.trustedProxies)),
    rateLimiter: addressLimiter ?? new MemoryRateLimiter({ clock, bucketsMax: config.rateLimitBucketsMax }),
    wireLimits: wireLimits(config),
    publicUrl: config.publicUrl,
    webRoot: findWebRoot(config.webRoot),
    version,
    listen: { ...parseAddress(config.listen), tls: await readClientTls(config), isPortShared },
  });
  meter.register(metrics, gateway.state, limits);
  metrics.gauge({
    name: 'hongyan_issuer_keys',
    help: 'Public keys of the issuer of tokens that are known',
    read: () => jwks?.keyCount ?? [],
  });
  registerCertificateEnd(metrics, { option: 'tls-cert', endsAtMs: () => gateway.certificateEndsAtMs });
  await gateway.start();
  jwks?.start(gateway.closing);
  return gateway;
}

/** In the time that is configured for it. */
export async function drainGateway(
  gateway: Gateway,
  { drainDelaySeconds, drainSeconds }: Pick<Config, 'drainDelaySeconds' | 'drainSeconds'>,
  { clock, isRelieved }: Pick<Drain, 'isRelieved'> & { readonly clock: Clock },
): Promise<void> {
  const beginAtMs = clock.monotonicMs() + drainDelaySeconds * 1000;
  await gateway.drain(beginAtMs + drainSeconds * 1000, { beginAtMs, ...(isRelieved && { isRelieved }) });
}

function gatewayLimits(config: Config, addresses: () => AddressBounds): GatewayLimits {
  return {
    heartbeatMs: config.heartbeatMs,
    helloTimeoutMs: config.helloTimeoutMs,
    frameBytesMax: config.frameBytesMax,
    backlogBytesMax: config.connectionBacklogBytesMax,
    totalBacklogBytesMax: config.backlogBytesMax,
    connectionsMax: Math.min(config.connectionsMax, openFilesForConnections()),
    awaitingHelloMax: config.helloPendingMax,
    inFlightMax: config.inFlightPerConnectionMax,
    addresses,
  };
}

function addressBounds(config: Config, areRatesCountedTogether: boolean): AddressBounds {
  const rateOf = (whole: number) => (areRatesCountedTogether ? whole : shareOf(config, whole));
  return {
    connectionsMax: shareOf(config, config.addressConnectionsMax),
    handshakesPerS: rateOf(config.addressHandshakesPerSecond),
    requestsPerS: rateOf(config.addressRequestsPerSecond),
  };
}

/** The kernel spreads the connections of an address over the gateways: each allows its share. */
const shareOf = ({ gateways }: Config, whole: number): number => Math.ceil(whole / gateways);

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
