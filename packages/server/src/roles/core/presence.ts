// Presence: opens and closes sessions, and expires those of dead nodes.

import type { Timer } from '@hongyan/base/clock';
import { ok } from '@hongyan/base/result';
import { soon } from '@hongyan/base/soon';
import type { DownOf } from '@hongyan/protocol/down';
import type { ConversationId, UserId } from '@hongyan/protocol/ids';
import type { Input, Output } from '@hongyan/protocol/operations/operations';
import { type Result, refusal } from '@hongyan/protocol/refusals';
import { mayPost } from '../../domain/membership.ts';
import type { DeviceCaller, OpenedSession, SessionOpening } from '../../ports/core/core.ts';
import { type BusEvent, presenceTopic, userTopic } from '../../ports/event-bus/event-bus.ts';
import { topicsOfOthers } from './audience.ts';
import type { CoreDeps } from './deps.ts';
import { type MembershipCache, memberFacts } from './membership-cache.ts';
import { frameEvents } from './publications.ts';

type Deps = Pick<
  CoreDeps,
  | 'access'
  | 'directory'
  | 'devices'
  | 'notices'
  | 'timeline'
  | 'bus'
  | 'outlet'
  | 'registry'
  | 'clock'
  | 'log'
  | 'stores'
>;

/** Memberships read in one step when a session opens. */
const stepSize = 500;
/** Interval at which nodes are renewed and dead ones expire. */
const sweepEveryMs = 10_000;
/** Devices not seen for this long are forgotten, a limited number in each step. */
const deviceTtlMs = 180 * 86_400_000;
const forgetEveryMs = 3_600_000;
const forgetMax = 1_000;

export class PresenceSessions {
  readonly #deps: Deps;
  readonly #memberships: MembershipCache;
  /** Sessions opened through this core, by node. With several cores, nodes renew their sessions themselves. */
  readonly #sessionsByNode = new Map<string, Set<string>>();
  #timers: readonly Timer[] = [];

  constructor(deps: Deps, memberships: MembershipCache) {
    this.#deps = deps;
    this.#memberships = memberships;
  }

