// A whole number that a command takes as a flag.

import { type CommandInput, UsageError } from './command.ts';

export interface Bounds<Standard extends number | undefined> {
  /** When the flag is not given. */
  readonly standard: Standard;
  readonly min: number;
  readonly max: number;
}

export function wholeNumber<Standard extends number | undefined>(
  values: CommandInput['values'],
  name: string,
  { standard, min, max }: Bounds<Standard>,
): number | Standard {
  const text = values.get(name);
  if (text === undefined) return standard;
  if (/^\d+$/.test(text) && Number(text) >= min && Number(text) <= max) return Number(text);
  throw new UsageError(`--${name} must be a whole number from ${min} to ${max}, not "${text}"`);
}
