// hongyan status: how a running server is, on one screen.

import type { Health } from '@hongyan/server/roles/operator/health';
import type { Command } from './command.ts';
import { OperatorClient } from './operator-client.ts';
import { table } from './text.ts';

interface Readiness {
  readonly status: string;
  readonly checks: Readonly<Record<string, Health>>;
}

export const status: Command = {
  name: 'status',
  usage: 'status',
  summary: 'Show how the running server is',
  details: 'Exits with status 1 if it is not ready, or if no server runs on the data folder.',
  switches: { json: 'Print one JSON object for programs' },
  options: ['data'],
  async run({ config, switches }) {
    const server = await OperatorClient.connect(config.data);
    const readiness = (await (await server.fetch('GET', '/readyz')).json()) as Readiness;
    console.log(switches.has('json') ? JSON.stringify(readiness) : textOf(readiness));
    return readiness.status === 'ready' ? 0 : 1;
  },
};

function textOf({ status, checks }: Readiness): string {
  const rows = Object.entries(checks).map(([name, health]) => [
    name,
    health.status,
    'reason' in health ? health.reason : '',
  ]);
  return [status, table(['check', 'status', 'reason'], rows)].join('\n');
}
