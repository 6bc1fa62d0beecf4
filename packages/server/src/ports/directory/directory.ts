// The directory port: users, conversations, receipts and private states in one store with one life cycle.

import type { Fence } from '../../domain/fence.ts';
import type { Conversations } from './conversations.ts';
import type { PrivateStates } from './private-states.ts';
import type { Receipts, SentMark } from './receipts.ts';
import type { Users } from './users.ts';

/**
 * Durability: a resolved write MUST survive kill -9 of the process and a loss of power; receipts only kill -9, see Receipts.
 *
 * Atomicity: every write is atomic. Concurrent writes take effect in some order, each as a whole. Reads MUST see every write that
 * resolved before they began.
 *
 * Cost: each method is one query for any number of keys, so that a remote adapter answers it in one round trip.
 *
 * Failure: failures of the environment reject with StoreFailure. With `unknown_outcome` the write may have been stored, with any other
 * code it was not. The directory does not retry.
 */
export interface Directory extends Users, Conversations, Receipts, PrivateStates {
  /** Stores the accepted writes. Later calls reject. Idempotent. */
  close(): Promise<void>;
}

/**
 * A directory that several cores write. Writes that belong to a command carry the fence of its partition.
 *
 * [F1] Such a write MUST reject with `Fenced`, and store nothing, unless the fence is the newest claim of its partition. The check and
 * the write MUST be one transaction. A directory that only one process may open has no claims and MAY ignore fences.
 */
export interface SharedDirectory extends Directory {
  /**
   * Records, durably, the epoch that the timeline assigned to the claim. Idempotent for the same epoch; an older one rejects with
   * `Fenced`. Once it has resolved, no write that an older owner began may be stored.
   */
  claim(fence: Fence): Promise<void>;
}

/** A directory that only one process writes. */
export interface SoleDirectory extends Directory, SentMark {}

/** The names of the methods that change the store. */
export type DirectoryWrite =
  | 'createUser'
  | 'setPasswordHash'
  | 'updateUser'
  | 'setTier'
  | 'createConversation'
  | 'updateConversation'
  | 'addMember'
  | 'removeMember'
  | 'setRole'
  | 'advanceReceipts'
  | 'advanceSent'
  | 'forgetReceipts'
  | 'putPrivate';

/** The reads only: for a process that runs beside the server and changes nothing. */
export type DirectoryReader = Omit<Directory, DirectoryWrite>;
