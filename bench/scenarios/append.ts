// A timeline that grows wide: each next message belongs to another of 10,000 conversations. What a row costs at each million.

import { costsOf } from '../cost.ts';
import type { Figure, Scenario, ScenarioInput } from '../scenario.ts';
import { type ClientMsgIds, type SeedReading, seed } from '../seed.ts';
import { withDataFolder } from '../server.ts';

const conversationCount = 10_000;
const defaultRows = 10_000_000;
const quickRows = 1_000_000;
const readingsMax = 10;
const targetPerS = 60_000;

interface AppendShape {
  readonly id: string;
  readonly name: string;
  readonly clientMsgIds?: ClientMsgIds;
}

const shapes: readonly AppendShape[] = [
  { id: 'append', name: 'rows' },
  { id: 'append-clocks', name: 'rows of devices whose clocks differ', clientMsgIds: 'clocks_differ' },
  { id: 'append-random', name: 'rows with random client_msg_ids', clientMsgIds: 'random' },
];

export const append: Scenario = {
  name: 'append',
  summary: 'rows per second into 10,000 conversations evenly, through the timeline port and without sockets',
  shapes: shapes.map(({ id }) => id),
  async run(input) {
    const figures: Figure[] = [];
    for (const shape of shapes.filter(({ id }) => input.isWanted(id))) figures.push(...(await measure(shape, input)));
    return figures;
  },
};

async function measure(
  { id, name, clientMsgIds }: AppendShape,
  { isQuick, rows = isQuick ? quickRows : defaultRows, cores, progress }: ScenarioInput,
): Promise<Figure[]> {
  const messagesEach = Math.ceil(rows / conversationCount);
  const total = messagesEach * conversationCount;
  progress(`${id}: ${total.toLocaleString('en')} rows`);
  const directs = Array.from({ length: conversationCount }, (_, index) => `d:a${index}:b${index}`);
  const readingEvery = Math.ceil(total / readingsMax);
  const readings = await withDataFolder((dataFolder) =>
    seed(
      {
        dataFolder,
        users: [],
        groups: [],
        directs,
        messagesEach,
        readingEvery,
        ...(clientMsgIds ? { clientMsgIds } : {}),
      },
      cores?.server,
    ),
  );
  const figures = readings.slice(1).flatMap((after, index) => {
    const before = readings[index];
    return before ? [figureOf({ name, before, after, isPinned: cores !== undefined })] : [];
  });
  const last = figures.pop();
  return last ? [...figures, id === 'append' ? withTarget(last) : last] : figures;
}

function figureOf({
  name,
  before,
  after,
  isPinned,
}: {
  readonly name: string;
  readonly before: SeedReading;
  readonly after: SeedReading;
  readonly isPinned: boolean;
}): Figure {
  const [count, elapsedS] = [after.rows - before.rows, (after.atMs - before.atMs) / 1000];
  return {
    scenario: 'append',
    name: `${name} up to ${after.rows.toLocaleString('en')}`,
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
