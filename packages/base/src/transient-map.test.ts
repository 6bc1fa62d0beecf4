import { edenGC, fullGC, heapStats } from 'bun:jsc';
import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { TransientMap } from './transient-map.ts';

type Command = readonly ['set' | 'delete', number];
const commands = fc.array(
  fc.tuple(
    fc.constantFrom('set' as const, 'delete' as const),
    fc.integer({ min: 0, max: 400 }),
  ) as fc.Arbitrary<Command>,
  { maxLength: 3_000 },
);

test('it holds what a Map holds', () => {
  fc.assert(
    fc.property(commands, (sequence) => {
      const map = new TransientMap<number, { n: number }>();
      const model = new Map<number, { n: number }>();
      for (const [index, [verb, key]] of sequence.entries()) {
        const value = { n: index };
        if (verb === 'delete') expect(map.delete(key)).toBe(model.delete(key));
        else {
          map.set(key, value);
          model.set(key, value);
        }
        expect(map.size).toBe(model.size);
        expect(map.get(key)).toBe(model.get(key));
        expect(map.has(key)).toBe(model.has(key));
      }
      expect(new Map(map)).toEqual(model);
      expect(new Set(map.values())).toEqual(new Set(model.values()));
    }),
    { numRuns: 50 },
  );
});

test('entries may be deleted during an iteration, also those not visited yet', () => {
  const map = new TransientMap<number, object>();
  for (let key = 0; key < 2_000; key++) map.set(key, {});
  const read: number[] = [];
  for (const [key] of map) {
    map.delete(key);
    map.delete(key + 1);
    read.push(key);
  }
  expect(map.size).toBe(0);
  expect(read).toEqual(Array.from({ length: 1_000 }, (_, index) => 2 * index));
});

class Payload {
  readonly parts = [{}, {}];
}

/** Objects that outlive a young collection although they were deleted from the map. */
function survivorsOf(map: { set(key: number, value: Payload): unknown; delete(key: number): boolean }): number {
  let next = 0;
  const churn = () => {
    for (let round = 0; round < 200; round++) {
      for (let index = 0; index < 50; index++) map.set(next + index, new Payload());
      for (let index = 0; index < 50; index++) map.delete(next + index);
      next += 50;
    }
  };
  const objects = () => heapStats().objectTypeCounts.Object ?? 0;
  churn();
  edenGC();
  fullGC();
  const before = objects();
  churn();
  edenGC();
  return objects() - before;
}

/** When the last line fails, the runtime has learned it, and a Map is enough. */
test('deleted entries are collected with the young generation, unlike those of a Map', () => {
  expect(survivorsOf(new TransientMap())).toBeLessThan(3_000);
  expect(survivorsOf(new Map())).toBeGreaterThan(10_000);
});
