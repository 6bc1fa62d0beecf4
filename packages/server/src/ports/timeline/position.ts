// The text of a position: the epoch of its store and a number that grows with every commit. It is opaque to clients.

import type { Position } from './timeline.ts';

/** "epoch.number" */
export const formatPosition = (epoch: string, number: number): Position => `${epoch}.${number}` as Position;

/** undefined when the text is not a position of this epoch. */
export function parsePosition(epoch: string, position: string): number | undefined {
  const [, given, digits] = position.match(/^([0-9a-z]+)\.(\d{1,16})$/) ?? [];
  if (given !== epoch) return undefined;
  const number = Number(digits);
  return Number.isSafeInteger(number) ? number : undefined;
}

/** Twelve characters, because every sync cursor contains it. */
export const newEpoch = (): string => crypto.randomUUID().replaceAll('-', '').slice(0, 12);
