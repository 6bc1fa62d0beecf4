// The figures as a table and as JSON, with the machine they were measured on.

import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem } from 'node:os';
import type { Quantiles } from '@hongyan/load/histogram';
import type { Cpu } from '@hongyan/load/process-stats';
import type { ClusterSize } from './cluster/nodes.ts';
import type { Cores } from './cores.ts';
import { usPerItem } from './cost.ts';
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
  readonly cores: Cores | undefined;
  readonly cluster: ClusterSize | undefined;
  readonly machine: Machine;
  readonly figures: readonly Figure[];
}

const columns: readonly (readonly [head: string, cell: (figure: Figure) => string])[] = [
  ['scenario', ({ scenario }) => scenario],
  ['case', ({ name }) => name],
  ['pinned', ({ isPinned }) => (isPinned ? 'yes' : 'no')],
  ['rate', ({ perS, item }) => `${count(perS)} ${item}/s`],
  ['latency p50 / p99 / p999 ms', ({ latency }) => lines(latency, times)],
  ['server µs (user + system)', (figure) => costText(figure, figure.server)],
  ['of it by thread or process', (figure) => partsText(figure)],
  ['generator µs', ({ generator }) => generator.usPerItem.toFixed(2)],
  ['others', (figure) => othersText(figure)],
  ['also', ({ extra }) => lines(extra, (value) => (typeof value === 'number' ? count(value) : value))],
  ['target', ({ target }) => (target ? `${target.text}: ${target.isMet ? 'met' : '**missed**'}` : '')],
];

export function markdown({ startedAt, isQuick, machine: on, cores, cluster, figures }: Report): string {
  const placed = cores
    ? `the server on core ${cores.server}, the generator on core ${cores.generator}`
    : 'shared by server and generator';
  return [
    `${startedAt}${isQuick ? ', --quick' : ''}; ${on.cores} cores of ${on.cpu}, ${placed}; ${on.memoryGiB} GiB; ${on.system}, Linux ${on.kernel}; Bun ${on.bun}; fsync on.`,
    "CPU time is per item, over the server's whole process tree. others: cores that the rest of the machine kept busy meanwhile; in brackets the part of it on the server's own core.",
    ...(cluster ? [clusterText(cluster)] : []),
    '',
    ...tableOf(
      columns.map(([head]) => head),
      figures.map((figure) => columns.map(([, cell]) => cell(figure))),
    ),
    '',
  ].join('\n');
}

const clusterText = ({ gateways, cores }: ClusterSize): string =>
  `A cluster: gateways ${gateways}, cores ${cores}, and MariaDB, Kafka and Redis, whose CPU time is in the server's, all on this machine.`;

export const tableOf = (head: readonly string[], rows: readonly (readonly string[])[]): string[] => [
  `| ${head.join(' | ')} |`,
  `|${head.map(() => '---').join('|')}|`,
  ...rows.map((row) => `| ${row.join(' | ')} |`),
];

function costText(figure: Figure, cpu: Cpu): string {
  // The kernel counts in hundredths of a second: a thread's remainder may be a rounding below zero.
  const us = (seconds: number): number => Math.max(0, usPerItem(seconds, figure.count));
  const [user, system] = [us(cpu.userS), us(cpu.systemS)];
  return `${(user + system).toFixed(2)} (${user.toFixed(2)} + ${system.toFixed(2)})`;
}

const partsText = (figure: Figure): string =>
  figure.parts.map((part) => `${part.name} ${costText(figure, part)}`).join('<br>');

const othersText = ({ otherCores, otherOnServerCore, isPinned }: Figure): string =>
  isPinned ? `${otherCores.toFixed(2)} (${otherOnServerCore.toFixed(2)})` : otherCores.toFixed(2);

const lines = <T>(values: Readonly<Record<string, T>>, text: (value: T) => string): string =>
  Object.entries(values)
    .map(([name, value]) => `${name} ${text(value)}`)
    .join('<br>');

const count = (value: number): string =>
  value >= 100 ? Math.round(value).toLocaleString('en') : String(Number(value.toFixed(2)));

const times = ({ p50Ms, p99Ms, p999Ms }: Quantiles): string =>
  [p50Ms, p99Ms, p999Ms].map((ms) => ms.toFixed(2)).join(' / ');
