// The worker's side of a group commit: one transaction, and so one fsync, for each batch that arrives.

import type { Failure, FromWorker, ToWorker } from './group-commit-protocol.ts';

/** A store as its worker sees it. A throw of `begin`, `apply` or `commit` undoes the whole batch. */
export interface BatchStore<Op, Result> {
  /** Usually BEGIN IMMEDIATE. */
  begin(): void;
  /** Sees the ops applied before it, in this batch and earlier. */
  apply(op: Op): Result;
  /** MUST return only when the batch is on the disk. */
  commit(): void;
  /** MUST also forget what memory learned from the batch; MUST NOT mind that SQLite rolled back by itself already. */
  rollback(): void;
  close(): void;
}

/** Call it once, at the top of a *.worker.ts module. */
export function serveGroupCommit<Op, Result>(open: (init: unknown) => BatchStore<Op, Result>): void {
  let store: BatchStore<Op, Result> | undefined;
  const answer = (message: FromWorker<Result>): void => self.postMessage(message);

  self.onmessage = (event: MessageEvent<ToWorker<Op>>) => {
    const message = event.data;
    switch (message.type) {
      case 'init':
        try {
          store = open(message.init);
          return answer({ type: 'ready' });
        } catch (error) {
          return answer({ type: 'open_failed', failure: failureOf(error) });
        }
      case 'batch':
        if (store === undefined) throw new Error('a batch came before init');
        return answer(commitBatch(store, message.ops));
      case 'close':
        store?.close();
        return answer({ type: 'closed' });
    }
  };
}

function commitBatch<Op, Result>(store: BatchStore<Op, Result>, ops: readonly Op[]): FromWorker<Result> {
  try {
    store.begin();
    const results = ops.map((op) => store.apply(op));
    store.commit();
    return { type: 'committed', results };
  } catch (error) {
    // A rollback that throws leaves a state nobody knows: it ends the thread, and the main side rejects everything.
    store.rollback();
    return { type: 'failed', failure: failureOf(error) };
  }
}

function failureOf(error: unknown): Failure {
  if (!(error instanceof Error)) return { message: String(error) };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  return { message: error.message, ...(code !== undefined ? { code } : {}) };
}

/** The worker's global scope; the DOM library types `self` as a window. */
declare const self: {
  onmessage: ((event: MessageEvent) => void) | null;
  postMessage(message: unknown): void;
};
