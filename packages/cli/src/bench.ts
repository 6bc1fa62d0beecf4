// hongyan bench: a short load of direct messages, so that an operator learns what a machine and its disk can carry.

import { BenchConnection } from '@hongyan/load/connection';
import { type Load, Pair, runDirect } from '@hongyan/load/direct';
import { Histogram, type HistogramData } from '@hongyan/load/histogram';
import { cpuBetween, cpuOf, cpuSum } from '@hongyan/load/process-stats';
import { directConversationId } from '@hongyan/protocol/direct';
import type { UserId } from '@hongyan/protocol/ids';
import { userIdPattern } from '@hongyan/protocol/ids';
import { type BenchTarget, ofRunningServer, withOwnServer } from './bench/target.ts';
import { type Command, UsageError } from './command.ts';
import { printLine } from './print-line.ts';
import { serverUrl } from './server-url.ts';
import { table } from './text.ts';
import { wholeNumber } from './whole-number.ts';

const pairCount = 50;
const window = 20;
const warmUpS = 1;
const openTimeoutMs = 10_000;

export const bench: Command = {
  name: 'bench',
  usage: 'bench',
  summary: 'Measure durable direct messages: in a closed loop, then at a fixed rate',
  details: `Without --url it starts a server of its own on a free port, with ${pairCount} pairs of users and a data folder that is
removed afterwards. Each message is sent, made durable, received, acknowledged by its receiver, and seen as
delivered by its sender. The generator runs beside the server and takes its share of the machine.
With --url two accounts of a running server write to each other: thousands of messages remain in their conversation and
cannot be removed, so use accounts made for this. Their passwords are read from prompts or from lines of standard input.
Their tier limits their rate; hongyan user tier <user_id> unlimited lifts that.
Exits with status 1 if a message was lost or refused, or if the server closes a connection.`,
  values: {
    seconds: { placeholder: 's', description: 'Duration of each of the two loads. Default: 5' },
    rate: { placeholder: 'messages/s', description: 'Rate of the second load. Default: 1000' },
    folder: {
      placeholder: 'folder',
      description: 'Folder in which the data folder is created: its disk is measured too. Default: .',
    },
    url: { placeholder: 'url', description: 'A running server to measure instead' },
    users: { placeholder: 'sender,receiver', description: 'With --url: the two accounts' },
  },
  switches: { json: 'Print one JSON object for programs' },
  options: [],
  async run({ switches, values }) {
    const durationS = wholeNumber(values, 'seconds', { standard: 5, min: 1, max: 600 });
    const perS = wholeNumber(values, 'rate', { standard: 1_000, min: 1, max: 1_000_000 });
    const url = values.get('url');
    const loads: readonly Load[] = [
      { type: 'closed', window },
      { type: 'rate', perS },
    ];
    const work = (target: BenchTarget) => measureAll(target, { loads, durationS });
    const measured =
      url === undefined
        ? await withOwnServer({ parent: values.get('folder') ?? '.', pairCount }, work)
        : await work(await ofRunningServer(serverUrl(url), pairOf(values.get('users'))));
    printLine(switches.has('json') ? JSON.stringify({ loads: measured }) : textOf(measured));
    return measured.every(({ lost, refused, errors }) => lost + refused + errors === 0) ? 0 : 1;
  },
};

function pairOf(text = ''): readonly [UserId, UserId] {
  const [sender = '', receiver = '', ...more] = text.split(',');
  const areIds = [sender, receiver].every((id) => new RegExp(userIdPattern).test(id));
  if (areIds && sender !== receiver && more.length === 0) return [sender as UserId, receiver as UserId];
  throw new UsageError('--url requires two accounts: --users alice,bob');
}

interface Measured {
  readonly load: string;
  readonly messages: number;
  readonly per_s: number;
  readonly refused: number;
  readonly first_refusal?: string;
  /** Sent, not refused, and never seen as delivered. */
  readonly lost: number;
  readonly errors: number;
  readonly first_error?: string;
  readonly ack_ms: readonly [p50: number, p99: number, p999: number];
  readonly receive_ms: readonly [p50: number, p99: number, p999: number];
  /** Microseconds of the server's processes per message; absent where they cannot be seen. */
  readonly server_cpu_us?: number;
}

