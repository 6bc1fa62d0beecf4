// The outbox events of the device store.

import type { DeviceKey } from './devices.ts';

/** The kind of the task whose payload lists forgotten devices. */
export const forgottenKind = 'devices.forgotten';

export const encodeForgotten = (keys: readonly DeviceKey[]): string => JSON.stringify(keys);

/** Throws for a text that `encodeForgotten` did not write. */
export const decodeForgotten = (payload: string): readonly DeviceKey[] => JSON.parse(payload) as readonly DeviceKey[];
