// hongyan bench devices: registers millions of devices over HTTP, and shows whether the rate falls as their table grows.

import { silentLog } from '@hongyan/base/log';
import { cpuBetween, cpuOf, cpuSum } from '@hongyan/load/process-stats';
import { registerMany } from '@hongyan/load/registrations';
import { openAccess, withDeviceReader } from '@hongyan/server/compose/commands/folder-stores';
import { apiKeyBytes, hashOfSecret, newApiKey } from '@hongyan/server/domain/api-key';
import { type ServerUnderLoad, withServer } from './bench/target.ts';
import type { Command } from './command.ts';
import { printLine } from './print-line.ts';
import { table } from './text.ts';
import { wholeNumber } from './whole-number.ts';

/** How often a line is added. */
const stepsMax = 20;
const stepDevicesMin = 10_000;
const storedTimeoutS = 600;
const barWidth = 30;

export const benchDevices: Command = {
  name: 'bench devices',
  usage: 'bench devices',
  summary: 'Measure the registration of devices over HTTP, one by one and in batches',
  details: `Starts a server of its own with a data folder that is removed afterwards. Each request is signed and accepted once it is
on the disk; a worker stores the devices meanwhile. Each line waits until all devices so far are stored, and its rate includes
that. Interrupted, it removes the folder and what it started.
Exits with status 1 if a request was refused or a device is missing.`,
  values: {
    count: { placeholder: 'devices', description: 'Number of devices to register in batches. Default: 10000000' },
    batch: { placeholder: 'devices', description: 'Devices per request, 2 to 1000. Default: 100' },
    connections: { placeholder: 'connections', description: 'Connections that send in parallel. Default: 32' },
    'single-seconds': {
      placeholder: 's',
      description: 'Duration of the first part, one device per request. Default: 10',
    },
    folder: { placeholder: 'folder', description: 'Folder in which the data folder is created. Default: .' },
  },
  switches: { json: 'Print a JSON object for each line, for programs' },
  options: [],
  async run({ switches, values }) {
    const load = {
      count: wholeNumber(values, 'count', { standard: 10_000_000, min: 1, max: 1_000_000_000 }),
      batchSize: wholeNumber(values, 'batch', { standard: 100, min: 2, max: 1_000 }),
      connections: wholeNumber(values, 'connections', { standard: 32, min: 1, max: 1_000 }),
      singleS: wholeNumber(values, 'single-seconds', { standard: 10, min: 0, max: 600 }),
    };
    const isJson = switches.has('json');
    const report = (line: Line) => printLine(isJson ? JSON.stringify(line) : textOf(line));
    if (!isJson) printLine(head());
    const lines = await measureAll(load, values.get('folder') ?? '.', report);
    if (!isJson) printLine(chart(lines));
    return lines.every(({ errors }) => errors === 0) ? 0 : 1;
  },
};

interface Load {
  readonly count: number;
  readonly batchSize: number;
  readonly connections: number;
  readonly singleS: number;
}

interface Line {
  readonly batch: number;
  /** When the line was measured. */
  readonly stored: number;
  /** Accepted, and what is left in the queue stored. */
  readonly devices_per_s: number;
  readonly accepted_per_s: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
  /** Of all threads of the server, microseconds per device. */
  readonly server_cpu_us: number;
  readonly errors: number;
  readonly first_error?: string;
}

async function measureAll(load: Load, parent: string, report: (line: Line) => void): Promise<readonly Line[]> {
  const { keyId, secret } = newApiKey(crypto.getRandomValues(new Uint8Array(apiKeyBytes)));
  const signingKey = hashOfSecret(secret);
  const prepare = async (data: string) => {
    const access = await openAccess({ data, revocationsMax: 1 }, silentLog);
    const key = { keyId, name: 'bench', scopes: ['devices:register'] as const, secretHash: signingKey, createdAtMs: 0 };
    await access.createKey(key);
    await access.close();
  };
  return withServer({ parent, prepare }, async (server) => {
    const lines: Line[] = [];
    const add = async (options: { readonly batchSize: number; readonly count: number; readonly seconds: number }) => {
      const line = await measure(server, { ...options, keyId, signingKey, connections: load.connections });
      lines.push(line);
      report(line);
    };
    if (load.singleS > 0) await add({ batchSize: 1, count: Number.MAX_SAFE_INTEGER, seconds: load.singleS });
    const step = Math.max(stepDevicesMin, Math.ceil(load.count / stepsMax));
    for (let left = load.count; left > 0; left -= step)
      await add({ batchSize: load.batchSize, count: Math.min(step, left), seconds: Number.MAX_SAFE_INTEGER });
    return lines;
  });
}

