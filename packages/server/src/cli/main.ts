#!/usr/bin/env bun
// The command line: finds the command, loads the configuration, runs it.

import { readFileSync } from 'node:fs';
import { closest } from 'fastest-levenshtein';
import { loadConfig } from '../config/load.ts';
import { checkConfig } from './check-config.ts';
import { type Command, UsageError } from './command.ts';
import { commandHelp, generalHelp } from './help.ts';
import { start } from './start.ts';
import { token } from './token.ts';
import { versionCommand } from './version.ts';

const commands: readonly Command[] = [start, token, checkConfig, versionCommand];

/** 0 done, 1 failed, 2 asked for something that cannot be. */
export async function main(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  const command = commands.find(({ name }) => name.split(' ').every((word, index) => argv[index] === word));
  if (!command) return noCommand(argv);
  const own = argv.slice(command.name.split(' ').length);
  if (own.includes('--help') || own.includes('-h')) {
    console.log(commandHelp(command));
    return 0;
  }
  const loaded = loadConfig({
    argv: own,
    env,
    readFile: (path) => readFileSync(path, 'utf8'),
    switches: Object.keys(command.switches ?? {}),
  });
  if (loaded.type === 'error') return fail(loaded.message);
  const { config, sources, rest } = loaded;
  const switches = new Set(rest.filter((word) => word.startsWith('--')).map((word) => word.slice(2)));
  const words = rest.filter((word) => !word.startsWith('--'));
  try {
    return await command.run({ config, sources, words, switches });
  } catch (error) {
    if (error instanceof UsageError) return fail(error.message);
    console.error(`hongyan ${command.name}: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  }
}

function noCommand([word]: readonly string[]): number {
  if (word === undefined || word === '--help' || word === '-h' || word === 'help') {
    console.log(generalHelp(commands));
    return 0;
  }
  return fail(
    `unknown command ${word}; did you mean ${closest(
      word,
      commands.map(({ name }) => name),
    )}? See hongyan --help`,
  );
}

function fail(message: string): number {
  console.error(`hongyan: ${message}`);
  return 2;
}

if (import.meta.main) process.exit(await main(process.argv.slice(2), process.env));
