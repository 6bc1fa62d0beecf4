// The role worker in a cluster: what was accepted and is done later, and events out.

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
  { devices, directory, events, tasks }: Pick<ClusterStores, 'devices' | 'directory' | 'events' | 'tasks'>,
): WorkerPart {
  const works = [registrationWork(devices, events.outlet), forgottenDevicesWork(directory)];
  const worker = startWorks(works, { clock, log }, tasks);
  const relay = startOutboxRelay({ outboxes: { devices: devices.outbox }, tasks, clock, log });
  return {
    async drain() {
      await events.drain();
      await relay.drain();
      await worker.drain();
    },
  };
}
