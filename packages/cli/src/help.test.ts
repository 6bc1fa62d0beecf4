// The pages of --help against the text files beside this one, and how a page derives from a command.

import { expect, test } from 'bun:test';
import type { Command } from './command.ts';
import { groups } from './commands.ts';
import { commandHelp, generalHelp, groupHelp } from './help.ts';
import { helpPages, pathOf, printed } from './testing/help-pages.ts';

for (const [page, args] of Object.entries(helpPages)) {
  test(`hongyan ${args.join(' ')} prints ${page}; write it anew with bun packages/cli/src/testing/help-pages.ts`, async () => {
    expect(await printed(args)).toBe(await Bun.file(pathOf(page)).text());
  });
}

for (const command of groups.flatMap(({ commands }) => commands)) {
  if (command.name === 'start') continue;
  test(`the page of ${command.name}`, () => {
    expect(commandHelp(command)).toMatchSnapshot();
  });
}

const bare: Command = { name: 'rest', usage: 'rest', summary: 'Do nothing', options: [], run: async () => 0 };

test('a command without options of any kind has none on its page', () => {
  expect(commandHelp(bare)).toBe('Usage: hongyan rest\n\nDo nothing');
});

test('a command shows its own flags first, then the server options that it takes', () => {
  const command: Command = {
    ...bare,
    usage: 'rest <hours>',
    details: 'Longer is better.',
    values: { where: { placeholder: 'place', description: 'Where to lie' } },
    switches: { deeply: 'With dreams' },
    options: ['data', 'drain-seconds', 'signup-enabled', 'log-level'],
  };
  expect(commandHelp(command).split('\n')).toEqual([
    'Usage: hongyan rest <hours> [options]',
    '',
    'Do nothing',
    '',
    'Longer is better.',
    '',
    'Options:',
    '  --where <place>',
    '      Where to lie',
    '  --deeply',
    '      With dreams',
    '',
    'Server options (also environment variables and file keys, see hongyan start --help):',
    '  --data <folder>',
    '      Folder for everything durable. Default: ./data.',
    '  --drain-seconds <s>',
    '      A stopping server spreads the reconnects of its clients over this time; requests in flight have as long to finish. Default: 5.',
    '  --signup-enabled',
    '      Anyone who reaches the server may create an account. Default: true; --no-signup-enabled switches it off',
    '  --log-level <level>',
    '      Lowest level that is logged. Default: info. One of: debug, info, warn, error.',
  ]);
});

test('examples stand behind the details', () => {
  const page = commandHelp({ ...bare, details: 'Longer is better.', examples: ['hongyan rest', 'hongyan rest -l'] });
  expect(page).toEndWith('Longer is better.\n\nExamples:\n  hongyan rest\n  hongyan rest -l');
});

test('the general page lines the names up below their headings, the page of a group the usages', () => {
  const commands = [bare, { ...bare, name: 'rest long', usage: 'rest long <hours>', summary: 'Do nothing for long' }];
  const page = generalHelp([{ title: 'Idle', commands }], ['hongyan rest']);
  expect(page).toContain('\n\nIdle:\n  rest       Do nothing\n  rest long  Do nothing for long\n');
  expect(page).toContain('\n\nExamples:\n  hongyan rest\n');
  const group = groupHelp({ title: 'Ways to rest', name: 'rest', commands });
  expect(group).toStartWith('Usage: hongyan rest <command> [options]\n\nWays to rest\n');
  expect(group).toContain('\n  rest               Do nothing\n  rest long <hours>  Do nothing for long\n');
});
