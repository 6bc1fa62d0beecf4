// --help, made from the commands and the declared options.

import { environmentName, fileKey, type Option, options } from '@hongyan/server/config/options';
import type { Command } from './command.ts';

export function generalHelp(commands: readonly Command[]): string {
  const width = Math.max(...commands.map((command) => command.usage.length));
  const lines = commands.map((command) => `  ${command.usage.padEnd(width)}  ${command.summary}`);
  return [
    'Hongyan: an instant-messaging server in one process.',
    '',
    'Usage: hongyan <command> [options]',
    '',
    'Commands:',
    ...lines,
    '',
    'Every option is a flag, an environment variable and a key of the file given by --config (TOML):',
    ...optionLines(),
  ].join('\n');
}

export function commandHelp(command: Command): string {
  const own = [
    ...Object.entries(command.values ?? {}).flatMap(([name, { placeholder, description }]) => [
      `  --${name} <${placeholder}>`,
      `      ${description}`,
    ]),
    ...Object.entries(command.switches ?? {}).flatMap(([name, description]) => [`  --${name}`, `      ${description}`]),
  ];
  const shown = optionLines(command.options);
  return [
    `Usage: hongyan ${command.usage}${own.length + shown.length > 0 ? ' [options]' : ''}`,
    '',
    command.summary,
    ...(command.details === undefined ? [] : ['', command.details]),
    ...(own.length > 0 ? ['', 'Of this command:', ...own] : []),
    ...(shown.length > 0 ? ['', 'Options (flag, environment variable, file key):', ...shown] : []),
  ].join('\n');
}

function optionLines(names?: readonly string[]): string[] {
  return options
    .filter((option) => names === undefined || names.includes(option.name))
    .flatMap((option) => [
      `  --${option.name}${placeholder(option)}   ${environmentName(option.name)}   ${fileKey(option.name)}`,
      `      ${option.description}. ${defaultOf(option)}`,
    ]);
}

function placeholder(option: Option): string {
  if (option.type === 'switch') return '';
  return option.type === 'number' ? ` <${option.unit}>` : ` <${option.placeholder}>`;
}

function defaultOf(option: Option): string {
  if (option.type === 'switch') return `Default: ${option.default}; --no-${option.name} switches it off`;
  const choices = option.type === 'text' && option.oneOf ? ` One of: ${option.oneOf.join(', ')}.` : '';
  return `Default: ${option.default === '' ? '(empty)' : option.default}.${choices}`;
}
