// What is counted and what a scrape shows of it.

import { expect, test } from 'bun:test';
import { createLog } from '@hongyan/base/log';
import { soon } from '@hongyan/base/soon';
import { ManualClock } from '@hongyan/testing/manual-clock';
import { CountBy } from './count-by.ts';
import { Histogram } from './histogram.ts';
import { Metrics } from './metrics.ts';
import { ProcessMetrics } from './process-metrics.ts';
import { StoreMeter } from './store-meter.ts';
import { metricsText } from './text.ts';

const linesOf = async (...processes: readonly Metrics[]): Promise<readonly string[]> => {
  const families = await Promise.all(processes.map((metrics) => metrics.collect()));
  return (await metricsText(families)).split('\n').filter((line) => line !== '');
};

test('[O4] numbers are read when they are asked for, each with the process as a label', async () => {
  const metrics = new Metrics({ process: 'core' });
  let count = 0;
  metrics.counter({ name: 'hongyan_things_total', help: 'Things', read: () => count });
  count = 3;
  expect(await linesOf(metrics)).toEqual([
    '# HELP hongyan_things_total Things',
    '# TYPE hongyan_things_total counter',
    'hongyan_things_total{process="core"} 3',
  ]);
  count = 4;
  expect((await linesOf(metrics)).at(-1)).toBe('hongyan_things_total{process="core"} 4');
});

test('[O4] a metric that cannot be read is left out and logged, and the scrape has the others', async () => {
  const lines: string[] = [];
  const metrics = new Metrics({
    process: 'core',
    log: createLog({ level: 'info', write: (line) => lines.push(line) }),
  });
  const broken = () => Promise.reject(new Error('the disk does not answer'));
  metrics.gauge({ name: 'hongyan_disk_bytes', help: 'Disk', read: broken });
  metrics.gauge({ name: 'hongyan_level', help: 'How high', read: () => 1 });
  expect((await linesOf(metrics)).at(-1)).toBe('hongyan_level{process="core"} 1');
  expect(lines.join()).toContain('hongyan_disk_bytes');
});

test('[O4] a metric without a value in time is left out and logged once; its read goes on, and is the one of the next scrapes', async () => {
  const lines: string[] = [];
  const clock = new ManualClock();
  const log = createLog({ level: 'info', write: (line) => lines.push(line) });
  const metrics = new Metrics({ process: 'core', log, clock });
  const reads: PromiseWithResolvers<number>[] = [];
  const read = () => {
    const asked = Promise.withResolvers<number>();
    reads.push(asked);
    return asked.promise;
  };
  metrics.gauge({ name: 'hongyan_tasks', help: 'Of a server that is away', read });
  metrics.gauge({ name: 'hongyan_level', help: 'How high', read: () => 1 });
  const scrape = async (before: () => void) => {
    const scraped = linesOf(metrics);
    await new Promise<void>(soon);
    before();
    return (await scraped).filter((line) => !line.startsWith('#'));
  };
  const others = ['hongyan_level{process="core"} 1'];
  for (let count = 0; count < 3; count++) expect(await scrape(() => clock.advance(2_500))).toEqual(others);
  expect(reads).toHaveLength(1);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain('hongyan_tasks');
  expect(await scrape(() => reads[0]?.resolve(7))).toEqual(['hongyan_tasks{process="core"} 7', ...others]);
  expect(lines).toHaveLength(2);
  expect(await scrape(() => reads[1]?.reject(new Error('the server went away')))).toEqual(others);
  expect(await scrape(() => reads[2]?.reject(new Error('the server is away')))).toEqual(others);
  expect(lines).toHaveLength(3);
  expect(clock.nextInMs).toBeUndefined();
});

test('[O4] the families of several processes are one each, with a line for each process', async () => {
  const processes = ['core', 'gateway-1', 'gateway-2'].map((process, index) => {
    const metrics = new Metrics({ process });
    metrics.gauge({ name: 'hongyan_level', help: 'How high', read: async () => index });
    return metrics;
  });
  expect(await linesOf(...processes)).toEqual([
    '# HELP hongyan_level How high',
    '# TYPE hongyan_level gauge',
    'hongyan_level{process="core"} 0',
    'hongyan_level{process="gateway-1"} 1',
    'hongyan_level{process="gateway-2"} 2',
  ]);
});

