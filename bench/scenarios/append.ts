// A timeline that grows wide: each next message belongs to another of 10,000 conversations. What a row costs at each million.

import { costsOf } from '../cost.ts';
import type { Figure, Scenario } from '../scenario.ts';
import { type SeedReading, seed } from '../seed.ts';
import { withDataFolder } from '../server.ts';

const conversationCount = 10_000;
const defaultRows = 10_000_000;
const quickRows = 1_000_000;
const readingsMax = 10;
const targetPerS = 60_000;

export const append: Scenario = {
  name: 'append',
  summary: 'rows per second into 10,000 conversations evenly, through the timeline port and without sockets',
  shapes: ['append'],
  async run({ isQuick, rows = isQuick ? quickRows : defaultRows, cores, progress }) {
    const messagesEach = Math.ceil(rows / conversationCount);
    const total = messagesEach * conversationCount;
    progress(`append: ${total.toLocaleString('en')} rows`);
    const directs = Array.from({ length: conversationCount }, (_, index) => `d:a${index}:b${index}`);
    const readingEvery = Math.ceil(total / readingsMax);
    const readings = await withDataFolder((dataFolder) =>
      seed({ dataFolder, users: [], groups: [], directs, messagesEach, readingEvery }, cores?.server),
    );
    const figures = readings.slice(1).flatMap((after, index) => {
      const before = readings[index];
      return before ? [figureOf(before, after, cores !== undefined)] : [];
    });
    return figures.map((figure, index) => (index === figures.length - 1 ? withTarget(figure) : figure));
  },
};

function figureOf(before: SeedReading, after: SeedReading, isPinned: boolean): Figure {
  const [count, elapsedS] = [after.rows - before.rows, (after.atMs - before.atMs) / 1000];
  return {
    scenario: 'append',
    name: `rows up to ${after.rows.toLocaleString('en')}`,
    item: 'row',
    count,
    elapsedS,
    perS: count / elapsedS,
    latency: {},
    extra: {},
    ...costsOf({ before, after, isPinned }, count),
    // The process that fills the store is not told which core is its own.
    otherOnServerCore: 0,
  };
}

const withTarget = (figure: Figure): Figure => ({
  ...figure,
  target: { text: `≥ ${targetPerS.toLocaleString('en')}/s at the end`, isMet: figure.perS >= targetPerS },
});
