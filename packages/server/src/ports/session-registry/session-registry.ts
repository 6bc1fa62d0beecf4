// The session-registry port: which user is online, with which devices, on which node.

import type { DeviceId, UserId } from '@hongyan/protocol/ids';

export interface SessionRef {
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  readonly sessionId: string;
  /** The process that holds the connection. */
  readonly node: string;
}

/**
 * A node's sessions live for a ttl after the node last added a session or renewed.
 * MUST: `expire` drops the sessions of nodes whose ttl has passed, since their process is gone, and returns the users who became
 * offline by it; each such user is returned once, by one call. MAY lag behind the truth: presence is best effort [D9].
 */
export interface SessionRegistry {
  /** `becameOnline`: the user had no session before. A session (by its id) added again is one session. Renews the node. */
  add(session: SessionRef): Promise<{ readonly becameOnline: boolean }>;
  /** `becameOffline`: it was the user's last. Removing an unknown session changes nothing. */
  remove(session: SessionRef): Promise<{ readonly becameOffline: boolean }>;
  /**
   * The node is alive: its sessions live for another ttl. `sessions`: those it has at this moment, opening ones included, for a
   * registry whose store may lose them: what is missing there is added again, what is too much is dropped.
   */
  renew(node: string, sessions?: Iterable<SessionRef>): Promise<void>;
  /** The node is gone: drops its sessions and returns the users who became offline. */
  forgetNode(node: string): Promise<readonly UserId[]>;
  /** Drops the sessions of nodes whose ttl has passed; returns the users who became offline. */
  expire(): Promise<readonly UserId[]>;
  /** The devices with a session, each once; a user who is offline is absent. */
  online(userIds: readonly UserId[]): Promise<ReadonlyMap<UserId, readonly DeviceId[]>>;
}
