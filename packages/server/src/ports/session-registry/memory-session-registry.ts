// The embedded session registry: this process has all sessions there are.

import type { DeviceId, UserId } from '@hongyan/protocol/ids';
import { LRUCache } from 'lru-cache';
import type { SessionRef, SessionRegistry } from './session-registry.ts';

/** When they were last seen is remembered for this many users who left. */
const lastSeenMax = 100_000;

/** One session is the usual case and costs no array. */
export function createMemorySessionRegistry(): SessionRegistry {
  const online = new Map<UserId, SessionRef | readonly SessionRef[]>();
  const lastSeen = new LRUCache<UserId, number>({ max: lastSeenMax });
  const sessionsOf = (userId: UserId): readonly SessionRef[] => {
    const known = online.get(userId);
    if (known === undefined) return [];
    return 'sessionId' in known ? [known] : known;
  };

  return {
    async add(session) {
      const before = sessionsOf(session.userId);
      const others = before.filter(({ sessionId }) => sessionId !== session.sessionId);
      online.set(session.userId, others.length === 0 ? session : [...others, session]);
      return { becameOnline: before.length === 0 };
    },
    async remove({ userId, sessionId }, atMs) {
      const before = sessionsOf(userId);
      const [first, ...more] = before.filter((session) => session.sessionId !== sessionId);
      if (first !== undefined) {
        online.set(userId, more.length === 0 ? first : [first, ...more]);
        return { becameOffline: false };
      }
      if (before.length === 0) return { becameOffline: false };
      online.delete(userId);
      lastSeen.set(userId, atMs);
      return { becameOffline: true };
    },
    async presence(userIds) {
      return userIds.map((userId) => {
        const sessions = sessionsOf(userId);
        const lastSeenMs = sessions.length > 0 ? undefined : lastSeen.get(userId);
        const devices = [...new Set<DeviceId>(sessions.map((session) => session.deviceId))];
        return { userId, online: sessions.length > 0, devices, ...(lastSeenMs === undefined ? {} : { lastSeenMs }) };
      });
    },
  };
}
