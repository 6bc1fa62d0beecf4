// hongyan reload: the running server reads its configuration again, from the same flags, environment and file.

import type { Command } from './command.ts';
import { OperatorClient } from './operator-client.ts';
import { printLine } from './print-line.ts';

interface Report {
  readonly changed: readonly string[];
  readonly needs_restart: readonly string[];
}

export const reload: Command = {
  name: 'reload',
  usage: 'reload',
  summary: 'Reload the configuration of the running server, and list what needs a restart',
  details:
    'Only the file of --config is read again: flags and environment stay as they were at the start.\nThe log level, sign-up, tiers, and limits of logins, groups, edits, reactions and pins change at once, in all processes;\nof a cluster the certificates of links (link-tls-*) are read again too. A file with a mistake changes nothing.\nThe certificate for clients (tls-cert) is not read again: hongyan roll, or a restart, shows a renewed one.',
  switches: { json: 'Print one JSON object for programs' },
  options: ['data'],
  async run({ config, switches }) {
    const operator = await OperatorClient.connect(config.data);
    const report = (await operator.request('POST', '/admin/v1/config/reload')) as Report;
    if (switches.has('json')) printLine(JSON.stringify(report));
    else {
      printLine(report.changed.length === 0 ? 'nothing changed' : `in force now: ${report.changed.join(', ')}`);
      if (report.needs_restart.length > 0) printLine(`needs a restart: ${report.needs_restart.join(', ')}`);
    }
    return 0;
  },
};
