// hongyan status: the state of a running server on one screen, for the operator on call.

import { sleep, systemClock } from '@hongyan/base/clock';
import { findRunning } from '@hongyan/server/compose/commands/running-file';
import type { Command } from './command.ts';
import { Scrape } from './metrics-text.ts';
import { OperatorClient } from './operator-client.ts';
import { printLine } from './print-line.ts';
import { type Picture, pictureOf, type Readiness } from './status/picture.ts';
import { statusText } from './status/text.ts';

/** Rates and percentiles are measured over this time. */
const windowMs = 2_000;

export const status: Command = {
  name: 'status',
  usage: 'status',
  summary: 'Show the state of the running server: readiness, connections, messages, latency, queues, memory, disk',
  details: `Measures for ${windowMs / 1000} seconds. Exits with status 1 if it is not ready, or if no server runs on the data folder.`,
  switches: { json: 'Print one JSON object for programs' },
  options: ['data'],
  async run({ config, switches }) {
    const server = await OperatorClient.connect(config.data);
    const readiness = await readinessOf(server);
    const before = await scrape(server);
    const fromMs = systemClock.monotonicMs();
    await sleep(systemClock, { delayMs: windowMs });
    const now = await scrape(server);
    const running = await findRunning(config.data);
    const picture: Picture = pictureOf({
      readiness,
      before,
      now,
      seconds: (systemClock.monotonicMs() - fromMs) / 1000,
      upForS: running === undefined ? 0 : (systemClock.nowMs() - running.startedAtMs) / 1000,
      url: running?.url ?? '',
    });
    printLine(switches.has('json') ? JSON.stringify(picture) : statusText(picture));
    return readiness.status === 'ready' ? 0 : 1;
  },
};

/** In a cluster of the process that is asked, and what it found at the others; `process` keeps the question there. */
async function readinessOf(server: OperatorClient): Promise<Readiness> {
  const answer = await server.fetch('GET', server.isOfCluster ? '/admin/v1/overview?process=' : '/readyz');
  const { status: said, checks } = (await server.json(answer)) as Readiness;
  return { status: said, checks };
}

const scrape = async (server: OperatorClient): Promise<Scrape> =>
  new Scrape(await (await server.fetch('GET', '/metrics?processes=all')).text());