interface StepOptions {
  readonly batchSize: number;
  readonly count: number;
  readonly seconds: number;
  readonly keyId: string;
  readonly signingKey: string;
  readonly connections: number;
}

async function measure(
  { url, data, pid }: ServerUnderLoad,
  { count, seconds, ...options }: StepOptions,
): Promise<Line> {
  const total = () => withDeviceReader({ data }, (devices) => devices.total());
  const storedBefore = await total();
  const cpuBefore = cpuOf(pid);
  const beganMs = performance.now();
  const measured = await registerMany({ url, ...options }, { count, seconds });
  const wanted = storedBefore + measured.devices;
  let stored = await total();
  for (const endMs = performance.now() + storedTimeoutS * 1_000; stored < wanted && performance.now() < endMs; ) {
    await Bun.sleep(20);
    stored = await total();
  }
  if (stored !== wanted) throw new Error(`${wanted} devices were accepted and ${stored} are stored`);
  const elapsedS = (performance.now() - beganMs) / 1_000;
  const cpuS = cpuBefore === undefined ? 0 : cpuSum(cpuBetween(cpuBefore, cpuOf(pid)));
  return {
    batch: options.batchSize,
    stored,
    devices_per_s: Math.round(measured.devices / elapsedS),
    accepted_per_s: Math.round(measured.devices / measured.seconds),
    p50_ms: measured.p50Ms,
    p99_ms: measured.p99Ms,
    server_cpu_us: (cpuS / Math.max(1, measured.devices)) * 1e6,
    errors: measured.errors,
    ...(measured.firstError === '' ? {} : { first_error: measured.firstError }),
  };
}

const columns = ['batch', 'stored', 'stored/s', 'accepted/s', 'p50 ms', 'p99 ms', 'server CPU µs', 'errors'] as const;
const width = 13;
const cells = (values: readonly unknown[]): string => values.map((value) => String(value).padStart(width)).join(' ');
const head = (): string => cells(columns);

const textOf = (line: Line): string =>
  cells([
    line.batch,
    line.stored,
    line.devices_per_s,
    line.accepted_per_s,
    line.p50_ms.toFixed(1),
    line.p99_ms.toFixed(1),
    line.server_cpu_us.toFixed(1),
    line.errors,
  ]) + (line.first_error === undefined ? '' : `\nerror: ${line.first_error}`);

/** Rate against the size of the table, and whether it fell. */
function chart(lines: readonly Line[]): string {
  const batches = lines.filter(({ batch }) => batch > 1);
  const most = Math.max(1, ...batches.map(({ devices_per_s }) => devices_per_s));
  const rows = batches.map(({ stored, devices_per_s }) => [
    stored,
    devices_per_s,
    '█'.repeat(Math.round((devices_per_s / most) * barWidth)),
  ]);
  return `\n${table(['devices stored', 'devices/s', ''], rows)}${trend(batches)}`;
}

/** Medians, because other work on the machine disturbs a step or two. */
function trend(batches: readonly Line[]): string {
  const part = Math.floor(batches.length / 4);
  if (part === 0) return '';
  const [first, last] = [batches.slice(0, part), batches.slice(-part)];
  const rate = (lines: readonly Line[]) => median(lines.map(({ devices_per_s }) => devices_per_s));
  const cpu = (lines: readonly Line[]) => median(lines.map(({ server_cpu_us }) => server_cpu_us));
  const factor = (rate(last) / Math.max(1, rate(first))).toFixed(2);
  return `
first quarter: ${rate(first)} devices/s at ${cpu(first).toFixed(1)} µs of the server's CPU each (medians)
last quarter:  ${rate(last)} devices/s at ${cpu(last).toFixed(1)} µs: ${factor} times the rate of the first`;
}

const median = (values: readonly number[]): number =>
  values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0;
