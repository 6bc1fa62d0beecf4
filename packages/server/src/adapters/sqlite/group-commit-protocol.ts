// The messages between a writer thread and the thread that feeds it. A batch may travel as its JSON text, and is answered likewise.

import type { CpuProfile } from '@hongyan/profile/cpu-profile';
import type { HeapClass } from '../../profiles/heap-classes.ts';
import type { Failure } from './failure.ts';

/** `ops` of the whole batch travel in one message: one clone, one wake-up, one transaction, one fsync. */
export type ToWorker<Op> =
  | { readonly type: 'init'; readonly init: unknown }
  | { readonly type: 'batch'; readonly ops: readonly Op[] }
  | ProfileRequest
  | { readonly type: 'close' };

/** Answered by `profile` when it is done, whatever is committed meanwhile. */
export type ProfileRequest =
  | { readonly type: 'start_cpu' | 'stop_cpu' }
  | { readonly type: 'heap'; readonly isFull: boolean };

export type ProfileAnswer =
  | { readonly type: 'started' }
  | { readonly type: 'cpu'; readonly profile: CpuProfile }
  | { readonly type: 'heap'; readonly classes: readonly HeapClass[] }
  | { readonly type: 'failed'; readonly message: string };

/** Exactly one answer per message; those to init, batch and close in their order. */
export type FromWorker<Result> =
  | { readonly type: 'ready' }
  | { readonly type: 'open_failed'; readonly failure: Failure }
  /** Results in the order of the batch's ops; `commitMs`: what the COMMIT took of it; the others: the whole transaction, Unix ms. */
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
