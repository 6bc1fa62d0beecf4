// The messages between a writer thread and the thread that feeds it.

import type { Failure } from './failure.ts';

/** `ops` of the whole batch travel in one message: one clone, one wake-up, one transaction, one fsync. */
export type ToWorker<Op> =
  | { readonly type: 'init'; readonly init: unknown }
  | { readonly type: 'batch'; readonly ops: readonly Op[] }
  | { readonly type: 'close' };

/** Exactly one answer per message, in order. */
export type FromWorker<Result> =
  | { readonly type: 'ready' }
  | { readonly type: 'open_failed'; readonly failure: Failure }
  /** Results in the order of the batch's ops; `commitMs`: what the COMMIT took of it. */
  | { readonly type: 'committed'; readonly results: readonly Result[]; readonly commitMs: number }
  /** Nothing of the batch was stored. */
  | { readonly type: 'failed'; readonly failure: Failure }
  | { readonly type: 'closed' };
