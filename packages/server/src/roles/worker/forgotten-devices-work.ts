// Removes the positions of devices that the device store has removed.

import { decodeForgotten, forgottenKind } from '../../ports/devices/device-events.ts';
import type { Receipts } from '../../ports/directory/receipts.ts';
import type { Work } from './work.ts';

const tasksMax = 20;
const bytesMax = 4 * 1024 * 1024;

/** [T16] Idempotent. */
export const forgottenDevicesWork = (directory: Pick<Receipts, 'forgetReceipts'>): Work => ({
  kind: forgottenKind,
  batchMax: tasksMax,
  payloadMax: bytesMax,
  atOnceMax: 1,
  async handle(tasks) {
    await directory.forgetReceipts(tasks.flatMap(({ payload }) => decodeForgotten(payload)));
  },
});
