// The embedded command log: a bounded queue in front of the store. A batch forms while the one before commits.

import type { Log } from '@hongyan/base/log';
import type { Committed, Outcome, SendCommand } from '../core/core.ts';
import type { CommandHandler, CommandLog } from './command-log.ts';

interface Pending {
  readonly command: SendCommand;
  readonly resolve: (outcome: Outcome<Committed>) => void;
}

export interface MemoryCommandLogOptions {
  /** At the bound a submit is refused as `overloaded`. */
  readonly queueMax: number;
  readonly batchMax: number;
  readonly log: Log;
}

export function createMemoryCommandLog(handle: CommandHandler, options: MemoryCommandLogOptions): CommandLog {
  const { queueMax, batchMax, log } = options;
  let queue: Pending[] = [];
  let working: Promise<void> | undefined;
  let isDraining = false;

  async function work(): Promise<void> {
    while (queue.length > 0) {
      const batch = queue.length <= batchMax ? queue : queue.slice(0, batchMax);
      queue = queue.length <= batchMax ? [] : queue.slice(batchMax);
      try {
        const outcomes = await handle(batch.map((pending) => pending.command));
        batch.forEach((pending, index) => {
          pending.resolve(outcomes[index] ?? refusal('internal', 'the core gave no outcome'));
        });
      } catch (error) {
        log.error('batch failed', { size: batch.length, error });
        for (const pending of batch)
          pending.resolve(refusal('unknown_outcome', 'the outcome is unknown: send again with the same client_msg_id'));
      }
    }
    working = undefined;
  }

  return {
    submit(command) {
      if (isDraining) return Promise.resolve(refusal('unavailable', 'the server is stopping'));
      if (queue.length >= queueMax) return Promise.resolve(refusal('overloaded', 'too many sends are waiting'));
      return new Promise((resolve) => {
        queue.push({ command, resolve });
        // The first command of an idle log waits for the rest of this turn's frames.
        working ??= Promise.resolve().then(work);
      });
    },
    async drain() {
      isDraining = true;
      await working;
    },
  };
}

function refusal(
  code: 'overloaded' | 'unavailable' | 'internal' | 'unknown_outcome',
  message: string,
): Outcome<Committed> {
  return { type: 'refused', code, message, ...(code === 'overloaded' ? { retryAfterMs: 1000 } : {}) };
}
