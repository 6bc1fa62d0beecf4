// Summarises a server from its readiness and two scrapes of its metrics.

import type { Health } from '@hongyan/server/roles/operator/health';
import { type HistogramPart, quantile, type Scrape } from '../metrics-text.ts';

/** What /readyz answers. */
export interface Readiness {
  readonly status: string;
  readonly checks: Readonly<Record<string, Health>>;
}

export interface Picture extends Readiness {
  readonly version: string;
  /** Empty where the process that was asked has no clients. */
  readonly url: string;
  readonly up_for_s: number;
  readonly processes: readonly ProcessPicture[];
  readonly connections: number;
  readonly connections_max: number;
  readonly online_users: number;
  readonly sends_per_s: number;
  /** By the rest of their results, above zero. */
  readonly refused_per_s: Readonly<Record<string, number>>;
  /** Absent without a send in the time. */
  readonly send_ack_ms?: Percentiles;
  readonly send_receive_ms?: Percentiles;
  readonly commit_ms?: Percentiles;
  readonly entries_per_commit?: number;
  readonly slow_consumers_per_s: number;
  /** Above zero. */
  readonly queues: readonly { readonly queue: string; readonly depth: number; readonly max: number }[];
  /** Of a data folder's; 0 in a cluster, whose stores are databases. */
  readonly store_bytes: number;
  /** Of the fullest disk: processes of one machine have one. */
  readonly disk_free_bytes: number;
  readonly disk_bytes: number;
}

export interface ProcessPicture {
  readonly name: string;
  readonly is_up: boolean;
  readonly cores: number;
  readonly resident_bytes: number;
  readonly loop_lag_ms: number;
  readonly connections: number;
}

/** Upper ends of the histogram's buckets. */
export interface Percentiles {
  readonly p50: number;
  readonly p99: number;
}

export interface Observed {
  readonly readiness: Readiness;
  readonly before: Scrape;
  readonly now: Scrape;
  readonly seconds: number;
  readonly upForS: number;
  readonly url: string;
}

export function pictureOf(observed: Observed): Picture {
  const { readiness, before, now, seconds, upForS, url } = observed;
  const rate = (name: string, labels: Readonly<Record<string, string>> = {}) =>
    round((now.sum(name, labels) - before.sum(name, labels)) / seconds);
  const of = (name: string, labels: Readonly<Record<string, string>> = {}): HistogramPart => ({
    name,
    labels,
    before,
    now,
  });
  const commits = rate('hongyan_batch_size_count', { store: 'timeline' });
  return {
    ...readiness,
    version: now.samples('hongyan_build_info')[0]?.labels.version ?? '',
    url,
    up_for_s: Math.round(upForS),
    processes: processesOf(observed),
    connections: now.sum('hongyan_connections'),
    connections_max: now.sum('hongyan_connections_max'),
    online_users: now.sum('hongyan_online_users'),
    sends_per_s: rate('hongyan_operations_total', { operation: 'send', result: 'ok' }),
    refused_per_s: refusedOf(now, rate),
    ...part('send_ack_ms', percentiles(of('hongyan_operation_seconds', { operation: 'send' }))),
    ...part('send_receive_ms', percentiles(of('hongyan_send_receive_seconds'))),
    ...part('commit_ms', percentiles(of('hongyan_commit_seconds', { store: 'timeline' }))),
    ...part(
      'entries_per_commit',
      commits === 0 ? undefined : round(rate('hongyan_batch_size_sum', { store: 'timeline' }) / commits),
    ),
    slow_consumers_per_s: rate('hongyan_closes_total', { reason: 'slow_consumer' }),
    queues: queuesOf(now),
    store_bytes: now.sum('hongyan_store_bytes'),
    ...fullestDisk(now),
  };
}

function fullestDisk(now: Scrape): Pick<Picture, 'disk_free_bytes' | 'disk_bytes'> {
  const disks = now.samples('hongyan_disk_bytes').map(({ labels: { process = '' }, value }) => ({
    disk_free_bytes: now.sum('hongyan_disk_free_bytes', { process }),
    disk_bytes: value,
  }));
  const freeShare = (disk: (typeof disks)[number]) => disk.disk_free_bytes / disk.disk_bytes;
  return disks.sort((a, b) => freeShare(a) - freeShare(b))[0] ?? { disk_free_bytes: 0, disk_bytes: 0 };
}

function processesOf({ before, now, seconds }: Observed): readonly ProcessPicture[] {
  return now.samples('hongyan_process_up').map(({ labels: { process = '' }, value }) => {
    const cpuS = (scrape: Scrape) => scrape.sum('process_cpu_seconds_total', { process });
    return {
      name: process,
      is_up: value === 1,
      cores: Math.max(0, round((cpuS(now) - cpuS(before)) / seconds)),
      resident_bytes: now.sum('process_resident_memory_bytes', { process }),
      loop_lag_ms: round(now.sum('nodejs_eventloop_lag_p99_seconds', { process }) * 1000),
      connections: now.sum('hongyan_connections', { process }),
    };
  });
}

function refusedOf(
  now: Scrape,
  rate: (name: string, labels: Readonly<Record<string, string>>) => number,
): Readonly<Record<string, number>> {
  const results = new Set(now.samples('hongyan_operations_total').map(({ labels }) => labels.result ?? ''));
  results.delete('ok');
  const rates = [...results].map((result) => [result, rate('hongyan_operations_total', { result })] as const);
  return Object.fromEntries(rates.filter(([, perS]) => perS > 0));
}

function queuesOf(now: Scrape): Picture['queues'] {
  const names = [...new Set(now.samples('hongyan_queue_depth').map(({ labels }) => labels.queue ?? ''))];
  return names
    .map((queue) => ({
      queue,
      depth: now.sum('hongyan_queue_depth', { queue }),
      max: now.sum('hongyan_queue_depth_max', { queue }),
    }))
    .filter(({ depth }) => depth > 0);
}

function percentiles(histogram: HistogramPart): Percentiles | undefined {
  const [p50, p99] = [quantile(0.5, histogram), quantile(0.99, histogram)];
  return p50 === undefined || p99 === undefined ? undefined : { p50: round(p50 * 1000), p99: round(p99 * 1000) };
}

const part = <K extends string, T>(key: K, value: T | undefined): { readonly [P in K]?: T } =>
  (value === undefined ? {} : { [key]: value }) as { readonly [P in K]?: T };

const round = (value: number): number => Math.round(value * 100) / 100;
