#!/usr/bin/env bun
// The command line: finds the command, loads the configuration, runs it.

import { readFileSync } from 'node:fs';
import { runGatewayProcess } from '@hongyan/server/compose/gateway-processes/child';
import { gatewayProcessWord } from '@hongyan/server/compose/gateway-processes/messages';
import { loadConfig } from '@hongyan/server/config/load';
import { UsageError } from './command.ts';
import { commandNamed, examples, groupNamed, groups, nearestName } from './commands.ts';
import { commandHelp, generalHelp, groupHelp } from './help.ts';
import { ReaderLeft } from './print-line.ts';

/** Exit codes: 0 done, 1 failed, 2 invalid arguments. */
async function main(argv: readonly string[], env: Readonly<Record<string, string | undefined>>): Promise<number> {
  const [first = '--help'] = argv;
  if (isHelp(first) || first === 'help') return help(argv.slice(1));
  if (first === '--version' || first === '-v') return main(['version', ...argv.slice(1)], env);
  const command = commandNamed(argv);
  if (!command) return argv.some(isHelp) ? help(argv) : noCommand(argv);
  const own = argv.slice(command.name.split(' ').length);
  if (own.slice(0, own.includes('--') ? own.indexOf('--') : own.length).some(isHelp)) return help(argv);
  const input = {
    argv: own,
    env,
    readFile: (path: string) => readFileSync(path, 'utf8'),
    switches: Object.keys(command.switches ?? {}),
    values: Object.keys(command.values ?? {}),
    takes: command.options,
  };
  const loaded = loadConfig(input);
  if (loaded.type === 'error') return fail(loaded.message);
  const [extra] = loaded.words;
  if (extra !== undefined && command.usage === command.name)
    return fail(`${command.name} takes no argument, and was given ${extra}; see hongyan ${command.name} --help`);
  for (const warning of loaded.warnings) console.error(`hongyan: warning: ${warning}`);
  try {
    return await command.run({ ...loaded, env, readConfig: () => loadConfig(input) });
  } catch (error) {
    if (error instanceof UsageError) return fail(error.message);
    if (error instanceof ReaderLeft) return 0;
    console.error(`hongyan ${command.name}: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  }
}

const isHelp = (word: string): boolean => word === '--help' || word === '-h';

/** The page of the command or group that `words` begin with, else the general one. */
function help(words: readonly string[]): number {
  const command = commandNamed(words);
  const [first = '', second = ''] = words;
  const group = groupNamed(first);
  const isOfGroup = group !== undefined && (second === '' || isHelp(second));
  if (!command && !isOfGroup && first !== '' && !isHelp(first)) return noCommand(words);
  if (command) console.log(commandHelp(command));
  else console.log(isOfGroup ? groupHelp(group) : generalHelp(groups, examples));
  return 0;
}

function noCommand(words: readonly string[]): number {
  const [first = '', second = ''] = words;
  const group = groupNamed(first);
  if (group && (second === '' || second.startsWith('-'))) {
    const names = group.commands.map(({ name }) => name).join(', ');
    return fail(`${first} needs a second word: ${names}; see hongyan ${first} --help`);
  }
  const given = group ? `${first} ${second}` : first;
  const name = nearestName(words);
  return fail(`unknown command ${given}${name === undefined ? '; see' : `; did you mean ${name}? See`} hongyan --help`);
}

function fail(message: string): number {
  console.error(`hongyan: ${message}`);
  return 2;
}

if (import.meta.main) {
  const argv = process.argv.slice(2);
  process.exit(argv[0] === gatewayProcessWord ? await runGatewayProcess() : await main(argv, process.env));
}
