// The screen of hongyan status.

import { table } from '../text.ts';
import type { Percentiles, Picture } from './picture.ts';

export function statusText(picture: Picture): string {
  const troubles = Object.entries(picture.checks).flatMap(([name, health]) =>
    health.status === 'ok' ? [] : [`  ${name} ${health.status}: ${health.reason}`],
  );
  return [
    `${picture.status}: hongyan ${picture.version}${picture.url === '' ? '' : ` at ${picture.url}`}, up for ${durationOf(picture.up_for_s)}`,
    ...troubles,
    '',
    ...rowsOf(picture).map(([name, value]) => `${name.padEnd(14)}${value}`),
    '',
    table(
      ['process', 'connections', 'CPU cores', 'memory', 'event loop late p99'],
      picture.processes.map(({ name, is_up, cores, resident_bytes, loop_lag_ms, connections }) =>
        is_up ? [name, connections, cores, bytesOf(resident_bytes), `${loop_lag_ms} ms`] : [name, 'does not answer'],
      ),
    ),
  ].join('\n');
}

function rowsOf(picture: Picture): readonly (readonly [string, string])[] {
  const { connections, connections_max, online_users, sends_per_s, refused_per_s, entries_per_commit } = picture;
  const refused = Object.entries(refused_per_s).map(([code, perS]) => `${code} ${perS}/s`);
  const queues = picture.queues.map(({ queue, depth, max }) => `${queue} ${depth} of ${max}`);
  const disk = `${bytesOf(picture.disk_free_bytes)} of ${bytesOf(picture.disk_bytes)} free`;
  const perCommit = entries_per_commit === undefined ? '' : `, ${entries_per_commit} entries each`;
  return [
    ['connections', `${connections} of ${connections_max}, ${online_users} users online`],
    ['messages', `${sends_per_s}/s`],
    ['send → ack', timesOf(picture.send_ack_ms)],
    ['send → receive', timesOf(picture.send_receive_ms)],
    ['commit', `${timesOf(picture.commit_ms)}${perCommit}`],
    ['refused', refused.length === 0 ? 'nothing' : refused.join(', ')],
    ['slow readers', `${picture.slow_consumers_per_s} closed/s`],
    ['queues', queues.length === 0 ? 'empty' : queues.join(', ')],
    picture.store_bytes === 0 ? ['disk', disk] : ['stores', `${bytesOf(picture.store_bytes)}; ${disk}`],
  ].map(([name = '', value = '']) => [`${name}`, ` ${value}`] as const);
}

const timesOf = (times: Percentiles | undefined): string =>
  times === undefined ? 'none now' : `p50 ≤ ${times.p50} ms, p99 ≤ ${times.p99} ms`;

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

function bytesOf(bytes: number): string {
  const power = bytes < 1024 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${value >= 100 || power === 0 ? Math.round(value) : value.toFixed(1)} ${units[power]}`;
}

function durationOf(seconds: number): string {
  const [days, hours, minutes] = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3600) % 24,
    Math.floor(seconds / 60) % 60,
  ];
  if (days > 0) return `${days} d ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min` : `${seconds} s`;
}
