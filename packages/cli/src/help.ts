// The pages of --help, from the commands and the declared options.

import type { Option } from '@hongyan/server/config/option';
import { environmentName, fileKey, type OptionName, optionGroups, options } from '@hongyan/server/config/options';
import type { Command, CommandGroup } from './command.ts';

/** The commands fit on a screen; the options of the server are on the page of start. */
export function generalHelp(groups: readonly CommandGroup[], examples: readonly string[]): string {
  const width = widthOf(groups.flatMap(linesOf).map(({ name }) => name));
  return [
    'Hongyan: an instant-messaging server in one process.',
    '',
    'Usage: hongyan <command> [options]',
    ...groups.flatMap((group, index) => [
      ...(groups[index - 1]?.title === group.title ? [] : ['', `${group.title}:`]),
      ...linesOf(group).map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    ]),
    ...exampleLines(examples),
    '',
    'hongyan <command> --help shows the options of a command, hongyan start --help those of the server.',
    'Each option is a flag, an environment variable, and a key of the TOML file that --config names.',
  ].join('\n');
}

/** A group with a summary has a page of its own for its commands. */
const linesOf = ({
  name,
  summary,
  commands,
}: CommandGroup): readonly { readonly name: string; readonly summary: string }[] =>
  name !== undefined && summary !== undefined ? [{ name: `${name} …`, summary }] : commands;

/** The page of commands that begin with the same word. */
export function groupHelp({ title, name, commands }: CommandGroup): string {
  const width = widthOf(commands.map(({ usage }) => usage));
  return [
    `Usage: hongyan ${name} <command> [options]`,
    '',
    title,
    '',
    'Commands:',
    ...commands.map(({ usage, summary }) => `  ${usage.padEnd(width)}  ${summary}`),
    '',
    `hongyan ${name} <command> --help shows the arguments and options of a command.`,
  ].join('\n');
}

export function commandHelp(command: Command): string {
  const commandOptions = [
    ...Object.entries(command.values ?? {}).flatMap(([name, { placeholder, description }]) => [
      `  --${name} <${placeholder}>`,
      `      ${description}`,
    ]),
    ...Object.entries(command.switches ?? {}).flatMap(([name, description]) => [`  --${name}`, `      ${description}`]),
  ];
  const configured = configurationLines(command.options);
  return [
    `Usage: hongyan ${command.usage}${commandOptions.length + configured.length > 0 ? ' [options]' : ''}`,
    '',
    command.summary,
    ...(command.details === undefined ? [] : ['', command.details]),
    ...exampleLines(command.examples ?? []),
    ...(commandOptions.length > 0 ? ['', 'Options:', ...commandOptions] : []),
    ...configured,
  ].join('\n');
}

const exampleLines = (examples: readonly string[]): string[] =>
  examples.length === 0 ? [] : ['', 'Examples:', ...examples.map((example) => `  ${example}`)];

/** All options of the configuration under their headings, or the few that `names` lists without. */
function configurationLines(names?: readonly string[]): string[] {
  if (names === undefined) {
    return [
      '',
      sources,
      ...optionGroups.flatMap(({ title, options }) => ['', `${title}:`, ...options.flatMap(linesOfOption)]),
    ];
  }
  const taken = options.filter(({ name }) => (names as readonly string[]).includes(name));
  if (taken.length === 0) return [];
  return [
    '',
    'Server options (also environment variables and file keys, see hongyan start --help):',
    ...taken.flatMap(linesOfOption),
  ];
}

const example: OptionName = 'frame-bytes-max';
const sources = `Each option below is also an environment variable and a key of the file that --config names: --${example} is ${environmentName(example)} and ${fileKey(example)}.`;

const linesOfOption = (option: Option): string[] => [
  `  --${option.name}${placeholder(option)}`,
  `      ${option.description}. ${defaultOf(option)}`,
];

function placeholder(option: Option): string {
  if (option.type === 'switch') return '';
  return option.type === 'number' ? ` <${option.unit}>` : ` <${option.placeholder}>`;
}

function defaultOf(option: Option): string {
  if (option.type === 'switch') return `Default: ${option.default}; --no-${option.name} switches it off`;
  const choices = option.type === 'text' && option.oneOf ? ` One of: ${option.oneOf.join(', ')}.` : '';
  return `Default: ${option.default === '' ? '(empty)' : option.default}.${choices}`;
}

const widthOf = (texts: readonly string[]): number => Math.max(...texts.map((text) => text.length));
