// Stores the registrations of devices that were accepted.

import type { Devices } from '../../ports/devices/devices.ts';
import { type RegistrationBatch, registrationKind } from '../../ports/devices/registration-batch.ts';
import type { Work } from './work.ts';

/** Of one call, so that it grows with what waits: the more devices at a time, the fewer pages of the table each one costs. */
const tasksMax = 2_000;
const bytesMax = 48 * 1024 * 1024;
/** Devices that come one by one share a commit. */
const minIntervalMs = 100;

/** [T11] [T12] Done again, it changes nothing: the newest registration of a device stays. */
export const registrationWork = (devices: Devices): Work => ({
  kind: registrationKind,
  batchMax: tasksMax,
  payloadMax: bytesMax,
  atOnceMax: 1,
  minIntervalMs,
  async handle(tasks) {
    await devices.register(tasks.map(({ payload }) => payload as RegistrationBatch));
  },
});
