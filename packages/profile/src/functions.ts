// Which functions a profile names: the table that "hongyan profile show" prints and the console lists.

import { type Frame, mainValue, type Profile } from './profile.ts';

export interface FunctionShare {
  readonly frame: Frame;
  /** While it was innermost itself. */
  readonly self: number;
  /** Itself and what it called; a recursion counts once. */
  readonly total: number;
}

export interface FunctionTable {
  /** Largest self value first. */
  readonly functions: readonly FunctionShare[];
  /** Of all stacks. */
  readonly sum: number;
}

export const frameKey = ({ name, file, line }: Frame): string => `${name}\n${file}\n${line}`;

export function functionTable(profile: Profile, value = mainValue(profile)): FunctionTable {
  const functions = new Map<string, { frame: Frame; self: number; total: number }>();
  let sum = 0;
  for (const { frames, values } of profile.stacks) {
    const amount = values[value] ?? 0;
    sum += amount;
    const seen = new Set<string>();
    for (const [depth, frame] of frames.entries()) {
      const key = frameKey(frame);
      const entry = functions.get(key) ?? { frame, self: 0, total: 0 };
      functions.set(key, entry);
      if (depth === frames.length - 1) entry.self += amount;
      if (!seen.has(key)) entry.total += amount;
      seen.add(key);
    }
  }
  return { functions: [...functions.values()].sort((a, b) => b.self - a.self || b.total - a.total), sum };
}
