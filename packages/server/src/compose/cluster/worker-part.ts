// The role worker in a cluster: what was accepted and is done later.

import { noOutlet } from '../../ports/event-log/event-outlet.ts';
import { forgottenDevicesWork } from '../../roles/worker/forgotten-devices-work.ts';
import { startOutboxRelay } from '../../roles/worker/outbox-relay.ts';
import { registrationWork } from '../../roles/worker/registration-work.ts';
import type { Surroundings } from '../surroundings.ts';
import { startWorks } from '../worker.ts';
import type { ClusterStores } from './stores.ts';

export interface WorkerPart {
  /** Finishes what it has; the rest is done by other workers. */
  drain(): Promise<void>;
}

export function openWorkerPart(
  { log, clock }: Surroundings,
  { devices, directory, tasks }: Pick<ClusterStores, 'devices' | 'directory' | 'tasks'>,
): WorkerPart {
  const works = [registrationWork(devices, noOutlet), forgottenDevicesWork(directory)];
  const worker = startWorks(works, { clock, log }, tasks);
  const relay = startOutboxRelay({ outboxes: { devices: devices.outbox }, tasks, clock, log });
  return {
    async drain() {
      await relay.drain();
      await worker.drain();
    },
  };
}
