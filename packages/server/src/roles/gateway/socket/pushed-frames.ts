// Counts pushed frames by type without parsing them: each type has another first letter, {"type":"message",…

import { assert } from '@hongyan/base/assert';
import type { Sample } from '../../../metrics/metrics.ts';

const types = ['message', 'entry', 'receipt', 'conversation', 'typing', 'presence', 'going_away'] as const;
const at = '{"type":"'.length;
const codes = 128;

assert(
  new Set(types.map((type) => type.charCodeAt(0))).size === types.length,
  'pushed frame types differ in their first letter',
);

export class PushedFrames {
  readonly #byLetter = new Float64Array(codes);

  /** Counts `frame` once for each of `sockets`. */
  add(frame: string, sockets: number): void {
    const letter = frame.charCodeAt(at) % codes;
    this.#byLetter[letter] = (this.#byLetter[letter] as number) + sockets;
  }

  *samples(): Generator<Sample> {
    for (const type of types) yield [{ type }, this.#byLetter[type.charCodeAt(0)] ?? 0];
  }
}
