// A profile as this project draws, lists and writes it: stacks with values, whatever took them. No I/O: server, command line and
// console share it.

export interface Frame {
  readonly name: string;
  /** Below the sources, "packages/server/src/x.ts"; empty for what has none, such as functions of the runtime. */
  readonly file: string;
  /** Counted from 1; 0 where it is not known. */
  readonly line: number;
}

export interface ValueType {
  /** In the words of Go's profiles: samples, cpu, inuse_objects, inuse_space. */
  readonly type: string;
  readonly unit: 'count' | 'nanoseconds' | 'bytes';
}

export interface Stack {
  /** Outermost first. */
  readonly frames: readonly Frame[];
  /** One for each value type. */
  readonly values: readonly number[];
  readonly labels: Readonly<Record<string, string>>;
}

export interface Profile {
  readonly valueTypes: readonly ValueType[];
  readonly stacks: readonly Stack[];
  /** Unix milliseconds. */
  readonly takenAtMs: number;
  readonly durationMs: number;
  /** What a reader has to know of the values. */
  readonly comments: readonly string[];
}

/** The value that a reader wants first: time, or bytes. It is the last, as in Go's profiles. */
export const mainValue = ({ valueTypes }: Pick<Profile, 'valueTypes'>): number => Math.max(0, valueTypes.length - 1);

/** All stacks of profiles that have the same value types. */
export function joined(profiles: readonly Profile[]): Profile {
  const [first] = profiles;
  if (first === undefined) throw new Error('there is no profile to join');
  return {
    valueTypes: first.valueTypes,
    stacks: profiles.flatMap(({ stacks }) => stacks),
    takenAtMs: Math.min(...profiles.map(({ takenAtMs }) => takenAtMs)),
    durationMs: Math.max(...profiles.map(({ durationMs }) => durationMs)),
    comments: [...new Set(profiles.flatMap(({ comments }) => comments))],
  };
}
