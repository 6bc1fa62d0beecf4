// The topics of a task queue: for each kind one for ready tasks and a few for delayed ones, and one for all dead letters.

/** A delayed task goes to the first topic whose delay is not shorter, so that no task waits behind one with a much longer delay. */
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

  /** The topic of ready tasks. */
  ready(kind: string): string {
    return `${this.#prefix}tasks.${kind}`;
  }

  waiting(kind: string, delayMs: number): string {
    const wait = waits.find((each) => delayMs <= each.delayMs) ?? waits[0];
    return `${this.ready(kind)}.retry-${wait.name}`;
  }

  /** All topics of a kind. The first is that of ready tasks. */
  ofKind(kind: string): readonly [string, ...string[]] {
    return [this.ready(kind), ...waits.map(({ name }) => `${this.ready(kind)}.retry-${name}`)];
  }

  get dead(): string {
    return `${this.#prefix}tasks.dead`;
  }

  /** The consumer group that shares the partitions of a kind. */
  group(kind: string): string {
    return this.ready(kind);
  }

  /** Groups without members. Their offsets are the marks of each partition: what is done, and what was handed out. */
  get marks(): { readonly done: string; readonly claimed: string } {
    return { done: `${this.#prefix}tasks.done`, claimed: `${this.#prefix}tasks.claimed` };
  }
}
