// /metrics: one scrape gives all processes of the server.

import type { MetricFamily, Metrics } from '../../metrics/metrics.ts';
import { contentType, metricsText } from '../../metrics/text.ts';
import { askEach, type Processes } from './processes.ts';
import type { OperatorRoute } from './route.ts';

const familiesPath = '/debug/metrics.json';
/** A process that has not answered by then is left out of the scrape: Prometheus itself gives up after ten seconds. */
const scrapeTimeoutMs = 5_000;

/** What a process answers to one that asks all of them; `names`, with commas between them: these families alone. */
export const familiesRoute = (metrics: Metrics): OperatorRoute => ({
  method: 'GET',
  path: familiesPath,
  async handle({ query }) {
    const names = query.get('names');
    return Response.json(await metrics.collect(names === null ? undefined : new Set(names.split(','))));
  },
});

/** These families of all processes; those of one that does not answer are missing. */
export async function familiesOf(
  names: readonly string[],
  { metrics, processes }: { readonly metrics: Metrics; readonly processes: Processes },
): Promise<readonly MetricFamily[]> {
  const [own, others] = await Promise.all([
    metrics.collect(new Set(names)),
    askEach(processes.others(), (process) =>
      process.fetch(`${familiesPath}?names=${names.join()}`, { signal: AbortSignal.timeout(scrapeTimeoutMs) }),
    ),
  ]);
  return [...own, ...others.flatMap(([, answer]) => (answer === undefined ? [] : (answer as readonly MetricFamily[])))];
}

/** `isOfAll`: of every process also without `?processes=all`, because nobody scrapes the others by themselves. */
export const metricsRoute = (
  metrics: Metrics,
  processes: Processes,
  { isOfAll }: { readonly isOfAll: boolean },
): OperatorRoute => ({
  method: 'GET',
  path: '/metrics',
  async handle({ query }) {
    const isAskedForAll = query.get('processes') === 'all';
    if (isAskedForAll) await processes.look?.();
    const asked = isOfAll || isAskedForAll ? processes.others() : [];
    const [own, others] = await Promise.all([
      metrics.collect(),
      askEach(asked, (process) => process.fetch(familiesPath, { signal: AbortSignal.timeout(scrapeTimeoutMs) })),
    ]);
    const up = others.map(([name, answer]) => ({ value: answer === undefined ? 0 : 1, labels: { process: name } }));
    const families = others.flatMap(([, answer]) => (answer === undefined ? [] : [answer as readonly MetricFamily[]]));
    const self = { value: 1, labels: { process: processes.own } };
    const text = await metricsText([own, [upFamily([self, ...up])], ...families]);
    return new Response(text, { headers: { 'content-type': contentType } });
  },
});

const upFamily = (values: MetricFamily['values']): MetricFamily => ({
  name: 'hongyan_process_up',
  help: 'Whether each process of the server answered this scrape',
  type: 'gauge',
  aggregator: 'sum',
  values,
});
