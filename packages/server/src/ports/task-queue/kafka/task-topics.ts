// The topics of a task queue: for each kind one for tasks that may begin at once and a few for those that wait, and one for all
// dead letters.

/** A task that waits goes to the first topic whose delay is no shorter, so that nobody waits behind a much longer one. */
const waits = [
  { name: '1s', delayMs: 1_000 },
  { name: '30s', delayMs: 30_000 },
  { name: '5m', delayMs: Number.POSITIVE_INFINITY },
] as const;

export class TaskTopics {
  readonly #prefix: string;
  readonly kinds: readonly string[];
  readonly partitionCount: number;

  constructor({ prefix, kinds, partitionCount }: { prefix: string; kinds: readonly string[]; partitionCount: number }) {
    this.#prefix = prefix;
    this.kinds = kinds;
    this.partitionCount = partitionCount;
  }

  /** Of tasks that may begin at once. */
  ready(kind: string): string {
    return `${this.#prefix}tasks.${kind}`;
  }

  waiting(kind: string, delayMs: number): string {
    const wait = waits.find((each) => delayMs <= each.delayMs) ?? waits[0];
    return `${this.ready(kind)}.retry-${wait.name}`;
  }

  /** All of a kind: first the one of tasks that may begin at once. */
  ofKind(kind: string): readonly [string, ...string[]] {
    return [this.ready(kind), ...waits.map(({ name }) => `${this.ready(kind)}.retry-${name}`)];
  }

  get dead(): string {
    return `${this.#prefix}tasks.dead`;
  }

  /** Whose members share the partitions of a kind. */
  group(kind: string): string {
    return this.ready(kind);
  }

  /** No members: what of each partition is done, and what has been handed out, kept as their offsets. */
  get marks(): { readonly done: string; readonly claimed: string } {
    return { done: `${this.#prefix}tasks.done`, claimed: `${this.#prefix}tasks.claimed` };
  }
}
