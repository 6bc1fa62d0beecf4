// The node-registry port: the live processes of the cluster, their addresses, and the drain requests of operators.

/**
 * starting: not ready yet. ready: serving. draining: finishes its work and accepts no new work. drained: has no work left and may be
 * stopped.
 */
export type NodeState = 'starting' | 'ready' | 'draining' | 'drained';

/** What a process announces about itself. */
export interface NodeRecord {
  /** Unique among the live processes. */
  readonly name: string;
  /** New with every start of the process. */
  readonly life: string;
  /** gateway, core, worker */
  readonly roles: readonly string[];
  readonly state: NodeState;
  readonly version: string;
  /** Unix ms. */
  readonly startedAtMs: number;
  /** host:port of its link, if it has the role core. */
  readonly linkAddress?: string | undefined;
  /** The URL for clients on its machine, if it has the role gateway. */
  readonly url?: string | undefined;
  readonly operatorUrl?: string | undefined;
  /** The number of connected clients. */
  readonly connections?: number | undefined;
  /** The partitions of the command log that it owns. */
  readonly partitions?: readonly number[] | undefined;
}

/** The response to an announcement. */
export interface AnnounceResult {
  /** A process that started later has this name. The announcing process must exit. */
  readonly isReplaced: boolean;
  /** An operator requested that the node drains. */
  readonly isDrainRequested: boolean;
}

/**
 * A record expires `nodeTtlMs` after its last announcement, by the clock of the registry. Expired records MUST NOT be listed. When two
 * processes announce the same name, the one that started later MUST keep it.
 *
 * Loss: MAY lose all records, because every live node announces itself again within `announceEveryMs`. Rejects with StoreFailure; the
 * next announcement is the retry.
 */
export interface NodeRegistry {
  /** Idempotent. Replaces the record of an earlier life. */
  announce(node: NodeRecord): Promise<AnnounceResult>;
  /** Removes the record of this life. The record of another life stays. */
  withdraw(node: Pick<NodeRecord, 'name' | 'life'>): Promise<void>;
  /** Ascending by name. */
  list(): Promise<readonly NodeRecord[]>;
  /** The response to the node's next announcement carries the request. false when no node has the name. */
  requestDrain(name: string): Promise<boolean>;
}

export const announceEveryMs = 1_000;
export const nodeTtlMs = 5_000;
