// The embedded session registry, in memory: the sessions of this process and of the gateway processes in front of it.

import type { Clock } from '@hongyan/base/clock';
import type { DeviceId, UserId } from '@hongyan/protocol/ids';
import type { SessionRef, SessionRegistry } from './session-registry.ts';

export interface MemorySessionRegistryOptions {
  readonly clock: Clock;
  /** The time after the last `add` or `renew` of a node at which its sessions expire. */
  readonly ttlMs: number;
}

/** A single session, the usual case, needs no array. */
type Sessions = SessionRef | readonly SessionRef[];

export class MemorySessionRegistry implements SessionRegistry {
  readonly #clock: Clock;
  readonly #ttlMs: number;
  readonly #byUser = new Map<UserId, Sessions>();
  /** Monotonic times, so that a step of the wall clock expires no node. */
  readonly #renewedAtMs = new Map<string, number>();

  constructor({ clock, ttlMs }: MemorySessionRegistryOptions) {
    this.#clock = clock;
    this.#ttlMs = ttlMs;
  }

  get userCount(): number {
    return this.#byUser.size;
  }

  async add(session: SessionRef): Promise<{ readonly becameOnline: boolean }> {
    this.#renewedAtMs.set(session.node, this.#clock.monotonicMs());
    const before = this.#sessionsOf(session.userId);
    const others = before.filter(({ sessionId }) => sessionId !== session.sessionId);
    this.#byUser.set(session.userId, others.length === 0 ? session : [...others, session]);
    return { becameOnline: before.length === 0 };
  }

  async remove({ userId, sessionId }: SessionRef): Promise<{ readonly becameOffline: boolean }> {
    return { becameOffline: this.#keep(userId, (session) => session.sessionId !== sessionId) };
  }

  async renew(node: string): Promise<void> {
    this.#renewedAtMs.set(node, this.#clock.monotonicMs());
  }

  async forgetNode(node: string): Promise<readonly UserId[]> {
    return this.#dropNodes(new Set([node]));
  }

  async expire(): Promise<readonly UserId[]> {
    const deadlineMs = this.#clock.monotonicMs() - this.#ttlMs;
    const expired = [...this.#renewedAtMs].filter(([, atMs]) => atMs <= deadlineMs).map(([node]) => node);
    return expired.length === 0 ? [] : this.#dropNodes(new Set(expired));
  }

  async online(userIds: readonly UserId[]): Promise<ReadonlyMap<UserId, readonly DeviceId[]>> {
    const online = new Map<UserId, readonly DeviceId[]>();
    for (const userId of userIds) {
      const devices = new Set(this.#sessionsOf(userId).map(({ deviceId }) => deviceId));
      if (devices.size > 0) online.set(userId, [...devices]);
    }
    return online;
  }

  #dropNodes(nodes: ReadonlySet<string>): readonly UserId[] {
    for (const node of nodes) this.#renewedAtMs.delete(node);
    const users = [...this.#byUser.keys()];
    return users.filter((userId) => this.#keep(userId, ({ node }) => !nodes.has(node)));
  }

  /** Removes the user's sessions that do not pass. true when the last one was removed. */
  #keep(userId: UserId, passes: (session: SessionRef) => boolean): boolean {
    const before = this.#sessionsOf(userId);
    const kept = before.filter(passes);
    if (kept.length === before.length) return false;
    const [first, ...more] = kept;
    if (first === undefined) return this.#byUser.delete(userId);
    this.#byUser.set(userId, more.length === 0 ? first : kept);
    return false;
  }

  #sessionsOf(userId: UserId): readonly SessionRef[] {
    const sessions = this.#byUser.get(userId);
    if (sessions === undefined) return [];
    return 'sessionId' in sessions ? [sessions] : sessions;
  }
}
