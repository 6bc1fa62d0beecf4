// The figures as a table and as JSON, with the machine they were measured on.

import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem } from 'node:os';
import type { Quantiles } from '@hongyan/load/histogram';
import type { Figure } from './scenario.ts';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly kernel: string;
  readonly bun: string;
}

export function machine(): Machine {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: readFileSync('/etc/os-release', 'utf8').match(/^PRETTY_NAME="(.*)"$/m)?.[1] ?? 'unknown',
    kernel: release(),
    bun: Bun.version,
  };
}

export interface Report {
  readonly startedAt: string;
  readonly isQuick: boolean;
  readonly machine: Machine;
  readonly figures: readonly Figure[];
}

export function markdown({ startedAt, isQuick, machine: on, figures }: Report): string {
  const head = [
    'scenario',
    'case',
    'rate',
    'latency p50 / p99 / p999 ms',
    'server µs',
    'generator µs',
    'others',
    'also',
    'target',
  ];
  const rows = figures.map((figure) => [
    figure.scenario,
    figure.name,
    `${count(figure.perS)} ${figure.item}/s`,
    Object.entries(figure.latency)
      .map(([name, values]) => `${name} ${times(values)}`)
      .join('<br>'),
    `${figure.server.usPerItem.toFixed(2)} (${share(figure.server.userS, figure)} user + ${share(figure.server.systemS, figure)} system)`,
    figure.generator.usPerItem.toFixed(2),
    figure.otherCores.toFixed(2),
    Object.entries(figure.extra)
      .map(([name, value]) => `${name}: ${typeof value === 'number' ? count(value) : value}`)
      .join('<br>'),
    figure.target ? `${figure.target.text}: ${figure.target.isMet ? 'met' : '**missed**'}` : '',
  ]);
  return [
    `${startedAt}${isQuick ? ', --quick' : ''}; ${on.cores} cores of ${on.cpu}, shared with the generator; ${on.memoryGiB} GiB; ${on.system}, Linux ${on.kernel}; Bun ${on.bun}; fsync on.`,
    'CPU time is per item, over the whole process tree. others: cores that the rest of the machine kept busy meanwhile.',
    '',
    `| ${head.join(' | ')} |`,
    `|${head.map(() => '---').join('|')}|`,
    ...rows.map((row) => `| ${row.join(' | ')} |`),
    '',
  ].join('\n');
}

const count = (value: number): string =>
  value >= 100 ? Math.round(value).toLocaleString('en') : String(Number(value.toFixed(2)));
const times = ({ p50Ms, p99Ms, p999Ms }: Quantiles): string =>
  [p50Ms, p99Ms, p999Ms].map((ms) => ms.toFixed(2)).join(' / ');
const share = (seconds: number, figure: Figure): string =>
  figure.count === 0 ? '0' : ((seconds / figure.count) * 1e6).toFixed(2);
