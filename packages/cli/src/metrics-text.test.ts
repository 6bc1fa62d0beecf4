import { expect, test } from 'bun:test';
import { quantile, Scrape } from './metrics-text.ts';

const bucket = (le: string, process: string, value: number) =>
  `hongyan_wait_seconds_bucket{operation="send",process="${process}",le="${le}"} ${value}`;

test('samples are summed over processes, by the labels that are asked for', () => {
  const scrape = new Scrape(
    '# HELP a b\na{k="1",process="core"} 2\na{k="2",process="core"} 3\na{k="1",process="g"} 4\nb 7\n',
  );
  expect(scrape.sum('a')).toBe(9);
  expect(scrape.sum('a', { k: '1' })).toBe(6);
  expect([scrape.sum('b'), scrape.sum('none')]).toEqual([7, 0]);
});

test('a quantile is the bound below which the values between two scrapes lie, in all processes', () => {
  const before = new Scrape([bucket('0.1', 'a', 5), bucket('1', 'a', 9), bucket('+Inf', 'a', 9)].join('\n'));
  const now = new Scrape(
    [
      ...[bucket('0.1', 'a', 6), bucket('1', 'a', 10), bucket('+Inf', 'a', 10)],
      ...[bucket('0.1', 'b', 0), bucket('1', 'b', 8), bucket('+Inf', 'b', 9)],
    ].join('\n'),
  );
  const part = { name: 'hongyan_wait_seconds', labels: { operation: 'send' }, before, now };
  expect(quantile(0.1, part)).toBe(0.1);
  expect(quantile(0.5, part)).toBe(1);
  expect(quantile(0.99, part)).toBe(Number.POSITIVE_INFINITY);
  expect(quantile(0.5, { ...part, before: now })).toBeUndefined();
});
