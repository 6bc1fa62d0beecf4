// The session-registry port: the sessions of all nodes, and with them the users and devices that are online.

import type { DeviceId, UserId } from '@hongyan/protocol/ids';

export interface SessionRef {
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  readonly sessionId: string;
  /** The process that holds the connection. */
  readonly node: string;
}

/**
 * Liveness: the sessions of a node expire together, a ttl after the node last called `add` or `renew`. `expire` and `forgetNode`
 * MUST return each user who went offline by it exactly once, from one call, however many processes call them.
 *
 * Loss: presence is best effort [D9]. Reads MAY be stale, and the registry MAY lose sessions; `renew` restores them.
 */
export interface SessionRegistry {
  /** `becameOnline`: the user had no session before. Idempotent by the id of the session. Renews the node. */
  add(session: SessionRef): Promise<{ readonly becameOnline: boolean }>;
  /** `becameOffline`: the session was the last one of the user. Removing an unknown session changes nothing. */
  remove(session: SessionRef): Promise<{ readonly becameOffline: boolean }>;
  /**
   * Extends the sessions of the node by another ttl. `sessions` are the present sessions of the node, including those that are being
   * opened. A registry whose store may lose sessions adds the missing ones and removes the others.
   */
  renew(node: string, sessions?: Iterable<SessionRef>): Promise<void>;
  /** Removes the sessions of a node whose process has ended. Returns the users who went offline. */
  forgetNode(node: string): Promise<readonly UserId[]>;
  /** Removes the sessions of nodes whose ttl has passed. Returns the users who went offline. */
  expire(): Promise<readonly UserId[]>;
  /** The devices with a session, each once. Users who are offline are absent. */
  online(userIds: readonly UserId[]): Promise<ReadonlyMap<UserId, readonly DeviceId[]>>;
}
