// hongyan profile show: the functions of a stored profile as a table, or the classes of its heap.

import { functionTable } from '@hongyan/profile/functions';
import { decodePprof } from '@hongyan/profile/pprof';
import { type Frame, mainValue, type Profile, type ValueType } from '@hongyan/profile/profile';
import { printable } from '@hongyan/terminal/printable';
import { type Command, UsageError } from './command.ts';
import { OperatorClient } from './operator-client.ts';
import { printLine } from './print-line.ts';
import { table } from './text.ts';
import { wholeNumber } from './whole-number.ts';

const limitDefault = 20;
const limitMax = 10_000;

export const profileShow: Command = {
  name: 'profile show',
  usage: 'profile show <id>',
  summary: 'Show the hottest functions of a stored profile, or the classes in its heap',
  details:
    'self is the time in the function itself, total includes the functions that it called. The console draws the flame graph.\n--out writes the profile for other tools: go tool pprof -http=: FILE, or speedscope.',
  examples: ['hongyan profile show 20261126T010203.004Z-core', 'hongyan profile show 20261126T010203.004Z-core --heap'],
  values: {
    limit: { placeholder: 'n', description: `Number of lines. Default: ${limitDefault}` },
    out: { placeholder: 'file', description: "Write the profile to this file in pprof's format, and print nothing" },
  },
  switches: { heap: 'Show the heap by class instead of the CPU time by function' },
  options: ['data'],
  async run({ config, words, switches, values }) {
    const [id] = words;
    if (id === undefined || words.length > 1)
      throw new UsageError('give one id, as hongyan profile list prints it: hongyan profile show <id>');
    const limit = wholeNumber(values, 'limit', { standard: limitDefault, min: 1, max: limitMax });
    const server = await OperatorClient.connect(config.data);
    const shown = { id, limit, ...kindsOf(switches) };
    const out = values.get('out');
    if (out === undefined) printLine(await functionLines(server, shown));
    else await Bun.write(out, await fileOf(server, shown));
    return 0;
  },
};

export interface Shown {
  readonly id: string;
  readonly limit?: number;
  readonly file: string;
}

export const kindsOf = (switches: ReadonlySet<string>): Pick<Shown, 'file'> => ({
  file: switches.has('heap') ? 'heap.pb.gz' : 'cpu.pb.gz',
});

export async function functionLines(server: OperatorClient, shown: Shown): Promise<string> {
  const profile = await decodePprof(await fileOf(server, shown));
  return profileText(profile, shown.limit ?? limitDefault);
}

function profileText(profile: Profile, limit: number): string {
  const value = mainValue(profile);
  const unit = profile.valueTypes[value]?.unit ?? 'count';
  const { functions, sum } = functionTable(profile, value);
  const share = (amount: number) => `${(sum === 0 ? 0 : (amount / sum) * 100).toFixed(1)} %`;
  const rows = functions
    .slice(0, limit)
    .map(({ frame, self, total }) => [
      share(self),
      amountText(self, unit),
      share(total),
      printable(frame.name),
      printable(placeOf(frame)),
    ]);
  const rest = functions.length > limit ? [`  and ${functions.length - limit} more: --limit ${functions.length}`] : [];
  const head = ['self', unit === 'bytes' ? 'size' : 'time', 'total', 'function', 'place'];
  const comments = profile.comments.map((comment) => `  ${printable(comment)}`);
  return [`${amountText(sum, unit)} in all`, '', table(head, rows), ...rest, '', ...comments].join('\n');
}

async function fileOf(server: OperatorClient, { id, file }: Shown): Promise<Uint8Array<ArrayBuffer>> {
  const response = await server.fetch('GET', `/admin/v1/profiles/${encodeURIComponent(id)}/${file}`);
  if (!response.ok) throw new Error(`there is no profile ${printable(id)} with a ${file}; see hongyan profile list`);
  return new Uint8Array(await response.arrayBuffer());
}

const placeOf = ({ file, line }: Frame): string => (line > 0 ? `${file}:${line}` : file);

function amountText(amount: number, unit: ValueType['unit']): string {
  switch (unit) {
    case 'nanoseconds':
      return `${(amount / 1e6).toFixed(0)} ms`;
    case 'bytes':
      return `${(amount / 1024).toFixed(0)} KiB`;
    case 'count':
      return String(amount);
  }
}
