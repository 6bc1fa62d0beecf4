// What every process reports of its runtime and its operating system, under the names that default dashboards look for.

import { readdir, readFile } from 'node:fs/promises';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import v8 from 'node:v8';
import type { Clock, Timer } from '@hongyan/base/clock';
import { Histogram } from './histogram.ts';
import type { Metrics, Sample } from './metrics.ts';

/** How late a timer of this interval is shows how long the event loop was busy. */
const loopResolutionMs = 20;
/** What the runtime notes of each collection is taken from it so often, so that its list stays short. */
const gcReadMs = 10_000;
const gcBoundsS = [0.0001, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1];
/** Of the kernel's times in /proc, on every Linux of today. */
const ticksPerS = 100;

export class ProcessMetrics {
  readonly #loop = monitorEventLoopDelay({ resolution: loopResolutionMs });
  readonly #gc = new Map<string, Histogram>();
  #profiler = new v8.GCProfiler();
  readonly #timer: Timer;

  constructor(metrics: Metrics, { clock, version }: { readonly clock: Clock; readonly version: string }) {
    this.#loop.enable();
    this.#profiler.start();
    this.#timer = clock.every(gcReadMs, () => this.#readGc());
    this.#registerLoop(metrics);
    registerProcess(metrics, clock);
    registerMemory(metrics);
    metrics.histogram({
      name: 'nodejs_gc_duration_seconds',
      help: 'Time that each garbage collection took, by its kind',
      read: () => {
        this.#readGc();
        return [...this.#gc].map(([kind, histogram]) => [{ kind }, histogram] as const);
      },
    });
    metrics.gauge({
      name: 'nodejs_version_info',
      help: 'The version of Node that the runtime stands in for',
      read: () => [[{ version: process.version }, 1]],
    });
    metrics.gauge({
      name: 'hongyan_build_info',
      help: 'The versions of the server and of its runtime',
      read: () => [[{ version, bun: Bun.version }, 1]],
    });
  }

  stop(): void {
    this.#timer.cancel();
    this.#loop.disable();
    this.#profiler.stop();
  }

  #registerLoop(metrics: Metrics): void {
    const loop = this.#loop;
    const gauge = (suffix: string, what: string, nanoseconds: () => number) =>
      metrics.gauge({
        name: `nodejs_eventloop_lag${suffix}_seconds`,
        help: `How late the event loop was, ${what}`,
        read: () => (loop.count === 0 ? 0 : nanoseconds() / 1e9),
      });
    gauge('_min', 'least', () => loop.min);
    gauge('_max', 'at most', () => loop.max);
    gauge('_mean', 'on average', () => loop.mean);
    for (const share of [50, 90, 99])
      gauge(`_p${share}`, `${share} of 100 times at most`, () => loop.percentile(share));
    // Last of them, because it begins the next interval.
    gauge('', 'at most since the last scrape', () => {
      const { max } = loop;
      loop.reset();
      return max;
    });
  }

  #readGc(): void {
    const { statistics } = this.#profiler.stop() ?? { statistics: [] };
    this.#profiler = new v8.GCProfiler();
    this.#profiler.start();
    for (const { gcType, cost } of statistics) {
      const kind = gcType === 'Scavenge' ? 'minor' : 'major';
      let histogram = this.#gc.get(kind);
      if (histogram === undefined) {
        histogram = new Histogram(gcBoundsS);
        this.#gc.set(kind, histogram);
      }
      histogram.observe(cost / 1e6);
    }
  }
}

function registerProcess(metrics: Metrics, clock: Clock): void {
  const startedAtS = clock.nowMs() / 1000 - process.uptime();
  const counter = (name: string, help: string, read: () => number) => metrics.counter({ name, help, read });
  counter('process_cpu_user_seconds_total', 'CPU time in the process', () => process.cpuUsage().user / 1e6);
  counter('process_cpu_system_seconds_total', 'CPU time in the kernel', () => process.cpuUsage().system / 1e6);
  counter('process_cpu_seconds_total', 'CPU time of the process, all its threads', () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  metrics.counter({
    name: 'hongyan_thread_cpu_seconds_total',
    help: 'CPU time of each named thread',
    read: threadTimes,
  });
  metrics.gauge({
    name: 'process_start_time_seconds',
    help: 'Unix time at which the process started',
    read: () => startedAtS,
  });
  metrics.gauge({
    name: 'process_open_fds',
    help: 'Open files and sockets',
    read: async () => (await orNone(readdir('/proc/self/fd')))?.length ?? 0,
  });
  metrics.gauge({
    name: 'process_max_fds',
    help: 'Files and sockets that the process may open',
    read: async () => {
      const limits = await orNone(readFile('/proc/self/limits', 'utf8'));
      return Number(/^Max open files\s+(\d+)/m.exec(limits ?? '')?.[1] ?? 0);
    },
  });
}

function registerMemory(metrics: Metrics): void {
  const gauge = (name: string, help: string, read: () => number) => metrics.gauge({ name, help, read });
  gauge('process_resident_memory_bytes', 'Resident memory', () => process.memoryUsage.rss());
  gauge('nodejs_heap_size_total_bytes', 'Size of the JavaScript heap', () => process.memoryUsage().heapTotal);
  gauge('nodejs_heap_size_used_bytes', 'Used part of the JavaScript heap', () => process.memoryUsage().heapUsed);
  gauge(
    'nodejs_external_memory_bytes',
    'Memory outside the heap that objects hold',
    () => process.memoryUsage().external,
  );
}

/** Threads that the runtime starts and ends as it likes: what they took is in the time of the process. */
const isOfRuntime = /^$|^(Bun|JIT|JSC|Heap|HTTP|mi-|t\b|thread$|ollector Thread$)/;

/** Of the event loop and of the writers of the stores. Empty where there is no /proc. */
async function threadTimes(): Promise<readonly Sample[]> {
  const secondsByName = new Map<string, number>();
  for (const id of (await orNone(readdir('/proc/self/task'))) ?? []) {
    // The thread may have ended meanwhile.
    const stat = await orNone(readFile(`/proc/self/task/${id}/stat`, 'utf8'));
    const [, name = '', rest = ''] = /^\d+ \((.*)\) (.*)/.exec(stat ?? '') ?? [];
    const fields = rest.split(' ');
    const seconds = (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / ticksPerS;
    const thread = Number(id) === process.pid ? 'main' : name;
    if (!isOfRuntime.test(thread)) secondsByName.set(thread, (secondsByName.get(thread) ?? 0) + seconds);
  }
  return Array.from(secondsByName, ([thread, seconds]) => [{ thread }, seconds] as const);
}

const orNone = <T>(reading: Promise<T>): Promise<T | undefined> => reading.catch(() => undefined);
