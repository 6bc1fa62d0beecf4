// Group commit: while one batch commits on a worker thread, the next one collects; each batch costs one fsync.

import { StoreFailure, type StoreFailureCode } from '../../ports/store-failure.ts';
import type { Failure, FromWorker, ToWorker } from './group-commit-protocol.ts';

export interface GroupCommitOptions {
  /** A module that calls serveGroupCommit; `new URL('../../ports/sqlite/x.worker.ts', import.meta.url)`. */
  readonly worker: URL | string;
  /** Handed to the worker's `open`; anything that can be structured-cloned. */
  readonly init: unknown;
  /** Ops waiting or committing; above it a submit rejects with QueueFullError. */
  readonly queueMax: number;
  /** Ops of one transaction. The ops of one submitAll are never parted, even when they are more. */
  readonly batchMax: number;
  /** The worker died: every pending and later submit rejects. Called once at most. */
  readonly onFatal?: (error: Error) => void;
}

/**
 * A resolved submit is durable. A rejected one stored nothing, except WriterDiedError after the op was handed over:
 * then the outcome is unknown until the store is read again.
 */
export class GroupCommit<Op, Result> {
  readonly #worker: Worker;
  readonly #options: GroupCommitOptions;
  readonly #ready = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<void>();
  #waiting: Pending<Op, Result>[] = [];
  #committing: readonly Pending<Op, Result>[] | undefined;
  /** Ops in #waiting and #committing together. */
  #opCount = 0;
  #isScheduled = false;
  #state: State = { type: 'opening' };

  constructor(options: GroupCommitOptions) {
    this.#options = options;
    // A rejection is for those who ask; nobody asking is not an unhandled one.
    this.#ready.promise.catch(() => {});
    this.#worker = new Worker(typeof options.worker === 'string' ? options.worker : options.worker.href);
    this.#worker.onmessage = (event: MessageEvent<FromWorker<Result>>) => this.#receive(event.data);
    this.#worker.onerror = (event) => this.#die(new WriterDiedError(`the writer thread failed: ${event.message}`));
    this.#worker.addEventListener('close', () => {
      this.#die(new WriterDiedError('the writer thread ended'));
      // Not before: the thread's statements hold its file until the thread is gone.
      this.#closed.resolve();
    });
    this.#post({ type: 'init', init: options.init });
  }

  /** Resolves when the worker has opened its store; rejects when it could not. */
  ready(): Promise<void> {
    return this.#ready.promise;
  }

  submit(op: Op): Promise<Result> {
    return this.submitAll([op]).then((results) => results[0] as Result);
  }

  /** All ops in one transaction, applied one after the other in this order; results in the same order. */
  submitAll(ops: readonly Op[]): Promise<readonly Result[]> {
    if (this.#state.type === 'dead') return Promise.reject(this.#state.error);
    if (this.#state.type === 'closing') return Promise.reject(new WriterClosedError());
    if (ops.length === 0) return Promise.resolve([]);
    if (this.#opCount + ops.length > this.#options.queueMax) {
      return Promise.reject(new QueueFullError(this.#options.queueMax));
    }
    this.#opCount += ops.length;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ops, resolve, reject });
      this.#schedule();
    });
  }

  /** Commits what was accepted, closes the store, ends the thread. */
  close(): Promise<void> {
    if (this.#state.type === 'opening' || this.#state.type === 'open') {
      this.#state = { type: 'closing' };
      this.#postNext();
    }
    return this.#closed.promise;
  }

  /** An idle writer waits for the end of this turn's callbacks, so that what arrived together commits together. */
  #schedule(): void {
    if (this.#isScheduled || this.#committing !== undefined || this.#state.type === 'opening') return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.#postNext();
    });
  }

  #postNext(): void {
    if (this.#committing !== undefined || this.#state.type === 'dead') return;
    if (this.#waiting.length === 0) {
      if (this.#state.type === 'closing') this.#post({ type: 'close' });
      return;
    }
    const batch = this.#takeBatch();
    this.#committing = batch;
    const only = batch.length === 1 ? batch[0] : undefined;
    const ops = only !== undefined ? only.ops : batch.flatMap((pending) => pending.ops);
    try {
      this.#post({ type: 'batch', ops });
    } catch (error) {
      // An op that cannot be cloned: its batch never left this thread.
      this.#finish((pending) => pending.reject(new CommitFailedError({ message: String(error) })));
    }
  }

  #takeBatch(): readonly Pending<Op, Result>[] {
    let count = 0;
    let opCount = 0;
    for (const pending of this.#waiting) {
      if (count > 0 && opCount + pending.ops.length > this.#options.batchMax) break;
      opCount += pending.ops.length;
      count++;
    }
    if (count < this.#waiting.length) return this.#waiting.splice(0, count);
    const all = this.#waiting;
    this.#waiting = [];
    return all;
  }

  #receive(message: FromWorker<Result>): void {
    switch (message.type) {
      case 'ready':
        if (this.#state.type === 'opening') this.#state = { type: 'open' };
        this.#ready.resolve();
        return this.#postNext();
      case 'open_failed':
        return this.#die(new CommitFailedError(message.failure));
      case 'committed': {
        let from = 0;
        return this.#finish((pending) => {
          const to = from + pending.ops.length;
          pending.resolve(
            from === 0 && to === message.results.length ? message.results : message.results.slice(from, to),
          );
          from = to;
        });
      }
      case 'failed':
        return this.#finish((pending) => pending.reject(new CommitFailedError(message.failure)));
      case 'closed':
        return this.#die(new WriterClosedError());
    }
  }

  /** The next batch leaves before this one's callers run: the thread never waits for them. */
  #finish(settle: (pending: Pending<Op, Result>) => void): void {
    const finished = this.#committing ?? [];
    this.#committing = undefined;
    for (const pending of finished) this.#opCount -= pending.ops.length;
    this.#postNext();
    for (const pending of finished) settle(pending);
  }

  #die(error: Error): void {
    if (this.#state.type === 'dead') return;
    const isExpected = error instanceof WriterClosedError;
    this.#state = { type: 'dead', error };
    const orphans = [...(this.#committing ?? []), ...this.#waiting];
    this.#committing = undefined;
    this.#waiting = [];
    this.#opCount = 0;
    for (const pending of orphans) pending.reject(error);
    this.#ready.reject(error);
    this.#worker.terminate();
    if (!isExpected) this.#options.onFatal?.(error);
  }

  #post(message: ToWorker<Op>): void {
    this.#worker.postMessage(message);
  }
}

