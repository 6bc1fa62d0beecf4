// A worker thread that owns the write connection of a store. It commits batches in order and answers each after its commit.

import { assert, unreachable } from '@hongyan/base/assert';
import { systemClock } from '@hongyan/base/clock';
import { StoreFailure } from '@hongyan/base/result';
import type { StoreMeter } from '../../metrics/store-meter.ts';
import type { ProfiledThread, ProfiledThreads } from '../../profiles/profiled-threads.ts';
import { errorOf } from './failure.ts';
import type { FromWorker, ProfileAnswer, ProfileRequest, ToWorker } from './writer-thread-protocol.ts';

export interface WriterThreadOptions {
  /** A module that calls `serveWriterThread`: `new URL('./x.worker.ts', import.meta.url)`. */
  readonly worker: URL | string;
  /** Passed to the worker's `open`. Must be structured-cloneable. */
  readonly init: unknown;
  /**
   * Batches and their answers travel as JSON text. This is cheaper than a structured clone, which searches each string among the earlier
   * ones. Ops and results MUST survive a JSON round trip: no undefined in a list, no bytes, no Map.
   */
  readonly asJson?: boolean;
  /** The threads that the profiler can sample. */
  readonly threads?: ProfiledThreads | undefined;
  /** Called at most once, when an open thread died: batches in flight and later ones reject. `ready` reports a failure to open. */
  readonly onFatal?: (error: Error) => void;
  readonly meter?: StoreMeter | undefined;
}

export class WriterThread<Op, Result> implements ProfiledThread {
  readonly name: string;
  readonly #worker: Worker;
  readonly #options: WriterThreadOptions;
  readonly #ready = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<void>();
  /** In the order of the posts, which is the order of the answers. */
  readonly #inFlight: InFlight<Result>[] = [];
  /** In the order of the requests, which is the order of the answers. */
  readonly #profiles: PromiseWithResolvers<ProfileAnswer>[] = [];
  #state: State = { type: 'open' };

