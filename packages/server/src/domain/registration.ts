// A device as its registration says it is, and which of two registrations of one device is the newer.

import type { DeviceToken } from '@hongyan/protocol/ids';

/** Its texts are valid Unicode: the core refuses others. */
export interface Registration {
  readonly deviceToken: DeviceToken;
  readonly model: string;
  readonly firmware: string;
  /** When the device, or the back end for it, made it. Unix ms. */
  readonly registeredAtMs: number;
  /** The further fields as a JSON object with its keys in one order; empty when there are none. */
  readonly detailsJson: string;
}

export type Kind = Pick<Registration, 'model' | 'firmware'>;

/** Devices of one name are counted together. Nothing that stands in a model or a firmware makes two kinds one. */
export const kindName = ({ model, firmware }: Kind): string => JSON.stringify([model, firmware]);

/**
 * [T12] The later one. Of two at the same time the one whose content sorts last, so that every order of arrival, and every
 * repetition, ends with the same one.
 */
export function isNewer(one: Registration, other: Registration): boolean {
  if (one.registeredAtMs !== other.registeredAtMs) return one.registeredAtMs > other.registeredAtMs;
  for (const field of ['model', 'firmware', 'detailsJson'] as const)
    if (one[field] !== other[field]) return one[field] > other[field];
  return false;
}
