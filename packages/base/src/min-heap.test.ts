import { expect, test } from 'bun:test';
import { testSeed } from '@hongyan/testing/seed';
import fc from 'fast-check';
import { MinHeap } from './min-heap.ts';

test('items are taken in order, after any additions and removals', () => {
  /** A number is added, undefined takes. */
  const steps = fc.array(fc.option(fc.integer({ min: 0, max: 50 }), { nil: undefined }), { maxLength: 200 });
  fc.assert(
    fc.property(steps, (all) => {
      const heap = new MinHeap<number>((one, other) => one < other);
      const model: number[] = [];
      for (const step of all) {
        if (step === undefined) expect(heap.take()).toBe(model.shift());
        else {
          heap.add(step);
          model.push(step);
          model.sort((one, other) => one - other);
        }
        expect([heap.size, heap.first]).toEqual([model.length, model[0]]);
      }
    }),
    { seed: testSeed('heap') },
  );
});
