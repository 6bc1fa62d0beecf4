// hongyan roll: the gateway processes of a running server are replaced one after another.

import type { Command } from './command.ts';
import { OperatorClient } from './operator-client.ts';
import { printLine } from './print-line.ts';

/** Each of up to 64 processes may take its drain time. */
const timeoutMs = 12 * 3_600_000;

export const roll: Command = {
  name: 'roll',
  usage: 'roll',
  summary: 'Replace the gateway processes of the running server one by one, without downtime',
  details:
    'For a server with --gateways above 1. Each new process accepts connections before the old one drains, so clients reconnect to\na process that is ready. Each replacement takes up to drain-seconds. A new process that does not start stops the roll and changes\nnothing. Exits with status 1 if there is nothing to replace, or if a process does not start.',
  switches: { json: 'Print one JSON object for programs' },
  options: ['data'],
  async run({ config, switches }) {
    const operator = await OperatorClient.connect(config.data);
    if (operator.isOfCluster)
      throw new Error(
        `the server on ${config.data} is part of a cluster: start another gateway there, then stop this one`,
      );
    const signal = AbortSignal.timeout(timeoutMs);
    const answer = await operator.request('POST', '/admin/v1/gateways/roll', undefined, signal);
    const { replaced } = answer as { readonly replaced: readonly string[] };
    printLine(switches.has('json') ? JSON.stringify(answer) : `replaced: ${replaced.join(', ')}`);
    return 0;
  },
};
