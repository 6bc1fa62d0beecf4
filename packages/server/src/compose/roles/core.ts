// The core as configured, on the adapters that a profile chose for it.

import type { Timer } from '@hongyan/base/clock';
import { createUuidV7 } from '@hongyan/base/uuid';
import type { MsgId } from '@hongyan/protocol/ids';
import type { Config } from '../../config/options.ts';
import { parseTiers } from '../../config/tiers.ts';
import type { EventBus } from '../../ports/event-bus/event-bus.ts';
import type { NoticeStore } from '../../ports/notice-store/notice-store.ts';
import type { RateLimiter } from '../../ports/rate-limiter/rate-limiter.ts';
import type { Timeline } from '../../ports/timeline/timeline.ts';
import type { Tokens } from '../../ports/tokens/tokens.ts';
import { CallerLimits } from '../../roles/core/caller-limits.ts';
import { type RunningCore, startCore } from '../../roles/core/core.ts';
import type { CoreLimits, CoreOptions } from '../../roles/core/deps.ts';
import { CoreMeter } from '../../roles/core/meter.ts';
import { Notices } from '../../roles/core/notices.ts';
import { StoredBytes } from '../../roles/core/stored-bytes.ts';
import { UserTiers } from '../../roles/core/user-tiers.ts';
import type { HealthCheck } from '../../roles/operator/health.ts';
import type { People } from '../../roles/operator/people.ts';
import type { Surroundings } from '../surroundings.ts';
import { openSendHook } from './send-hook.ts';

/** The adapters that a profile chooses. */
export type CorePorts = Pick<
  CoreOptions,
  | 'access'
  | 'bus'
  | 'commands'
  | 'devices'
  | 'eventReader'
  | 'webhooks'
  | 'outlet'
  | 'rateLimiter'
  | 'registry'
  | 'stores'
  | 'tasks'
> & {
  /** Limits stored bytes; separate from the limiter of requests. */
  readonly storedBytesLimiter: RateLimiter;
  readonly noticeStore: NoticeStore;
  /** Gateways reach the core over a link, whose requests have a deadline. */
  readonly isBehindLink: boolean;
};

export interface CoreSurroundings extends Surroundings {
  readonly tokens: Pick<Tokens, 'sign'>;
  /** The configuration in force [B3]. Absent: that of the start. */
  readonly live?: (() => Config) | undefined;
}

const dayMs = 86_400_000;
const retainEveryMs = 3_600_000;

export interface ComposedCore {
  readonly core: RunningCore;
  readonly bus: EventBus;
  readonly limits: CallerLimits;
  readonly notices: Notices;
  readonly tiers: UserTiers;
  readonly people: People;
  readonly checks: readonly HealthCheck[];
}

export async function composeCore(
  config: Config,
  surroundings: CoreSurroundings,
  ports: CorePorts,
): Promise<ComposedCore> {
  const { log, clock, metrics, tokens, tracing, live = () => config } = surroundings;
  const { bus, stores, devices, registry, rateLimiter, storedBytesLimiter, noticeStore, isBehindLink, ...rest } = ports;
  const { timeline, directory } = stores;
  const newId = createUuidV7(() => clock.nowMs());
  const tiersNow = derived(live, ({ tiers: text }: Config) => parseTiers(text));
  const defaultTierNow = derived(live, ({ defaultTier }: Config) => defaultTier);
  const isSignupEnabledNow = derived(live, ({ signupEnabled }: Config) => signupEnabled);
  const limitsNow = derived(live, (now) => coreLimits(now, isBehindLink));
  const tiers = new UserTiers({
    directory,
    get tiers() {
      return tiersNow();
    },
    get defaultTier() {
      return defaultTierNow();
    },
    clock,
    log,
  });
  const notices = new Notices({ bus, clock, log, newId, store: noticeStore, stored: await noticeStore.read() });
  const { hook: sendHook, checks } = await openSendHook(config, surroundings);
  const core = startCore({
    ...rest,
    ...{ bus, stores, devices, registry, rateLimiter, notices, tokens, clock, log, tracing },
    sendHook,
    meter: new CoreMeter(metrics),
    newMsgId: newId as () => MsgId,
    get limits() {
      return limitsNow();
    },
    storedBytes: new StoredBytes({ tiers, limiter: storedBytesLimiter }),
    get isSignupEnabled() {
      return isSignupEnabledNow();
    },
    tokenTtlS: config.tokenTtlS,
    tiers,
    mayIssuerCreate: config.jwtJwks !== '' && config.jwtCreateUsers,
  });
  const limits = new CallerLimits({ tiers, limiter: rateLimiter });
  return { core, bus, limits, notices, tiers, people: { directory, devices, timeline, registry }, checks };
}

/** Caches what `make` returns until the configuration changes. */
function derived<T>(live: () => Config, make: (config: Config) => T): () => T {
  let of = live();
  let made = make(of);
  return () => {
    const now = live();
    if (now !== of) made = make(now);
    of = now;
    return made;
  };
}

/** [M18] undefined: messages are never removed. */
export function startRetention(
  days: number,
  { timeline, clock, log }: Omit<Surroundings, 'metrics'> & { readonly timeline: Timeline },
): Timer | undefined {
  if (days === 0) return undefined;
  const retain = () => {
    timeline
      .retain({ fromMs: clock.nowMs() - days * dayMs })
      .catch((error: unknown) => log.error('failed to remove old messages', { error }));
  };
  retain();
  return clock.every(retainEveryMs, retain);
}

function coreLimits(config: Config, isBehindLink: boolean): CoreLimits {
  return {
    contentBytesMax: config.contentBytesMax,
    pageMax: config.pageMax,
    // The wait must end before the deadline of the link.
    eventsWaitMsMax: isBehindLink ? config.linkTimeoutMs / 2 : Number.POSITIVE_INFINITY,
    // A few pages may be on their way to one connection before it counts as slow.
    pageBytesMax: Math.floor(config.connectionBacklogBytesMax / 4),
    groupMembersMax: config.groupMembersMax,
    conversationsPerUserMax: config.conversationsPerUserMax,
    membersInlineMax: config.membersInlineMax,
    receiptsPushMax: config.receiptsPushMax,
    addressLoginsPerMinute: config.addressLoginsPerMinute,
    addressSignupsPerHour: config.addressSignupsPerHour,
    mentionAllMax: config.mentionAllMax,
    signatures: { windowMs: config.signatureWindowS * 1000, rememberedMax: config.signaturesMax },
    changes: {
      editWindowMs: config.editWindowS * 1000,
      mayOwnersEdit: config.ownersMayEdit,
      reactionKeysMax: config.reactionKeysMax,
      pinnedMax: config.pinnedMax,
    },
  };
}
