// The worker as composed in every profile: it handles the tasks of the queue and relays the outbox of the devices into it.

import { systemRandom } from '@hongyan/base/random';
import type { Devices } from '../../ports/devices/devices.ts';
import type { Receipts } from '../../ports/directory/receipts.ts';
import type { TaskQueue } from '../../ports/task-queue/task-queue.ts';
import { forgottenDevicesWork } from '../../roles/worker/forgotten-devices-work.ts';
import { startOutboxRelay } from '../../roles/worker/outbox-relay.ts';
import { registrationWork } from '../../roles/worker/registration-work.ts';
import type { RetryOptions } from '../../roles/worker/work.ts';
import { startWorker } from '../../roles/worker/worker.ts';
import type { Surroundings } from '../surroundings.ts';
import type { OpenEvents } from './events.ts';

export interface WorkerStores {
  readonly devices: Devices;
  readonly directory: Pick<Receipts, 'forgetReceipts'>;
  readonly tasks: TaskQueue;
  readonly events: Pick<OpenEvents, 'outlet'>;
}

export interface ComposedWorker {
  /** Claims nothing more; resolves when the tasks in progress are settled. */
  drain(): Promise<void>;
}

export const taskRetry: RetryOptions = {
  leaseMs: 60_000,
  failuresMax: 10,
  backOffBaseMs: 500,
  backOffMaxMs: 300_000,
};

export function composeWorker(
  { clock, log }: Pick<Surroundings, 'clock' | 'log'>,
  { devices, directory, tasks, events }: WorkerStores,
): ComposedWorker {
  const worker = startWorker({
    ...{ queue: tasks, clock, log, random: systemRandom },
    works: [registrationWork(devices, events.outlet), forgottenDevicesWork(directory)],
    retry: taskRetry,
  });
  const relay = startOutboxRelay({ outboxes: { devices: devices.outbox }, tasks, clock, log });
  return {
    async drain() {
      await relay.drain();
      await worker.drain();
    },
  };
}
