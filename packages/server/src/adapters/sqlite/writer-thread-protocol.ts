// The messages between a WriterThread and its worker. A batch and its answer may travel as JSON text.

import type { CpuProfile } from '@hongyan/profile/cpu-profile';
import type { HeapClass } from '../../profiles/heap-classes.ts';
import type { Failure } from './failure.ts';

/** A batch is one message: one clone, one wake-up, one transaction, one fsync. */
export type ToWorker<Op> =
  | { readonly type: 'init'; readonly init: unknown }
  | { readonly type: 'batch'; readonly ops: readonly Op[] }
  | ProfileRequest
  | { readonly type: 'close' };

/** Answered by `profile`, independently of the order of batches. */
export type ProfileRequest =
  | { readonly type: 'start_cpu' | 'stop_cpu' }
  | { readonly type: 'heap'; readonly isFull: boolean };

export type ProfileAnswer =
  | { readonly type: 'started' }
  | { readonly type: 'cpu'; readonly profile: CpuProfile }
  | { readonly type: 'heap'; readonly classes: readonly HeapClass[] }
  | { readonly type: 'failed'; readonly message: string };

/** Exactly one answer per message. The answers to init, batch and close are in the order of the messages. */
export type FromWorker<Result> =
  | { readonly type: 'ready' }
  | { readonly type: 'open_failed'; readonly failure: Failure }
  /** Results in the order of the ops. `commitMs` is the duration of COMMIT; the transaction lasted from `startedMs` to `endedMs` (Unix ms). */
  | {
      readonly type: 'committed';
      readonly results: readonly Result[];
      readonly commitMs: number;
      readonly startedMs: number;
      readonly endedMs: number;
    }
  /** Nothing of the batch was stored. */
  | { readonly type: 'failed'; readonly failure: Failure }
  | { readonly type: 'profile'; readonly answer: ProfileAnswer }
  | { readonly type: 'closed' };