  constructor(options: WriterThreadOptions) {
    this.#options = options;
    // Without a caller of ready() the rejection must not count as unhandled.
    this.#ready.promise.catch(() => {});
    const script = typeof options.worker === 'string' ? options.worker : options.worker.href;
    this.name = threadName(script);
    // A profiler and /proc show threads by their names.
    this.#worker = new Worker(script, { name: this.name });
    options.threads?.add(this);
    this.#worker.onmessage = ({ data }: MessageEvent<FromWorker<Result> | string>) =>
      this.#receive(typeof data === 'string' ? JSON.parse(data) : data);
    this.#worker.onerror = (event) => this.#die(unknownOutcome(`the writer thread failed: ${event.message}`));
    this.#worker.addEventListener('close', () => {
      this.#die(unknownOutcome('the writer thread ended'));
      // Not earlier: the thread's statements hold its file until the thread has ended.
      this.#closed.resolve();
    });
    this.#post({ type: 'init', init: options.init });
  }

  /** Resolves when the worker has opened its store. Rejects when it could not, after the thread has ended and released its files. */
  ready(): Promise<void> {
    return this.#ready.promise;
  }

  /**
   * Applies all ops in this order in one transaction. Results in the same order. Several calls may be in flight; they commit in the order
   * of the calls. A rejection means that nothing was stored, unless it is a StoreFailure with unknown_outcome.
   */
  commit(ops: readonly Op[], onTimes?: (times: TransactionTimes) => void): Promise<readonly Result[]> {
    switch (this.#state.type) {
      case 'open':
        break;
      case 'closing':
        return Promise.reject(closedFailure());
      case 'dead':
        return Promise.reject(this.#state.later);
      default:
        return unreachable(this.#state);
    }
    try {
      const batch = { type: 'batch', ops } as const;
      this.#post(this.#options.asJson ? JSON.stringify(batch) : batch);
    } catch (error) {
      // An op cannot be cloned. The batch was not sent.
      return Promise.reject(error);
    }
    const answer = Promise.withResolvers<readonly Result[]>();
    this.#inFlight.push({ ...answer, postedMs: systemClock.monotonicMs(), onTimes });
    return answer.promise;
  }

  async startCpu(): Promise<void> {
    expected(await this.#requestProfile({ type: 'start_cpu' }), 'started');
  }

  async stopCpu() {
    return expected(await this.#requestProfile({ type: 'stop_cpu' }), 'cpu').profile;
  }

  async heap({ isFull }: { readonly isFull: boolean }) {
    return expected(await this.#requestProfile({ type: 'heap', isFull }), 'heap').classes;
  }

  #requestProfile(request: ProfileRequest): Promise<ProfileAnswer> {
    if (this.#state.type !== 'open') return Promise.reject(closedFailure());
    this.#post(request);
    const answer = Promise.withResolvers<ProfileAnswer>();
    this.#profiles.push(answer);
    return answer.promise;
  }

  /** Closes the store after the batches in flight, and ends the thread. */
  close(): Promise<void> {
    if (this.#state.type === 'open') {
      this.#state = { type: 'closing' };
      this.#post({ type: 'close' });
    }
    return this.#closed.promise;
  }

  #receive(message: FromWorker<Result>): void {
    switch (message.type) {
      case 'ready':
        return this.#ready.resolve();
      case 'open_failed': {
        const error = errorOf(message.failure);
        return this.#die({ pending: error, later: error, isExpected: true });
      }
      case 'committed':
        return this.#committed(message);
      case 'failed': {
        const error = errorOf(message.failure);
        this.#options.meter?.failed({ error, atMs: systemClock.monotonicMs() });
        return this.#inFlight.shift()?.reject(error);
      }
      case 'profile':
        return this.#profiles.shift()?.resolve(message.answer);
      case 'closed':
        return this.#die({ pending: closedFailure(), later: closedFailure(), isExpected: true });
      default:
        return unreachable(message);
    }
  }

  #committed({ results, commitMs, startedMs, endedMs }: Extract<FromWorker<Result>, { type: 'committed' }>): void {
    const batch = this.#inFlight.shift();
    if (batch === undefined) return;
    const { meter } = this.#options;
    meter?.commitSeconds.observe((systemClock.monotonicMs() - batch.postedMs) / 1000);
    meter?.fsyncSeconds.observe(commitMs / 1000);
    batch.onTimes?.({ startedMs, endedMs });
    batch.resolve(results);
  }

  #die({ pending, later, isExpected = false }: Death): void {
    if (this.#state.type === 'dead') return;
    this.#state = { type: 'dead', later };
    this.#options.threads?.delete(this);
    for (const answer of [...this.#inFlight.splice(0), ...this.#profiles.splice(0)]) answer.reject(pending);
    void this.#closed.promise.then(() => this.#ready.reject(pending));
    this.#worker.terminate();
    if (!isExpected) this.#options.onFatal?.(pending);
  }

  #post(message: ToWorker<Op> | string): void {
    this.#worker.postMessage(message);
  }
}

/** When the thread worked on a batch, Unix milliseconds. */
interface TransactionTimes {
  readonly startedMs: number;
  readonly endedMs: number;
}

interface InFlight<Result> extends PromiseWithResolvers<readonly Result[]> {
  readonly postedMs: number;
  /** Called when the batch is committed. */
  readonly onTimes: ((times: TransactionTimes) => void) | undefined;
}

interface Death {
  /** Rejects the batches in flight. */
  readonly pending: Error;
  /** Rejects later batches. */
  readonly later: Error;
  readonly isExpected?: boolean;
}

type State =
  | { readonly type: 'open' }
  | { readonly type: 'closing' }
  | { readonly type: 'dead'; readonly later: Error };

/** A batch in flight may have been committed before the thread died. Later batches were not. */
function unknownOutcome(message: string): Death {
  return {
    pending: new StoreFailure('unknown_outcome', message),
    later: new StoreFailure('unavailable', `${message}; restart the server`),
  };
}

const closedFailure = () => new StoreFailure('unavailable', 'the store is closed');

/** Throws when the thread answered with a failure. */
function expected<T extends ProfileAnswer['type']>(
  answer: ProfileAnswer,
  type: T,
): Extract<ProfileAnswer, { readonly type: T }> {
  if (answer.type === 'failed') throw new Error(`the thread could not be profiled: ${answer.message}`);
  assert(answer.type === type, 'a profile request is answered by its kind');
  return answer as Extract<ProfileAnswer, { readonly type: T }>;
}

/** "timeline" for …/timeline.worker.ts. */
const threadName = (script: string): string => /([\w-]+)\.worker\.\w+$/.exec(script)?.[1] ?? 'writer';
