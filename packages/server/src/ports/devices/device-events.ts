// What the store of devices tells other services.

import type { DeviceKey } from './devices.ts';

/** The kind of task whose payload names devices that are known to nobody any more. */
export const forgottenKind = 'devices.forgotten';

export const encodeForgotten = (keys: readonly DeviceKey[]): string => JSON.stringify(keys);

/** Throws for a text that encodeForgotten did not write. */
export const decodeForgotten = (payload: string): readonly DeviceKey[] => JSON.parse(payload) as readonly DeviceKey[];
