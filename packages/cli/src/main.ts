#!/usr/bin/env bun
// The command line: finds the command, loads the configuration, runs it.

import { readFileSync } from 'node:fs';
import { gatewayProcessWord } from '@hongyan/server/compose/gateway-messages';
import { runGatewayProcess } from '@hongyan/server/compose/gateway-process';
import { loadConfig } from '@hongyan/server/config/load';
import { distance } from 'fastest-levenshtein';
import { bench } from './bench.ts';
import { chat } from './chat.ts';
import { checkConfig } from './check-config.ts';
import { type Command, UsageError } from './command.ts';
import { commandHelp, generalHelp } from './help.ts';
import { inspect } from './inspect.ts';
import { start } from './start.ts';
import { token } from './token.ts';
import { userAdd } from './user-add.ts';
import { versionCommand } from './version.ts';

const commands: readonly Command[] = [start, chat, userAdd, token, inspect, checkConfig, bench, versionCommand];

/** 0 done, 1 failed, 2 asked for something that cannot be. */
async function main(argv: readonly string[], env: Readonly<Record<string, string | undefined>>): Promise<number> {
  const [first = '--help'] = argv;
  if (isHelp(first) || first === 'help') return help(argv.slice(1));
  const command = commandNamed(argv);
  if (!command) return argv.some(isHelp) ? help(argv) : noCommand(argv);
  const own = argv.slice(command.name.split(' ').length);
  if (own.slice(0, own.includes('--') ? own.indexOf('--') : own.length).some(isHelp)) return help(argv);
  const loaded = loadConfig({
    argv: own,
    env,
    readFile: (path) => readFileSync(path, 'utf8'),
    switches: Object.keys(command.switches ?? {}),
    values: Object.keys(command.values ?? {}),
    takes: command.options,
  });
  if (loaded.type === 'error') return fail(loaded.message);
  for (const warning of loaded.warnings) console.error(`hongyan: warning: ${warning}`);
  try {
    return await command.run({ ...loaded, env });
  } catch (error) {
    if (error instanceof UsageError) return fail(error.message);
    console.error(`hongyan ${command.name}: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  }
}

const isHelp = (word: string): boolean => word === '--help' || word === '-h';

const commandNamed = (argv: readonly string[]): Command | undefined =>
  commands.find(({ name }) => name.split(' ').every((word, index) => argv[index] === word));

/** The names of two words that start with this one. */
const groupOf = (first: string): string[] =>
  commands.map(({ name }) => name).filter((name) => name.startsWith(`${first} `));

/** Of the command that `words` start with, else of all. */
function help(words: readonly string[]): number {
  const command = commandNamed(words);
  const [first = '', second = ''] = words;
  const isOfAll = first === '' || isHelp(first) || (isHelp(second) && groupOf(first).length > 0);
  if (!command && !isOfAll) return noCommand(words);
  console.log(command ? commandHelp(command) : generalHelp(commands));
  return 0;
}

function noCommand(words: readonly string[]): number {
  const [first = '', second = ''] = words;
  const group = groupOf(first);
  if (group.length > 0 && (second === '' || second.startsWith('-'))) {
    return fail(`${first} needs a second word: ${group.join(', ')}; see hongyan --help`);
  }
  const known = group.length > 0 ? `${first} ${second}` : first;
  return fail(`unknown command ${known}; did you mean ${nearest(words)}? See hongyan --help`);
}

/** A name of two words is compared with two words, so that "user ad" is near "user add" and "satrt now" near "start". */
function nearest(words: readonly string[]): string {
  const distanceOf = ({ name }: Command): number => distance(words.slice(0, name.split(' ').length).join(' '), name);
  return commands.reduce((best, command) => (distanceOf(command) < distanceOf(best) ? command : best)).name;
}

function fail(message: string): number {
  console.error(`hongyan: ${message}`);
  return 2;
}

if (import.meta.main) {
  const argv = process.argv.slice(2);
  process.exit(argv[0] === gatewayProcessWord ? await runGatewayProcess() : await main(argv, process.env));
}
