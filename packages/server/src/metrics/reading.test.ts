import { expect, test } from 'bun:test';
import { Histogram } from './histogram.ts';
import { Metrics } from './metrics.ts';
import { grown, quantiles, Reading } from './reading.ts';

const name = 'hongyan_wait_seconds';

test('[O3] quantiles of what came between two readings lie within their bucket, whatever came before', async () => {
  const metrics = new Metrics({ process: 'core' });
  const histogram = new Histogram([1, 2, 4]);
  metrics.histogram({ name, help: 'x', read: () => histogram });
  for (let i = 0; i < 50; i++) histogram.observe(0.5);
  const before = new Reading(await metrics.collect());
  for (let i = 0; i < 100; i++) histogram.observe(3);
  const now = new Reading(await metrics.collect());
  expect(quantiles({ before, now }, name, { shares: [0.5, 1] })).toEqual([3, 4]);
  expect(quantiles({ before: now, now }, name, { shares: [0.99] })).toEqual([null]);
  expect(grown({ before, now }, `${name}_count`)).toBe(100);
  histogram.observe(100);
  const later = new Reading(await metrics.collect());
  expect(quantiles({ before: now, now: later }, name, { shares: [0.5] })).toEqual([4]);
});

test('[O3] a counter that began anew has not grown by less than nothing', async () => {
  const total = 'hongyan_things_total';
  let things = 5;
  const metrics = new Metrics({ process: 'core' });
  metrics.counter({ name: total, help: 'x', read: () => things });
  const before = new Reading(await metrics.collect());
  things = 1;
  expect(grown({ before, now: new Reading(await metrics.collect()) }, total)).toBe(0);
});

test('[O3] only the families that are asked for are read', async () => {
  const metrics = new Metrics({ process: 'core' });
  let reads = 0;
  metrics.gauge({ name: 'hongyan_level', help: 'x', read: () => 1 });
  metrics.gauge({ name: 'hongyan_other_level', help: 'x', read: () => ++reads });
  const found = await metrics.collect(new Set(['hongyan_level']));
  expect(found.map((family) => family.name)).toEqual(['hongyan_level']);
  expect(reads).toBe(0);
});
