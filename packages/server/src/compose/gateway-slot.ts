// One gateway process and those that follow it: a process that dies, or hangs, is started again, later each time it dies soon.

import { type Clock, sleep } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import { type Subprocess, spawn } from 'bun';
import { type FromGatewayProcess, gatewayProcessWord, type ToGatewayProcess } from './gateway-messages.ts';

export interface GatewaySlotOptions {
  readonly begin: Extract<ToGatewayProcess, { type: 'begin' }>;
  readonly program: readonly string[];
  readonly log: Log;
  readonly clock: Clock;
}

const backOffMs = { first: 100, max: 5_000 };
/** One that lived so long died of something new: back-off begins anew. */
const settledMs = 30_000;
const readyTimeoutMs = 30_000;
/** Beyond the drain, for what is not waiting. */
const leaveTimeoutMs = 5_000;
/** Questions in a row that a process may leave without an answer. */
const unansweredMax = 2;

export class GatewaySlot {
  readonly #options: GatewaySlotOptions;
  readonly #stopping = new AbortController();
  #process: Subprocess | undefined;
  #running: Promise<void> | undefined;
  #deaths = 0;
  /** Questions since the last answer; undefined while there is no process that is ready. */
  #unanswered: number | undefined;

  constructor(options: GatewaySlotOptions) {
    this.#options = options;
  }

  /** Resolves when the gateway accepts connections; rejects when the first one does not come so far. */
  async start(): Promise<void> {
    await this.#launch();
    this.#running = this.#keep();
    this.#watch();
  }

  /** Drains and ends it; none follows. */
  async stop(): Promise<void> {
    const { clock, begin } = this.#options;
    this.#stopping.abort();
    const own = this.#process;
    if (own) {
      tell(own, { type: 'stop' });
      const timer = clock.after(begin.config.drainMs + leaveTimeoutMs, () => own.kill('SIGKILL'));
      await own.exited;
      timer.cancel();
    }
    await this.#running;
  }

  async #keep(): Promise<void> {
    const { clock, log, begin } = this.#options;
    const { signal } = this.#stopping;
    for (;;) {
      const startedMs = clock.monotonicMs();
      await this.#process?.exited;
      if (signal.aborted) return;
      if (clock.monotonicMs() - startedMs > settledMs) this.#deaths = 0;
      const delayMs = Math.min(backOffMs.max, backOffMs.first * 2 ** this.#deaths++);
      const { exitCode, signalCode } = this.#process ?? {};
      log.warn('gateway process died', { node: begin.node, code: exitCode, signal: signalCode, restartInMs: delayMs });
      await sleep(clock, { delayMs, signal });
      if (signal.aborted) return;
      await this.#launch().catch((error: unknown) =>
        log.error('gateway process did not start', { node: begin.node, error }),
      );
    }
  }

  /** A process that hangs serves nobody, and yet keeps its connections and its share of the new ones. */
  #watch(): void {
    const { clock, log, begin } = this.#options;
    const intervalMs = begin.config.linkTimeoutMs;
    let askedMs = clock.monotonicMs();
    const timer = clock.every(intervalMs, () => {
      const sinceMs = clock.monotonicMs() - askedMs;
      askedMs += sinceMs;
      if (this.#stopping.signal.aborted) return timer.cancel();
      const own = this.#process;
      if (own === undefined || this.#unanswered === undefined) return;
      // Late itself, this process may have answers yet to read.
      if (sinceMs > 2 * intervalMs) this.#unanswered = 0;
      if (this.#unanswered < unansweredMax) {
        this.#unanswered++;
        tell(own, { type: 'ask' });
        return;
      }
      log.error('gateway process hangs', { node: begin.node, pid: own.pid });
      this.#unanswered = undefined;
      own.kill('SIGKILL');
    });
  }

  /** Resolves when the gateway is ready. */
  #launch(): Promise<void> {
    const { begin, program, log, clock } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const own = spawn([...program, gatewayProcessWord, begin.node], {
      env: ownEnvironment(),
      stdin: 'ignore',
      stdout: 'inherit',
      stderr: 'inherit',
      serialization: 'json',
      ipc: (message: FromGatewayProcess) => {
        if (message.type === 'failed') return reject(new Error(message.message));
        this.#unanswered = 0;
        if (message.type === 'ready') {
          log.info('gateway process is ready', { node: begin.node, pid: own.pid });
          resolve();
        }
      },
    });
    this.#process = own;
    this.#unanswered = undefined;
    const late = clock.after(readyTimeoutMs, () => own.kill('SIGKILL'));
    void own.exited.then((code) => reject(new Error(`${begin.node} left with code ${code} before it was ready`)));
    void promise
      .finally(() => late.cancel())
      .catch(() => {
        // Told to the caller of this function.
      });
    tell(own, begin);
    return promise;
  }
}

function tell(process: Subprocess, message: ToGatewayProcess): void {
  try {
    process.send(message);
  } catch {
    // It is gone or about to leave: a terminal's Ctrl-C reaches it as well. Its end is waited for where it matters.
  }
}

/** The options come with `begin`: those of the environment are in them already. */
function ownEnvironment(): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('HONGYAN_')));
}