test('[O4] a counter by label shows what it knows from the start, and what came', async () => {
  const metrics = new Metrics({ process: 'core' });
  const closes = new CountBy<'idle' | 'odd"\n'>('reason', ['idle']);
  metrics.counter({ name: 'hongyan_closes_total', help: 'Closes', read: () => closes.samples() });
  expect((await linesOf(metrics)).at(-1)).toBe('hongyan_closes_total{reason="idle",process="core"} 0');
  closes.add('odd"\n', 2);
  expect((await linesOf(metrics)).at(-1)).toBe('hongyan_closes_total{reason="odd\\"\\n",process="core"} 2');
});

test('[O4] a histogram counts what is at most each bound, beyond the last too', async () => {
  const metrics = new Metrics({ process: 'core' });
  const histogram = new Histogram([0.1, 1]);
  for (const value of [0.05, 0.1, 0.5, 7]) histogram.observe(value);
  metrics.histogram({ name: 'hongyan_wait_seconds', help: 'Waiting', read: () => [[{ queue: 'a' }, histogram]] });
  expect((await linesOf(metrics)).slice(2)).toEqual([
    'hongyan_wait_seconds_bucket{queue="a",process="core",le="0.1"} 2',
    'hongyan_wait_seconds_bucket{queue="a",process="core",le="1"} 3',
    'hongyan_wait_seconds_bucket{queue="a",process="core",le="+Inf"} 4',
    'hongyan_wait_seconds_sum{queue="a",process="core"} 7.65',
    'hongyan_wait_seconds_count{queue="a",process="core"} 4',
  ]);
});

test('[O4] several parts add to one name when they describe it alike; anything else is a bug', async () => {
  const metrics = new Metrics({ process: 'core' });
  metrics.queue('a', { depth: () => 1, max: 10 });
  metrics.queue('b', { depth: () => 2, max: 20 });
  expect((await linesOf(metrics)).filter((line) => !line.startsWith('#'))).toEqual([
    'hongyan_queue_depth{queue="a",process="core"} 1',
    'hongyan_queue_depth{queue="b",process="core"} 2',
    'hongyan_queue_depth_max{queue="a",process="core"} 10',
    'hongyan_queue_depth_max{queue="b",process="core"} 20',
  ]);
  const read = () => 0;
  expect(() => metrics.gauge({ name: 'hongyan_queue_depth', help: 'Another', read })).toThrow('described alike');
  expect(() => metrics.gauge({ name: 'queue_depth', help: '', read })).toThrow('a name of the server');
  expect(() => metrics.counter({ name: 'hongyan_things', help: '', read })).toThrow('ends in _total');
});

test('[O4] a process reports its CPU, memory, event loop, collections of garbage and open files', async () => {
  const metrics = new Metrics({ process: 'core' });
  const clock = new ManualClock();
  const own = new ProcessMetrics(metrics, { clock, version: '1.2.3' });
  Bun.gc(true);
  const lines = await linesOf(metrics);
  own.stop();
  const sampleOf = (name: string) => Number(lines.find((line) => line.startsWith(`${name}{`))?.match(/ (\S+)$/)?.[1]);
  for (const name of [
    'process_cpu_seconds_total',
    'process_resident_memory_bytes',
    'process_open_fds',
    'process_max_fds',
    'process_start_time_seconds',
    'nodejs_heap_size_used_bytes',
    'nodejs_gc_duration_seconds_count',
    'hongyan_thread_cpu_seconds_total',
  ])
    expect([name, sampleOf(name) > 0]).toEqual([name, true]);
  // Those of the runtime are not told; other tests of this process may have some of their own.
  const threads = lines.flatMap((line) => line.match(/^hongyan_thread_cpu_seconds_total{thread="(.*?)"/)?.[1] ?? []);
  expect(threads).toContain('main');
  expect(threads.filter((name) => /collector|^thread$/i.test(name))).toEqual([]);
  expect(lines).toContain(`hongyan_build_info{version="1.2.3",bun="${Bun.version}",process="core"} 1`);
});

test('a store that is opened anew has one queue, that of the writer opened last', async () => {
  const metrics = new Metrics({ process: 'core' });
  const meter = new StoreMeter(metrics, 'events');
  meter.queue(() => 3, 10);
  meter.queue(() => 5, 10);
  const [depth] = await metrics.collect(new Set(['hongyan_queue_depth']));
  expect(depth?.values).toEqual([{ value: 5, labels: { queue: 'events', process: 'core' } }]);
});