/** Too many ops wait already: refused at once, nothing was stored, trying later is right. */
export class QueueFullError extends StoreFailure {
  override readonly name = 'QueueFullError';
  readonly errorCode = 'overloaded';
  constructor(queueMax: number) {
    super(`more than ${queueMax} writes are waiting`);
  }
}

/** The batch was rolled back (a full disk, an op that threw): nothing of it was stored; later batches may work. */
export class CommitFailedError extends StoreFailure {
  override readonly name = 'CommitFailedError';
  readonly errorCode: StoreFailureCode;
  readonly code: string | undefined;
  constructor(failure: Failure) {
    super(failure.message);
    this.code = failure.code;
    // The disk's trouble passes; a constraint or a statement that fails is a bug.
    this.errorCode = /^SQLITE_(FULL|IOERR|BUSY|LOCKED|READONLY|CANTOPEN|NOMEM)/.test(failure.code ?? '')
      ? 'unavailable'
      : 'internal';
  }
}

export class WriterDiedError extends StoreFailure {
  override readonly name = 'WriterDiedError';
  readonly errorCode = 'unknown_outcome';
}

export class WriterClosedError extends StoreFailure {
  override readonly name = 'WriterClosedError';
  readonly errorCode = 'unavailable';
  constructor() {
    super('the writer is closed');
  }
}

interface Pending<Op, Result> {
  readonly ops: readonly Op[];
  readonly resolve: (results: readonly Result[]) => void;
  readonly reject: (error: Error) => void;
}

type State =
  | { readonly type: 'opening' }
  | { readonly type: 'open' }
  | { readonly type: 'closing' }
  | { readonly type: 'dead'; readonly error: Error };
