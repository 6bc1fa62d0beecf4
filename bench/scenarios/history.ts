// History pages from a large store beside a small one: the cost must not grow with what is stored.

import { costsOf } from '../cost.ts';
import { historyConversation } from '../generator/history.ts';
import { type Figure, measured, names, type Scenario, type ScenarioInput, withBed } from '../scenario.ts';
import { quantiles } from './direct.ts';

const messagesEach = 1_000;
const readerCount = 100;
const pageSize = 50;
const concurrency = 4;
const small = 100_000;
const reactedMessages = 20_000;
const reactionsEach = 20;
const targetP99Ms = 5;
const targetRatio = 1.5;
const transports = ['socket', 'http'] as const;

export const history: Scenario = {
  name: 'history',
  summary:
    'pages of 50 from a large store beside one of 100,000 messages, and pages whose messages have 20 reactions each',
  shapes: ['history', 'history-reactions'],
  async run(input) {
    const figures: Figure[] = [];
    if (input.isWanted('history')) figures.push(...(await runSizes(input)));
    if (input.isWanted('history-reactions')) figures.push(...(await runReactions(input)));
    return figures;
  },
};

async function runSizes(input: ScenarioInput): Promise<Figure[]> {
  const large = input.rows ?? (input.isQuick ? 1_000_000 : 10_000_000);
  const figures: Figure[] = [];
  for (const stored of [small, large]) {
    input.progress(`history: ${stored.toLocaleString('en')} messages stored`);
    figures.push(...(await measure({ stored, reactionsEach: 0 }, input)));
  }
  return figures.map((figure, index) => beside(figure, figures[index % transports.length]));
}

async function runReactions(input: ScenarioInput): Promise<Figure[]> {
  input.progress(`history: ${reactedMessages.toLocaleString('en')} messages with ${reactionsEach} reactions each`);
  const figures = await measure({ stored: reactedMessages, reactionsEach }, input);
  return figures.map((figure) => ({
    ...figure,
    target: {
      text: `p99 < ${targetP99Ms} ms`,
      isMet: (figure.latency.page?.p99Ms ?? Number.POSITIVE_INFINITY) < targetP99Ms,
    },
  }));
}

interface Stored {
  readonly stored: number;
  readonly reactionsEach: number;
}

function measure({ stored, reactionsEach }: Stored, { durationS, cores }: ScenarioInput): Promise<Figure[]> {
  const conversations = Math.ceil(stored / messagesEach);
  const readers = names('reader', Math.min(readerCount, conversations));
  const directs = Array.from({ length: conversations }, (_, index) =>
    historyConversation(readers[index % readers.length] ?? '', index),
  );
  const users = [...readers, ...names('h', conversations)];
  return withBed({ seed: { users, groups: [], directs, messagesEach, reactionsEach }, cores }, async (bed) => {
    const figures: Figure[] = [];
    for (const by of transports) {
      const request = { by, readers, conversations, messagesEach, pageSize, concurrency };
      await bed.generator.call('history', { ...request, durationS: durationS / 2 });
      const { result, cost } = await measured(bed, () => bed.generator.call('history', { ...request, durationS }));
      const { pages, elapsedS, firstError, latency } = result;
      if (firstError) throw new Error(`history over ${by}: ${firstError}`);
      const reacted = reactionsEach === 0 ? '' : `, ${reactionsEach} reactions each`;
      figures.push({
        scenario: 'history',
        name: `${stored.toLocaleString('en')} stored${reacted}, ${by}`,
        item: 'page',
        count: pages,
        elapsedS,
        perS: pages / elapsedS,
        ...costsOf(cost, pages),
        latency: { page: quantiles(latency) },
        extra: {},
      });
    }
    return figures;
  });
}

/** The small store is the measure of the large one. */
function beside(figure: Figure, base: Figure | undefined): Figure {
  const [own, other] = [figure.latency.page, base?.latency.page];
  if (!own || !other || figure === base) return figure;
  const ratio = { p50: own.p50Ms / other.p50Ms, p99: own.p99Ms / other.p99Ms };
  const isMet = own.p99Ms < targetP99Ms && ratio.p99 <= targetRatio;
  return {
    ...figure,
    extra: { ...figure.extra, 'p50 beside the small store': ratio.p50, 'p99 beside the small store': ratio.p99 },
    target: { text: `p99 < ${targetP99Ms} ms and ≤ ${targetRatio}× the small store`, isMet },
  };
}
