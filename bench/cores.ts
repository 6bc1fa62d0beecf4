// Which processor cores the two sides run on: pinned, the server has one core to itself and the generators another.

import { readFileSync } from 'node:fs';

export interface Cores {
  readonly server: number;
  readonly generator: number;
}

/** The first two cores this process may run on; an error says what is missing. */
export function coresToPin(): Cores {
  if (!Bun.which('taskset')) {
    throw new Error('--pin needs the command taskset: install the package util-linux, or run without --pin');
  }
  const allowed = readFileSync('/proc/self/status', 'utf8').match(/^Cpus_allowed_list:\s*(\S+)$/m)?.[1] ?? '';
  const [server, generator] = coresOfList(allowed);
  if (server === undefined || generator === undefined) {
    throw new Error(`--pin needs two cores, and this process may use only "${allowed}": run without --pin`);
  }
  return { server, generator };
}

/** `command` on one core with all that it starts; as it is when `core` is undefined. */
export const onCore = (core: number | undefined, command: readonly string[]): string[] =>
  core === undefined ? [...command] : ['taskset', '--cpu-list', String(core), ...command];

/** The kernel's notation: "0-3,8". */
function coresOfList(list: string): number[] {
  return list.split(',').flatMap((range) => {
    const [first, last = first] = range.split('-').map(Number);
    if (first === undefined || last === undefined) return [];
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}
