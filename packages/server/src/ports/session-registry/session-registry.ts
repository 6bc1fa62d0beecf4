// The session-registry port: which user is online, with which devices, on which node.

import type { DeviceId, UserId } from '@hongyan/protocol/ids';

export interface SessionRef {
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  readonly sessionId: string;
  readonly node: string;
}

export interface PresenceState {
  readonly userId: UserId;
  readonly online: boolean;
  /** Unix ms of the last session's end; absent while never seen since start. */
  readonly lastSeenMs?: number;
  readonly devices: readonly DeviceId[];
}

/**
 * MUST: forget a node's sessions when the node is gone (cluster: by expiry). MAY lag behind the truth: presence is best effort [D9].
 */
export interface SessionRegistry {
  /** `becameOnline`: the user had no session before. A session (by its id) added again is one session. */
  add(session: SessionRef): Promise<{ readonly becameOnline: boolean }>;
  /** `becameOffline`: it was the user's last. Removing one that is not there changes nothing. */
  remove(session: SessionRef, atMs: number): Promise<{ readonly becameOffline: boolean }>;
  /** One state per id, in the order asked. */
  presence(userIds: readonly UserId[]): Promise<readonly PresenceState[]>;
}
