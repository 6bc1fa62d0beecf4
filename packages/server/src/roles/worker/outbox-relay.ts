// Relays the outboxes of services into the task queue.

import { type Clock, sleep } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import type { Outbox } from '../../ports/outbox/outbox.ts';
import type { TaskProducer } from '../../ports/task-queue/task-queue.ts';

export interface OutboxRelayOptions {
  /** By the name of their service. */
  readonly outboxes: Readonly<Record<string, Outbox>>;
  readonly tasks: TaskProducer;
  readonly clock: Clock;
  readonly log: Log;
}

/** Upper limit of the delay of a relayed event while nothing fails. */
const lookEveryMs = 2_000;
const stepSize = 100;

export interface RunningRelay {
  drain(): Promise<void>;
}

/** [T16] At least once: after a crash between the two steps events become tasks again; their handlers are idempotent. */
export function startOutboxRelay(options: OutboxRelayOptions): RunningRelay {
  const stop = new AbortController();
  const running = Object.entries(options.outboxes).map(([service, outbox]) =>
    relay(options, { service, outbox, signal: stop.signal }),
  );
  return {
    async drain() {
      stop.abort();
      await Promise.all(running);
    },
  };
}

async function relay(
  { tasks, clock, log }: OutboxRelayOptions,
  { service, outbox, signal }: { readonly service: string; readonly outbox: Outbox; readonly signal: AbortSignal },
): Promise<void> {
  while (!signal.aborted) {
    let count = 0;
    try {
      const events = await outbox.pending(stepSize);
      count = events.length;
      // Every worker process relays: the key avoids most duplicate tasks.
      const news = events.map(({ no, kind, payload }) => ({ kind, payload, key: `${service} ${no}` }));
      if (count > 0) await tasks.add(news);
      await outbox.delivered(events.map(({ no }) => no));
    } catch (error) {
      log.error('failed to relay the outbox of a service, retrying', { service, error });
      count = 0;
    }
    if (count < stepSize) await sleep(clock, { delayMs: lookEveryMs, signal });
  }
}
