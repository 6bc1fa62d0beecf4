// The directory port: users, conversations, receipts and private states in one store with one life cycle.

import type { Fence } from '../../domain/fence.ts';
import type { Conversations } from './conversations.ts';
import type { PrivateStates } from './private-states.ts';
import type { Receipts, SentMark } from './receipts.ts';
import type { Users } from './users.ts';

/**
 * MUST: a resolved write survives kill -9 of the process and loss of power (receipts: kill -9 alone, see Receipts); every write is atomic; reads see every write that resolved before them.
 * Each method is one question to the store however many keys it takes: a remote adapter answers it in one round trip.
 * Writes that are under way at once take effect in some order, each as a whole.
 * Rejects with StoreFailure for what the environment does. `unknown_outcome`: the write may have been stored; otherwise it was not.
 */
export interface Directory extends Users, Conversations, Receipts, PrivateStates {
  /** Stores what was accepted. Later calls reject; closing twice is harmless. */
  close(): Promise<void>;
}

/**
 * A directory that several cores write. Writes made for a command name the fence of its partition.
 * [F1] MUST: reject with `Fenced`, and write nothing, unless the fence is the newest claim of its partition; the check and the write
 * are one transaction. A directory that one process alone may open has no claims and MAY ignore fences.
 */
export interface SharedDirectory extends Directory {
  /**
   * Notes, durably, the epoch that the timeline gave. Claiming the same one again is harmless; an older one rejects with `Fenced`.
   * MUST resolve only when nothing that an older owner began can be stored any more.
   */
  claim(fence: Fence): Promise<void>;
}

/** A directory that one process alone writes. */
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

/** The reads alone: for a process beside the server, which changes nothing. */
export type DirectoryReader = Omit<Directory, DirectoryWrite>;
