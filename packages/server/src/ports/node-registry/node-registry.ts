// The node-registry port: which processes the cluster has at present, where they are reached, and what operators ask of them.

/**
 * starting: not yet ready. ready: serving. draining: it finishes what it has and is given nothing new. drained: it has nothing left
 * and may be stopped.
 */
export type NodeState = 'starting' | 'ready' | 'draining' | 'drained';

/** What a process says of itself. */
export interface NodeRecord {
  /** Of one live process at a time. */
  readonly name: string;
  /** New with every start. */
  readonly life: string;
  /** gateway, core, worker */
  readonly roles: readonly string[];
  readonly state: NodeState;
  readonly version: string;
  /** Unix ms. */
  readonly startedAtMs: number;
  /** host:port of its link, where it has the role core. */
  readonly linkAddress?: string | undefined;
  /** Where clients of its machine connect, where it has the role gateway. */
  readonly url?: string | undefined;
  readonly operatorUrl?: string | undefined;
  /** Of clients. */
  readonly connections?: number | undefined;
  /** Of the command log, that it owns. */
  readonly partitions?: readonly number[] | undefined;
}

/** What comes back to a node that announces itself. */
export interface Announced {
  /** A process that started later has the name: this one has to leave. */
  readonly isReplaced: boolean;
  /** An operator asked it to drain. */
  readonly isToDrain: boolean;
}

/**
 * A record lives for `nodeTtlMs` after it was last announced, by the clock of the registry.
 * MUST: of two processes with one name the one that started later keeps it. MUST NOT: list a record whose time has passed.
 * MAY lose everything: who lives announces itself again. Rejects with StoreFailure.
 */
export interface NodeRegistry {
  announce(node: NodeRecord): Promise<Announced>;
  /** It leaves: not listed any more. The record of another life stays. */
  withdraw(node: Pick<NodeRecord, 'name' | 'life'>): Promise<void>;
  /** By name. */
  list(): Promise<readonly NodeRecord[]>;
  /** The node learns it when it announces itself next. false: there is none of that name. */
  askToDrain(name: string): Promise<boolean>;
}

export const announceEveryMs = 1_000;
export const nodeTtlMs = 5_000;
