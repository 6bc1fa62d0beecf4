// A thread that owns a store's write connection: batches go in, in order, and each is answered once it is committed.

import { assert, unreachable } from '@hongyan/base/assert';
import { systemClock } from '@hongyan/base/clock';
import { StoreFailure } from '@hongyan/base/result';
import type { StoreMeter } from '../../metrics/store-meter.ts';
import type { ProfiledThread, ProfiledThreads } from '../../profiles/profiled-threads.ts';
import { errorOf } from './failure.ts';
import type { FromWorker, ProfileAnswer, ProfileRequest, ToWorker } from './group-commit-protocol.ts';

export interface WriterThreadOptions {
  /** A module that calls serveGroupCommit; `new URL('./x.worker.ts', import.meta.url)`. */
  readonly worker: URL | string;
  /** Handed to the worker's `open`; anything that can be structured-cloned. */
  readonly init: unknown;
  /**
   * Batches and their answers travel as text: cheaper than a structured clone, which looks for each string among those before it.
   * Ops and results MUST be as JSON gives them back: no undefined in a list, no bytes, no Map.
   */
  readonly asJson?: boolean;
  /** Where a profiler finds the thread. */
  readonly threads?: ProfiledThreads | undefined;
  /** The open thread died: batches under way and later ones reject. Called once at most. What could not be opened is told by `ready`. */
  readonly onFatal?: (error: Error) => void;
  readonly meter?: StoreMeter | undefined;
}

export class WriterThread<Op, Result> implements ProfiledThread {
  readonly name: string;
  readonly #worker: Worker;
  readonly #options: WriterThreadOptions;
  readonly #ready = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<void>();
  /** In the order they were posted, which is the order of the answers. */
  readonly #underWay: UnderWay<Result>[] = [];
  /** In the order they were asked for, which is the order of the answers. */
  readonly #profiles: PromiseWithResolvers<ProfileAnswer>[] = [];
  #state: State = { type: 'open' };

  constructor(options: WriterThreadOptions) {
    this.#options = options;
    // The rejection is for callers of ready(); without any it must not count as unhandled.
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
      // Not before: the thread's statements hold its file until the thread is gone.
      this.#closed.resolve();
    });
    this.#post({ type: 'init', init: options.init });
  }

  /** Resolves when the worker has opened its store; rejects when it could not, once the thread is gone and holds no file any more. */
  ready(): Promise<void> {
    return this.#ready.promise;
  }

  /**
   * One transaction for all ops, applied in this order; results in the same order. Several calls may be under way: they commit
   * in the order of the calls. A rejection means that nothing was stored, unless it is a StoreFailure with unknown_outcome.
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
      // An op that cannot be cloned: its batch never left this thread.
      return Promise.reject(error);
    }
    const answer = Promise.withResolvers<readonly Result[]>();
    this.#underWay.push({ ...answer, postedMs: systemClock.monotonicMs(), onTimes });
    return answer.promise;
  }

  async startCpu(): Promise<void> {
    expected(await this.#askProfile({ type: 'start_cpu' }), 'started');
  }

  async stopCpu() {
    return expected(await this.#askProfile({ type: 'stop_cpu' }), 'cpu').profile;
  }

  async heap({ isFull }: { readonly isFull: boolean }) {
    return expected(await this.#askProfile({ type: 'heap', isFull }), 'heap').classes;
  }

  #askProfile(request: ProfileRequest): Promise<ProfileAnswer> {
    if (this.#state.type !== 'open') return Promise.reject(closedFailure());
    this.#post(request);
    const answer = Promise.withResolvers<ProfileAnswer>();
    this.#profiles.push(answer);
    return answer.promise;
  }

  /** Closes the store behind the batches under way and ends the thread. */
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
        return this.#underWay.shift()?.reject(error);
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
    const batch = this.#underWay.shift();
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
    for (const answer of [...this.#underWay.splice(0), ...this.#profiles.splice(0)]) answer.reject(pending);
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

interface UnderWay<Result> extends PromiseWithResolvers<readonly Result[]> {
  readonly postedMs: number;
  /** Called when it is committed. */
  readonly onTimes: ((times: TransactionTimes) => void) | undefined;
}

interface Death {
  /** For batches under way. */
  readonly pending: Error;
  /** For batches after it. */
  readonly later: Error;
  readonly isExpected?: boolean;
}

type State =
  | { readonly type: 'open' }
  | { readonly type: 'closing' }
  | { readonly type: 'dead'; readonly later: Error };

/** A batch under way may have been committed before the thread died; a later one was not. */
function unknownOutcome(message: string): Death {
  return {
    pending: new StoreFailure('unknown_outcome', message),
    later: new StoreFailure('unavailable', `${message}; restart the server`),
  };
}

const closedFailure = () => new StoreFailure('unavailable', 'the store is closed');

/** The thread answers each request by its kind, or says why it cannot. */
function expected<T extends ProfileAnswer['type']>(
  answer: ProfileAnswer,
  type: T,
): Extract<ProfileAnswer, { readonly type: T }> {
  if (answer.type === 'failed') throw new Error(`the thread has no profile: ${answer.message}`);
  assert(answer.type === type, 'a request for a profile has an answer of its kind');
  return answer as Extract<ProfileAnswer, { readonly type: T }>;
}

/** "timeline" for …/timeline.worker.ts. */
const threadName = (script: string): string => /([\w-]+)\.worker\.\w+$/.exec(script)?.[1] ?? 'writer';
