// What a thread's heap holds, by class: the runtime has no sampler of allocations, so a heap profile here says what lives, not
// where it was made.

import { heapStats } from 'bun:jsc';
import type { Profile } from '@hongyan/profile/profile';

export interface HeapClass {
  /** A constructor's name, or a kind in brackets: (string), (closure), (code). */
  readonly name: string;
  readonly count: number;
  /** Of the objects themselves, with the buffers they own; not what they refer to. Absent where only counts were taken. */
  readonly bytes?: number;
}

/** A snapshot walks every object while nothing else runs: some 2 s for each million. Above it a summary has counts alone. */
const sizedObjectsMax = 300_000;

/** Pauses the thread. `isFull`: with sizes, however long that takes. */
export function heapClasses({ isFull }: { readonly isFull: boolean }): readonly HeapClass[] {
  const counts = Object.entries(heapStats().objectTypeCounts);
  const objectCount = counts.reduce((sum, [, count]) => sum + count, 0);
  if (!isFull && objectCount > sizedObjectsMax) return counts.map(([name, count]) => ({ name, count }));
  return classesOf(JSON.parse(new TextDecoder().decode(Bun.generateHeapSnapshot('v8', 'arraybuffer'))) as HeapSnapshot);
}

/** The parts of a .heapsnapshot that sizes need. */
interface HeapSnapshot {
  readonly snapshot: {
    readonly meta: {
      readonly node_fields: readonly string[];
      readonly node_types: readonly [readonly string[], ...unknown[]];
    };
  };
  readonly nodes: readonly number[];
  readonly strings: readonly string[];
}

/** Kinds whose objects are named by their constructors; of the others the name is a text or a piece of code. */
const namedKinds = new Set(['object', 'native']);

function classesOf({ snapshot, nodes, strings }: HeapSnapshot): readonly HeapClass[] {
  const { node_fields: fields, node_types: types } = snapshot.meta;
  const [kindAt, nameAt, sizeAt] = ['type', 'name', 'self_size'].map((field) => fields.indexOf(field));
  const classes = new Map<string, { name: string; count: number; bytes: number }>();
  for (let node = 0; node < nodes.length; node += fields.length) {
    const field = (at = 0) => nodes[node + at] ?? 0;
    const kind = types[0][field(kindAt)] ?? '';
    const name = namedKinds.has(kind) ? (strings[field(nameAt)] ?? '') : `(${kind})`;
    const entry = classes.get(name) ?? { name, count: 0, bytes: 0 };
    classes.set(name, entry);
    entry.count++;
    entry.bytes += field(sizeAt);
  }
  return [...classes.values()].sort((left, right) => right.bytes - left.bytes);
}

/** As Go's heap profile has them: inuse_objects and inuse_space, with the class in the place of a function. */
export function heapStacks(
  classes: readonly HeapClass[],
  { labels, takenAtMs }: { readonly labels: Readonly<Record<string, string>>; readonly takenAtMs: number },
): Profile {
  const isSized = classes.every(({ bytes }) => bytes !== undefined);
  return {
    valueTypes: [
      { type: 'inuse_objects', unit: 'count' },
      { type: 'inuse_space', unit: 'bytes' },
    ],
    stacks: classes.map(({ name, count, bytes = 0 }) => ({
      frames: [{ name, file: '', line: 0 }],
      values: [count, bytes],
      labels,
    })),
    takenAtMs,
    durationMs: 0,
    comments: [
      'heap: what lives, by class; sizes are those of the objects themselves. Where it was allocated is not recorded',
      ...(isSized ? [] : ['counts alone: the heap has too many objects for a short pause; ask with full=1 for sizes']),
    ],
  };
}
