// hongyan notice …: publishes notices to all connected users through the operator listener.

import { type Notice, noticeSeverities } from '@hongyan/protocol/notice';
import { printable } from '@hongyan/terminal/printable';
import { type Command, UsageError } from './command.ts';
import { OperatorClient } from './operator-client.ts';
import { printLine } from './print-line.ts';
import { table, timeOf } from './text.ts';
import { wholeNumber } from './whole-number.ts';

const secondsMax = 365 * 86_400;
const path = '/admin/v1/notices';

const publish: Command = {
  name: 'notice',
  usage: 'notice <text>',
  summary: 'Show a notice to all connected users, and to those who connect while it is in force',
  details: 'Each device shows it once. A second notice with the same --id replaces the first.',
  examples: ['hongyan notice "Maintenance tonight from 22:00 to 22:15 UTC" --severity warning --for 14400'],
  values: {
    severity: { placeholder: 'level', description: `${noticeSeverities.join(', ')}. Default: info` },
    for: { placeholder: 's', description: 'Time in force. Default: 3600' },
    id: { placeholder: 'id', description: 'Id of the notice; a notice with this id is replaced. Default: a new id' },
  },
  options: ['data'],
  async run({ config, words, values }) {
    const [text] = words;
    if (text === undefined || text.trim() === '' || words.length > 1)
      throw new UsageError('give the text in quotes: hongyan notice "…"');
    // A mistyped "list" or "withdraw" must not be published to all users.
    if (/^[a-z-]+$/.test(text))
      throw new UsageError(
        `unknown command notice ${text}; see hongyan notice --help. (A one-word text must begin with a capital letter)`,
      );
    const forS = wholeNumber(values, 'for', { standard: undefined, min: 1, max: secondsMax });
    const severity = values.get('severity');
    if (severity !== undefined && !noticeSeverities.some((one) => one === severity))
      throw new UsageError(`--severity must be one of ${noticeSeverities.join(', ')}, not "${severity}"`);
    const id = values.get('id');
    const operator = await OperatorClient.connect(config.data);
    const notice = (await operator.request('POST', path, {
      text,
      ...(id === undefined ? {} : { notice_id: id }),
      ...(severity === undefined ? {} : { severity }),
      ...(forS === undefined ? {} : { for_s: forS }),
    })) as Notice;
    printLine(`published as ${notice.notice_id}, in force until ${timeOf(notice.until)}`);
    return 0;
  },
};

const list: Command = {
  name: 'notice list',
  usage: 'notice list',
  summary: 'List the notices in force',
  switches: { json: 'Print one JSON object for programs' },
  options: ['data'],
  async run({ config, switches }) {
    const operator = await OperatorClient.connect(config.data);
    const answer = (await operator.request('GET', path)) as { readonly notices: readonly Notice[] };
    if (switches.has('json')) printLine(JSON.stringify(answer));
    else if (answer.notices.length === 0) printLine('no notice is in force');
    else
      printLine(
        table(
          ['id', 'severity', 'until', 'text'],
          answer.notices.map(({ notice_id: id, severity, until, text }) => [
            printable(id),
            severity,
            timeOf(until),
            printable(text),
          ]),
        ),
      );
    return 0;
  },
};

const withdraw: Command = {
  name: 'notice withdraw',
  usage: 'notice withdraw <id>',
  summary: 'Withdraw a notice: devices stop showing it',
  options: ['data'],
  async run({ config, words }) {
    const [id] = words;
    if (id === undefined || words.length > 1) throw new UsageError('give one id: hongyan notice withdraw <id>');
    const operator = await OperatorClient.connect(config.data);
    await operator.request('DELETE', `${path}/${encodeURIComponent(id)}`);
    printLine(`withdrawn: ${printable(id)}`);
    return 0;
  },
};

/** Commands of two words come first, because they begin with the word of the other. */
export const noticeCommands: readonly Command[] = [list, withdraw, publish];
