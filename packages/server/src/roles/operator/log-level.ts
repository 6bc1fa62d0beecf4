// The log level at run time, of all processes of the server; for a while when asked so, because a forgotten debug log fills a disk.

import type { Clock, Timer } from '@hongyan/base/clock';
import { type LogLevel, type LogLevels, logLevels } from '@hongyan/base/log';
import { ok } from '@hongyan/base/result';
import Type, { type Static } from 'typebox';
import type { OperatorRoute } from './route.ts';

const path = '/debug/log-level';

const ChangeSchema = Type.Object({
  level: Type.Union(logLevels.map((level) => Type.Literal(level))),
  /** Then back to what it was before the first such change; absent: until the next start. */
  for_s: Type.Optional(Type.Integer({ minimum: 1, maximum: 86_400 })),
});
type Change = Static<typeof ChangeSchema>;

export class LogLevelControl {
  readonly #levels: LogLevels;
  readonly #clock: Clock;
  #return: { readonly timer: Timer; readonly level: LogLevel } | undefined;

  constructor(levels: LogLevels, clock: Clock) {
    this.#levels = levels;
    this.#clock = clock;
  }

  routes(): readonly OperatorRoute[] {
    return [
      { method: 'GET', path, handle: () => ok({ level: this.#levels.level }) },
      {
        method: 'PUT',
        path,
        handle: async (request) => {
          const input = await request.body(ChangeSchema);
          if (input.type === 'ok') this.#change(input.value);
          return input;
        },
      },
    ];
  }

  #change({ level, for_s }: Change): void {
    const before = this.#return?.level ?? this.#levels.level;
    this.#return?.timer.cancel();
    this.#return = undefined;
    this.#levels.level = level;
    if (for_s === undefined) return;
    const timer = this.#clock.after(for_s * 1000, () => {
      // A reload may have changed it meanwhile.
      if (this.#levels.level === level) this.#levels.level = before;
      this.#return = undefined;
    });
    this.#return = { timer, level: before };
  }
}
