import { expect, test } from 'bun:test';
import { silentLog } from '@hongyan/base/log';
import { ManualClock } from '@hongyan/testing/manual-clock';
import { until } from '@hongyan/testing/until';
import { Metrics } from '../../metrics/metrics.ts';
import { Overview } from './overview.ts';
import type { OperatorRequest } from './route.ts';

test('whoever asks right after each point is told the CPU time of each process too', async () => {
  const clock = new ManualClock();
  const metrics = new Metrics({ process: 'core' });
  let cpuSeconds = 0;
  metrics.gauge({ name: 'process_resident_memory_bytes', help: 'Memory', read: () => 1 });
  metrics.counter({ name: 'process_cpu_seconds_total', help: 'CPU', read: () => cpuSeconds });
  const overview = new Overview({
    ...{ metrics, clock, log: silentLog, checks: [], version: '1' },
    processes: { own: 'core', others: () => [] },
  });
  const shown = async (): Promise<{ points: readonly unknown[]; processes: readonly { cores: number | null }[] }> => {
    const answer = await overview.route().handle({} as OperatorRequest);
    if (answer instanceof Response || answer.type !== 'ok') throw new Error('refused');
    return answer.value as Awaited<ReturnType<typeof shown>>;
  };
  overview.start();
  // By its answer the first reading, which began before it, is over.
  await shown();
  for (const pointCount of [1, 2]) {
    cpuSeconds += 2;
    clock.advance(5_000);
    await until(async () => (await shown()).points.length === pointCount);
    expect((await shown()).processes.map(({ cores }) => cores)).toEqual([0.4]);
  }
  clock.advance(2_000);
  expect((await shown()).processes.map(({ cores }) => cores)).toEqual([0]);
  overview.close();
});
