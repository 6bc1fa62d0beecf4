// Stores accepted registrations of devices and reports them to the event outlet.

import type { Devices } from '../../ports/devices/devices.ts';
import { decodeBatch, type RegistrationBatch, registrationKind } from '../../ports/devices/registration-batch.ts';
import type { EventOutlet } from '../../ports/event-log/event-outlet.ts';
import type { Work } from './work.ts';

/** Of one call, so that it grows with what waits: the more devices at a time, the fewer pages of the table each one costs. */
const tasksMax = 2_000;
const bytesMax = 24 * 1024 * 1024;
/** Registrations within this time share a commit. */
const minIntervalMs = 100;

/** [T11] [T12] Done again, it changes nothing: the newest registration of a device stays, and an event keeps its id. */
export const registrationWork = (devices: Devices, outlet: EventOutlet): Work => ({
  kind: registrationKind,
  batchMax: tasksMax,
  payloadMax: bytesMax,
  atOnceMax: 1,
  minIntervalMs,
  async handle(tasks) {
    const batches = tasks.map(({ payload }) => payload as RegistrationBatch);
    await devices.register(batches);
    for (const batch of batches) {
      if (!outlet.isWanted) return;
      const registered = decodeBatch(batch);
      await outlet.devices(registered.map(({ registeredAtMs, ...device }) => ({ ...device, atMs: registeredAtMs })));
    }
  },
});
