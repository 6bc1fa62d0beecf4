// The encoding of many registrations as the payload of one task.

import type { Brand } from '@hongyan/base/brand';
import type { DeviceToken } from '@hongyan/protocol/ids';
import type { Registration } from '../../domain/registration.ts';

/** The kind of the task whose payload is a RegistrationBatch. */
export const registrationKind = 'devices.register';

export type RegistrationBatch = Brand<string, 'RegistrationBatch'>;

type Row = readonly [token: string, model: string, firmware: string, registeredAtMs: number, detailsJson: string];

export function encodeBatch(registrations: readonly Registration[]): RegistrationBatch {
  const rows = registrations.map(
    ({ deviceToken, model, firmware, registeredAtMs, detailsJson }): Row => [
      deviceToken,
      model,
      firmware,
      registeredAtMs,
      detailsJson,
    ],
  );
  return JSON.stringify(rows) as RegistrationBatch;
}

/** Throws for a text that `encodeBatch` did not write. */
export function decodeBatch(batch: RegistrationBatch): Registration[] {
  return (JSON.parse(batch) as readonly Row[]).map(([deviceToken, model, firmware, registeredAtMs, detailsJson]) => ({
    deviceToken: deviceToken as DeviceToken,
    ...{ model, firmware, registeredAtMs, detailsJson },
  }));
}
