// hongyan nodes and drain: lists the processes of a cluster, and drains one before it is stopped.

import { sleep, systemClock } from '@hongyan/base/clock';
import type { ClusterNode } from '@hongyan/protocol/operator/nodes';
import { type Command, UsageError } from './command.ts';
import { OperatorClient } from './operator-client.ts';
import { printLine } from './print-line.ts';
import { table, timeOf } from './text.ts';

const pollMs = 250;
const drainTimeoutSDefault = 120;

export const nodes: Command = {
  name: 'nodes',
  usage: 'nodes',
  summary: 'List the processes of the cluster: roles, state, addresses, connections, partitions',
  details: 'The list comes from a process on this machine. A killed process remains listed for five seconds.',
  switches: { json: 'Print a JSON object for each process, a line each' },
  options: ['data'],
  async run({ config, switches }) {
    const all = await nodesOf(await connectToCluster(config.data));
    if (switches.has('json')) for (const node of all) printLine(JSON.stringify(node));
    else
      printLine(
        table(['node', 'state', 'roles', 'address', 'connections', 'partitions', 'version', 'since'], all.map(rowOf)),
      );
    return 0;
  },
};

export const drain: Command = {
  name: 'drain',
  usage: 'drain <node>',
  summary: 'Drain a process of the cluster: its clients and partitions move to the others',
  details:
    'The clients of a gateway reconnect to other gateways, spread over time. A core hands its partitions to the other cores and finishes\nits work. The process runs until it is stopped. Exits with status 1 if it is not empty in time.',
  examples: ['hongyan drain server-gateway-2'],
  values: {
    within: {
      placeholder: 's',
      description: `Time to wait until the process is empty. Default: ${drainTimeoutSDefault}`,
    },
  },
  options: ['data'],
  async run({ config, words, values }) {
    const [name] = words;
    const seconds = Number(values.get('within') ?? drainTimeoutSDefault);
    if (name === undefined || words.length !== 1) throw new UsageError('give one process; hongyan nodes lists them');
    if (!(seconds > 0)) throw new UsageError('--within must be a number of seconds above 0');
    const operator = await connectToCluster(config.data);
    await operator.request('POST', `/admin/v1/nodes/${encodeURIComponent(name)}/drain`);
    const deadlineMs = systemClock.monotonicMs() + seconds * 1000;
    for (let state: string | undefined = 'ready'; systemClock.monotonicMs() < deadlineMs; ) {
      state = (await nodesOf(operator)).find((node) => node.name === name)?.state;
      if (state === undefined || state === 'drained') {
        printLine(`${name} is empty: stop it`);
        return 0;
      }
      await sleep(systemClock, { delayMs: pollMs });
    }
    console.error(`${name} is not drained after ${seconds} s; hongyan nodes shows what it still serves`);
    return 1;
  },
};

async function connectToCluster(data: string): Promise<OperatorClient> {
  const operator = await OperatorClient.connect(data);
  if (!operator.isOfCluster)
    throw new Error(`the server on ${data} is not part of a cluster; hongyan status shows all of its processes`);
  return operator;
}

async function nodesOf(operator: OperatorClient): Promise<readonly ClusterNode[]> {
  return ((await operator.request('GET', '/admin/v1/nodes')) as { readonly nodes: readonly ClusterNode[] }).nodes;
}

const rowOf = (node: ClusterNode): readonly (string | number)[] => [
  node.name,
  node.state,
  node.roles.join(','),
  node.url ?? node.link_address ?? '-',
  node.connections ?? '-',
  rangesOf(node.partitions ?? []) || '-',
  node.version,
  timeOf(node.started_at),
];

/** 0-3,7 */
function rangesOf(numbers: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const number of numbers.toSorted((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last?.[1] === number - 1) last[1] = number;
    else ranges.push([number, number]);
  }
  return ranges.map(([from, to]) => (from === to ? String(from) : `${from}-${to}`)).join(',');
}
