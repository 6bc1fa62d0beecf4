// A device as its registration says it is, and which of two registrations of one device is the newer.

import type { DeviceToken } from '@hongyan/protocol/ids';

export interface Registration {
  readonly deviceToken: DeviceToken;
  readonly model: string;
  readonly firmware: string;
  /** When the device, or the back end for it, made it. Unix ms. */
  readonly registeredAtMs: number;
  /** The further fields as a JSON object with its keys in one order; empty when there are none. */
  readonly detailsJson: string;
}

/**
 * [T12] The later one. Of two at the same time the one whose content sorts last, so that every order of arrival, and every
 * repetition, ends with the same one.
 */
export function isNewer(one: Registration, other: Registration): boolean {
  if (one.registeredAtMs !== other.registeredAtMs) return one.registeredAtMs > other.registeredAtMs;
  return contentOf(one) > contentOf(other);
}

const contentOf = ({ model, firmware, detailsJson }: Registration): string => `${model}\n${firmware}\n${detailsJson}`;
