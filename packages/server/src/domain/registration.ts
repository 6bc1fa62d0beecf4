// The registration of a device, and the order of two registrations of the same device.

import type { DeviceToken } from '@hongyan/protocol/ids';

/** All texts are valid Unicode: the core refuses others. */
export interface Registration {
  readonly deviceToken: DeviceToken;
  readonly model: string;
  readonly firmware: string;
  /** When the device, or its back end, created the registration. Unix ms. */
  readonly registeredAtMs: number;
  /** Further fields as a JSON object with a fixed order of keys; empty if there are none. */
  readonly detailsJson: string;
}

export type Kind = Pick<Registration, 'model' | 'firmware'>;

/** Devices with the same name are counted together. Names of different kinds differ, whatever characters the fields contain. */
export const kindName = ({ model, firmware }: Kind): string => JSON.stringify([model, firmware]);

/**
 * [T12] The later registration wins. At equal times, the one whose content sorts last wins, so that the result depends neither on the order
 * of arrival nor on repetitions.
 */
export function isNewer(one: Registration, other: Registration): boolean {
  if (one.registeredAtMs !== other.registeredAtMs) return one.registeredAtMs > other.registeredAtMs;
  for (const field of ['model', 'firmware', 'detailsJson'] as const)
    if (one[field] !== other[field]) return one[field] > other[field];
  return false;
}
