// Supervises one gateway process: restarts it on exit or hang, with exponential back-off for early exits.

import { assert, unreachable } from '@hongyan/base/assert';
import { type Clock, sleep, type Timer } from '@hongyan/base/clock';
import type { Log, LogLevel } from '@hongyan/base/log';
import type { Config } from '../../config/options.ts';
import type { DrainTimes } from '../embedded/hand-over.ts';
import type { Begin, FromGatewayProcess, ToGatewayProcess } from './messages.ts';
import { RemoteProfiler } from './remote-profiler.ts';

/** A process as its supervisor uses it. */
export interface Child {
  readonly pid: number;
  readonly exited: Promise<{ readonly code: number | null; readonly signal: string | null }>;
  /** A process that is gone or about to exit gets nothing: that is no error. */
  send(message: ToGatewayProcess): void;
  /** At once, without a drain. */
  kill(): void;
}

export interface GatewaySlotOptions {
  readonly begin: Begin;
  /** At the moment: it may have changed since the start. */
  readonly inForce: () => { readonly level: LogLevel; readonly config: Config };
  readonly spawn: (node: string, onMessage: (message: FromGatewayProcess) => void) => Child;
  /** The watchdog of its process found a threshold passed. */
  readonly onPassed: (process: string, detail: string) => void;
  readonly log: Log;
  readonly clock: Clock;
}

type State =
  | { readonly type: 'new' }
  | { readonly type: 'starting'; readonly child: Child }
  /** `unanswered`: questions since its last sign of life. */
  | {
      readonly type: 'running';
      readonly child: Child;
      readonly unanswered: number;
      readonly certificateEndsAtMs: number | undefined;
    }
  /** Its process exited or was killed; the next is not spawned yet. */
  | { readonly type: 'between' }
  | { readonly type: 'stopped' };

const backOffMs = { first: 100, max: 5_000 };
/** A process that lived so long exited for a new reason: back-off begins anew. */
const settledMs = 30_000;
const readyTimeoutMs = 30_000;
/** Beyond the drain, for the exit itself. */
const exitTimeoutMs = 5_000;
/** Questions in a row that a process may leave without an answer. */
const unansweredMax = 2;

export class GatewaySlot {
  /** Of its present process. */
  readonly profiler: RemoteProfiler;
  readonly #options: GatewaySlotOptions;
  readonly #stopping = new AbortController();
  #state: State = { type: 'new' };
  /** The newest that was ready: it is restarted when it exits. */
  #newest: Child | undefined;
  #kept: Promise<void> | undefined;
  #watch: Timer | undefined;
  #askedMs = 0;
  #earlyExits = 0;
  /** The process before may still have its socket. */
  #launches = 0;
  /** Of the newest process that runs or is to run. */
  #operatorPath: string;
  /** Of the newest process. */
  #startedMs = 0;
  /** Settles when the process that is to follow a running one is ready, or did not start. */
  #following: Promise<unknown> | undefined;
  #rolled: Promise<void> | undefined;