  start(): void {
    const { clock } = this.#deps;
    this.#timers = [
      clock.every(sweepEveryMs, () => void this.#sweep()),
      clock.every(forgetEveryMs, () => void this.#forgetDevices()),
    ];
  }

  stop(): void {
    for (const timer of this.#timers) timer.cancel();
  }

  async open({ caller, clientName, node }: SessionOpening): Promise<Result<OpenedSession>> {
    const { registry, timeline } = this.#deps;
    const { userId, deviceId, sessionId } = caller;
    await Promise.all([this.#touch(caller, clientName), this.#noteToken(caller)]);
    // Read before the session is added: a failure must not leave the user online.
    const conversationIds = await this.#followedBy(userId);
    const { becameOnline } = await registry.add({ userId, deviceId, sessionId, node });
    if (this.#deps.stores.type === 'sole') {
      const sessions = this.#sessionsByNode.get(node) ?? new Set();
      this.#sessionsByNode.set(node, sessions.add(sessionId));
    }
    // The user has other sessions, and one may belong to the same device, on any gateway.
    if (becameOnline) await this.#changed([userId], { isOnline: true });
    else {
      await this.#deps.bus.publish([{ type: 'replaced', topic: userTopic(userId), deviceId, sessionId }]);
      // A core that died may not have reported the first session.
      void this.#report([userId], true);
    }
    const notices = this.#deps.notices.inForce();
    return ok({ conversationIds, epoch: timeline.epoch, ...(notices.length === 0 ? {} : { notices }) });
  }

  async close({ caller, node }: { readonly caller: DeviceCaller; readonly node: string }): Promise<void> {
    const { registry, clock } = this.#deps;
    const { userId, deviceId, sessionId } = caller;
    this.#sessionsByNode.get(node)?.delete(sessionId);
    const { becameOffline } = await registry.remove({ userId, deviceId, sessionId, node });
    await this.#touch(caller, '');
    if (becameOffline) await this.#changed([userId], { isOnline: false, lastSeenMs: clock.nowMs() });
  }

  async presence({ user_ids }: Input<'presence'>): Promise<Result<Output<'presence'>>> {
    const { registry, devices } = this.#deps;
    const online = await registry.online(user_ids);
    const lastSeen = await devices.lastSeen(user_ids.filter((userId) => !online.has(userId)));
    return ok({
      users: user_ids.map((userId) => ({
        user_id: userId,
        online: online.has(userId),
        ...(lastSeen.has(userId) ? { last_seen: lastSeen.get(userId) } : {}),
      })),
    });
  }

  /** Only users who may write in the conversation are shown as typing. */
  async typing({ userId }: DeviceCaller, { conversation_id }: Input<'typing'>): Promise<Result<undefined>> {
    const membership = await this.#memberships.get(conversation_id, userId);
    if (!membership) return refusal.notMember();
    const allowed = mayPost(memberFacts(membership));
    if (allowed.type !== 'ok') return allowed;
    const frame: DownOf<'typing'> = { type: 'typing', conversation_id, user_id: userId };
    await this.#deps.bus.publish(frameEvents(topicsOfOthers(conversation_id, userId), JSON.stringify(frame)));
    return allowed;
  }

  async #followedBy(userId: UserId): Promise<readonly ConversationId[]> {
    const followed: ConversationId[] = [];
    let after: ConversationId | undefined;
    for (;;) {
      const request = { userId, limit: stepSize, ...(after === undefined ? {} : { after }) };
      const step = await this.#deps.directory.memberships(request);
      for (const { conversation } of step)
        if (conversation.kind !== 'direct') followed.push(conversation.conversationId);
      after = step.at(-1)?.conversation.conversationId;
      if (step.length < stepSize || after === undefined) return followed;
      await new Promise<void>(soon);
    }
  }

  /** [A14] A failure does not refuse the connection. A sign-out of the device then misses its token until the device reconnects. */
  async #noteToken({ userId, deviceId, tokenId, expiresAtMs }: DeviceCaller): Promise<void> {
    const { access, log } = this.#deps;
    if (expiresAtMs === undefined) return;
    await access
      .recordUse({ userId, deviceId, tokenId, expiresAtMs })
      .catch((error: unknown) => log.error('use of a token not stored', { userId, deviceId, error }));
  }

  /** A failure does not refuse the connection, which matters more than the time of last use. */
  async #touch({ userId, deviceId }: DeviceCaller, name: string): Promise<void> {
    const { devices, clock, log } = this.#deps;
    await devices
      .touch({ userId, deviceId, name, atMs: clock.nowMs() })
      .catch((error: unknown) => log.error('device not stored', { userId, deviceId, error }));
  }

  async #sweep(): Promise<void> {
    const { registry, log } = this.#deps;
    try {
      for (const [node, sessions] of this.#sessionsByNode) {
        if (sessions.size > 0) await registry.renew(node);
        else this.#sessionsByNode.delete(node);
      }
      const expired = await registry.expire();
      if (expired.length > 0) await this.#changed(expired, { isOnline: false });
    } catch (error) {
      log.error('presence sweep failed', { error });
    }
  }

  /** Publishes the presence of these users to their watchers, and reports it as an event. */
  async #changed(
    userIds: readonly UserId[],
    { isOnline, lastSeenMs }: { readonly isOnline: boolean; readonly lastSeenMs?: number },
  ): Promise<void> {
    void this.#report(userIds, isOnline);
    const seen = lastSeenMs === undefined ? {} : { last_seen: lastSeenMs };
    await this.#deps.bus.publish(userIds.map((user_id) => presenceEvent({ user_id, online: isOnline, ...seen })));
  }

  /**
   * [W8] Reports presence events. After an offline event, users who are online again are reported once more: another core may have
   * reported them before this event.
   */
  async #report(userIds: readonly UserId[], isOnline: boolean): Promise<void> {
    const { outlet, registry, clock, log } = this.#deps;
    if (!outlet.isWanted) return;
    const note = (ids: readonly UserId[], areOnline: boolean) =>
      outlet.presence(ids.map((userId) => ({ userId, isOnline: areOnline, atMs: clock.nowMs() })));
    await note(userIds, isOnline);
    if (isOnline) return;
    try {
      const online = await registry.online(userIds);
      if (online.size > 0) await note([...online.keys()], true);
    } catch (error) {
      log.error('users who reconnected immediately may be reported as offline until they connect again', { error });
    }
  }

  async #forgetDevices(): Promise<void> {
    const { devices, clock, log } = this.#deps;
    try {
      const notSeenSinceMs = clock.nowMs() - deviceTtlMs;
      const keys = await devices.notSeenSince({ atMs: notSeenSinceMs, limit: forgetMax });
      // An event removes their receipts [T16].
      await devices.forget({ keys, notSeenSinceMs });
    } catch (error) {
      log.error('stale devices not forgotten', { error });
    }
  }
}

function presenceEvent(presence: Omit<DownOf<'presence'>, 'type'>): BusEvent {
  const frame: DownOf<'presence'> = { type: 'presence', ...presence };
  return { type: 'frame', topic: presenceTopic(presence.user_id), frame: JSON.stringify(frame) };
}
