// hongyan roll: the gateway processes of a running server are replaced one after another.

import type { Command } from './command.ts';
import { OperatorClient } from './operator-client.ts';
import { printLine } from './print-line.ts';

/** Each of up to 64 processes may take its drain time. */
const timeoutMs = 12 * 3_600_000;

export const roll: Command = {
  name: 'roll',
  usage: 'roll',
  summary: 'Replace the gateway processes of the running server one after another, while the others serve',
  details:
    'For a server with --gateways above 1. Each follower accepts before the process before it drains, so clients come back to\none that is ready; one that does not start changes nothing. It ends when all are replaced; drain-seconds says how long\neach may take. Exits with status 1 where there is nothing to replace, or a process does not start.',
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