  constructor(options: GatewaySlotOptions) {
    this.#options = options;
    this.#operatorPath = options.begin.operatorPath;
    this.profiler = new RemoteProfiler(options.begin.node, () => this.#running);
  }

  get node(): string {
    return this.#options.begin.node;
  }

  get operatorPath(): string {
    return this.#operatorPath;
  }

  get isRunning(): boolean {
    return this.#state.type === 'running';
  }

  /** Of the one that its process shows to clients; undefined without TLS, and while none runs. */
  get certificateEndsAtMs(): number | undefined {
    return this.#state.type === 'running' ? this.#state.certificateEndsAtMs : undefined;
  }

  /** Resolves when the gateway accepts connections; rejects when the first process does not come so far. */
  async start(): Promise<void> {
    assert(this.#state.type === 'new', 'a slot is started once');
    const { clock, begin } = this.#options;
    this.#startedMs = clock.monotonicMs();
    this.#keep(await this.#launch());
    this.#askedMs = clock.monotonicMs();
    this.#watch = clock.every(begin.config.linkTimeoutMs, () => this.#ask());
  }

  /** What is in force at the moment. A process that is not ready yet gets it when it is. */
  sendInForce(): void {
    if (this.#state.type === 'running') this.#state.child.send({ type: 'in_force', ...this.#options.inForce() });
  }

  /** Drains and ends the process; none follows. */
  async stop(drain: DrainTimes = drainOf(this.#options.begin)): Promise<void> {
    this.#stopping.abort();
    this.#watch?.cancel();
    const state = this.#state;
    this.#state = { type: 'stopped' };
    if (state.type === 'starting' || state.type === 'running') {
      await this.#end(state.child, { isRelieved: false, drain });
    }
    await Promise.all([this.#kept, this.#rolled?.catch(() => undefined)]);
  }

  /**
   * [O22] Starts another process, and drains the one before when the other accepts. Rejects when there is none, or the other does
   * not start: then the one before stays. Rejects too when the other exited meanwhile: it is restarted.
   */
  roll(): Promise<void> {
    this.#rolled = this.#roll();
    return this.#rolled;
  }

  async #roll(): Promise<void> {
    const { begin, clock } = this.#options;
    const before = this.#state;
    const operatorPath = this.#operatorPath;
    const drain = drainOf(begin);
    if (before.type !== 'running') throw new Error(`${begin.node} is not running: try again when it is`);
    this.#startedMs = clock.monotonicMs();
    const launched = this.#launch();
    this.#following = launched.catch(() => undefined);
    let follower: Child;
    try {
      follower = await launched;
    } catch (error) {
      if (this.#stopping.signal.aborted) await this.#end(before.child, { isRelieved: false, drain });
      else this.#stay(before, operatorPath);
      throw error;
    } finally {
      this.#following = undefined;
    }
    this.#keep(follower);
    await this.#end(before.child, { isRelieved: true, drain });
    if (this.#running !== follower) throw new Error(`the new process of ${begin.node} exited: its log says why`);
  }

  /** As if no other had been launched. What came into force meanwhile was for the other. */
  #stay(before: State, operatorPath: string): void {
    this.#state = before;
    this.#operatorPath = operatorPath;
    this.sendInForce();
  }

  /** Drains the process; killed when it does not exit in time. */
  async #end(child: Child, how: { readonly isRelieved: boolean; readonly drain: DrainTimes }): Promise<void> {
    const { clock } = this.#options;
    const { drainSeconds, drainDelaySeconds } = how.drain;
    child.send({ type: 'stop', ...how });
    const timer = clock.after((drainSeconds + drainDelaySeconds) * 1000 + exitTimeoutMs, () => child.kill());
    await child.exited;
    timer.cancel();
  }

  #keep(child: Child): void {
    this.#newest = child;
    this.#kept = this.#restartAfter(child);
  }

  /** Until `stop`, or until another follows it: waits for the process to exit, then for the back-off, then spawns the next. */
  async #restartAfter(first: Child): Promise<void> {
    const { clock, log, begin } = this.#options;
    const { signal: isStopping } = this.#stopping;
    let child: Child | undefined = first;
    while (!isStopping.aborted) {
      const exit = await child?.exited;
      await this.#following;
      if (isStopping.aborted || (child !== undefined && child !== this.#newest)) return;
      this.#state = { type: 'between' };
      if (clock.monotonicMs() - this.#startedMs > settledMs) this.#earlyExits = 0;
      const delayMs = Math.min(backOffMs.max, backOffMs.first * 2 ** this.#earlyExits++);
      log.warn('gateway process died', { node: begin.node, ...exit, restartInMs: delayMs });
      await sleep(clock, { delayMs, signal: isStopping });
      if (isStopping.aborted) return;
      this.#startedMs = clock.monotonicMs();
      child = await this.#launch().catch((error: unknown) => {
        log.error('gateway process did not start', { node: begin.node, error });
        return undefined;
      });
      this.#newest = child;
    }
  }

  /** Resolves when the gateway is ready. Rejects when its process exited before that. */
  async #launch(): Promise<Child> {
    const { begin, spawn, clock } = this.#options;
    const { promise: ready, resolve, reject } = Promise.withResolvers<void>();
    this.#launches++;
    const operatorPath = `${begin.operatorPath}.${this.#launches}`;
    this.#operatorPath = operatorPath;
    const child = spawn(begin.node, (message) => this.#receive(child, message, { resolve, reject }));
    this.#state = { type: 'starting', child };
    const late = clock.after(readyTimeoutMs, () => child.kill());
    void child.exited.then(({ code }) => {
      this.profiler.lost(child);
      reject(new Error(`${begin.node} exited with code ${code} before it was ready`));
    });
    child.send({ ...begin, operatorPath });
    try {
      await ready;
      return child;
    } finally {
      late.cancel();
    }
  }

  #receive(
    child: Child,
    message: FromGatewayProcess,
    start: { readonly resolve: () => void; readonly reject: (error: Error) => void },
  ): void {
    switch (message.type) {
      case 'failed':
        return start.reject(new Error(message.message));
      case 'ready':
        if (this.#state.type !== 'starting') return;
        this.#state = { type: 'running', child, unanswered: 0, certificateEndsAtMs: message.certificateEndsAtMs };
        this.sendInForce();
        this.#options.log.info('gateway process is ready', { node: this.#options.begin.node, pid: child.pid });
        return start.resolve();
      case 'alive':
        if (this.#state.type === 'running') this.#state = { ...this.#state, unanswered: 0 };
        return;
      case 'profiled':
        return this.profiler.receive(message.id, message.result);
      case 'passed':
        return this.#options.onPassed(this.node, message.detail);
      default:
        return unreachable(message);
    }
  }

  get #running(): Child | undefined {
    return this.#state.type === 'running' ? this.#state.child : undefined;
  }

  /** A process that hangs answers no client, and yet keeps its connections and its share of the new ones. */
  #ask(): void {
    const { clock, log, begin } = this.#options;
    const sinceMs = clock.monotonicMs() - this.#askedMs;
    this.#askedMs += sinceMs;
    if (this.#state.type !== 'running') return;
    const { child } = this.#state;
    // This process was late itself: answers may wait to be read.
    const unanswered = sinceMs > 2 * begin.config.linkTimeoutMs ? 0 : this.#state.unanswered;
    if (unanswered < unansweredMax) {
      this.#state = { ...this.#state, unanswered: unanswered + 1 };
      child.send({ type: 'ask' });
      return;
    }
    log.error('gateway process hangs', { node: begin.node, pid: child.pid });
    this.#state = { type: 'between' };
    child.kill();
  }
}

const drainOf = ({ config: { drainSeconds, drainDelaySeconds } }: Begin): DrainTimes => ({
  drainSeconds,
  drainDelaySeconds,
});