async function measureAll(
  target: BenchTarget,
  { loads, durationS }: { readonly loads: readonly Load[]; readonly durationS: number },
): Promise<readonly Measured[]> {
  const connections: BenchConnection[] = [];
  const closed = Promise.withResolvers<never>();
  const onClose = (reason: string) =>
    closed.reject(
      new Error(
        `a connection to the server ended (${reason}), so the load was stopped; messages in flight may be stored`,
      ),
    );
  try {
    const pairs: Pair[] = [];
    for (const names of target.pairs) {
      const [sender, receiver] = await Promise.all(names.map((userId) => connect(target, userId)));
      if (!sender || !receiver) throw new Error('a pair has two connections');
      connections.push(sender, receiver);
      sender.onClose = receiver.onClose = onClose;
      pairs.push(new Pair({ sender, receiver }, names, await target.lastSeq(directConversationId(...names))));
    }
    const measured = async () => {
      await runDirect(pairs, { type: 'closed', window: 1 }, warmUpS);
      const lines: Measured[] = [];
      for (const load of loads) lines.push(await measure(pairs, { load, durationS, serverPid: target.serverPid }));
      return lines;
    };
    return await Promise.race([measured(), closed.promise]);
  } finally {
    for (const connection of connections) connection.close();
  }
}

async function connect({ host, port, isTls, tokenOf }: BenchTarget, userId: UserId): Promise<BenchConnection> {
  const token = await tokenOf(userId);
  const connection = new BenchConnection({
    ...{ host, port, isTls, token },
    deviceId: 'hongyan-bench',
    timeoutMs: openTimeoutMs,
  });
  await connection.open();
  return connection;
}

async function measure(
  pairs: readonly Pair[],
  {
    load,
    durationS,
    serverPid,
  }: { readonly load: Load; readonly durationS: number; readonly serverPid: number | undefined },
): Promise<Measured> {
  const before = serverPid === undefined ? undefined : cpuOf(serverPid);
  const result = await runDirect(pairs, load, durationS);
  const cpuS = serverPid === undefined || !before ? undefined : cpuSum(cpuBetween(before, cpuOf(serverPid)));
  const { completed, elapsedS, refused, firstRefusal, lost, errors, firstError } = result;
  return {
    load: load.type === 'closed' ? `closed loop, ${pairs.length} × ${load.window}` : `${load.perS}/s`,
    messages: completed,
    per_s: Math.round(completed / elapsedS),
    refused,
    ...(firstRefusal === '' ? {} : { first_refusal: firstRefusal }),
    lost,
    errors,
    ...(firstError === '' ? {} : { first_error: firstError }),
    ack_ms: quantiles(result.ack),
    receive_ms: quantiles(result.receive),
    ...(cpuS === undefined || completed === 0 ? {} : { server_cpu_us: (cpuS / completed) * 1e6 }),
  };
}

function quantiles(data: HistogramData): [number, number, number] {
  const histogram = new Histogram();
  histogram.add(data);
  const { p50Ms, p99Ms, p999Ms } = histogram.quantiles();
  return [p50Ms, p99Ms, p999Ms];
}

function textOf(measured: readonly Measured[]): string {
  const times = (values: readonly number[]): string => values.map((ms) => ms.toFixed(2)).join(' / ');
  const rows = measured.map((each) => [
    each.load,
    each.per_s,
    times(each.ack_ms),
    times(each.receive_ms),
    each.server_cpu_us === undefined ? '-' : each.server_cpu_us.toFixed(1),
    each.refused,
    each.lost,
    each.errors,
  ]);
  const head = [
    'load',
    'messages/s',
    'ack ms p50/p99/p999',
    'receive ms',
    'server CPU µs',
    'refused',
    'lost',
    'errors',
  ];
  const complaints = measured.flatMap(({ first_refusal, first_error }) => [
    ...(first_refusal === undefined ? [] : [`refused: ${first_refusal}`]),
    ...(first_error === undefined ? [] : [`error: ${first_error}`]),
  ]);
  return [table(head, rows), ...complaints].join('\n');
}
