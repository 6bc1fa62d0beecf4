// The benchmark's command line: runs scenarios one after the other, prints a table, writes JSON.

import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { machine, markdown } from './report.ts';
import type { Figure, Scenario } from './scenario.ts';
import { backlog } from './scenarios/backlog.ts';
import { direct } from './scenarios/direct.ts';
import { fanout } from './scenarios/fanout.ts';
import { history } from './scenarios/history.ts';
import { idle } from './scenarios/idle.ts';
import { storm } from './scenarios/storm.ts';

const scenarios: readonly Scenario[] = [direct, fanout, storm, idle, backlog, history];
/** One scenario may take so long before the run gives up on it. */
const scenarioTimeoutS = { quick: 120, full: 1_200 };

function help(): string {
  const list = scenarios.map(({ name, summary }) => `  ${name.padEnd(9)}${summary}`).join('\n');
  return `Usage: bun bench/run.ts [scenario…] [--quick] [--connections n] [--json file]

Measures the real server, started as a process of its own, from generator processes beside it.

Scenarios (all of them when none is named):
${list}

  --quick           small numbers: the whole run in under three minutes
  --connections n   how many connections idle and storm open
  --gateways n      gateway processes of the server (default: 1; idle takes as many as its connections need)
  --json file       where the figures are written (default: bench/results/<time>.json)
  --help            this text
`;
}

async function main(argv: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      connections: { type: 'string' },
      gateways: { type: 'string' },
      json: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    console.log(help());
    return 0;
  }
  const unknown = positionals.find((name) => !scenarios.some((scenario) => scenario.name === name));
  if (unknown !== undefined) throw new Error(`there is no scenario ${unknown}; see --help`);
  const connections = count('connections', values.connections);
  const gateways = count('gateways', values.gateways);
  const startedAt = new Date().toISOString();
  const chosen = scenarios.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  const figures: Figure[] = [];
  const failures: string[] = [];
  for (const scenario of chosen) {
    const input = { isQuick: values.quick, connections, gateways, say: (line: string) => console.error(line) };
    try {
      const limitS = values.quick ? scenarioTimeoutS.quick : scenarioTimeoutS.full;
      figures.push(...(await within(limitS, scenario.run(input))));
    } catch (error) {
      failures.push(`${scenario.name}: ${error instanceof Error ? error.message : error}`);
      console.error(failures.at(-1));
    }
  }
  const report = { startedAt, isQuick: values.quick, machine: machine(), figures };
  const json = values.json ?? join(import.meta.dir, 'results', `${startedAt.replaceAll(':', '-')}.json`);
  await mkdir(dirname(json), { recursive: true });
  await Bun.write(json, `${JSON.stringify(report, undefined, 2)}\n`);
  console.log(markdown(report));
  console.error(`written to ${json}`);
  for (const failure of failures) console.error(`failed: ${failure}`);
  return failures.length === 0 ? 0 : 1;
}

function count(name: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (!(Number(value) >= 1)) throw new Error(`--${name} takes a number from 1`);
  return Number(value);
}

async function within<T>(limitS: number, work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not done within ${limitS} s`)), limitS * 1000);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

if (import.meta.main) {
  try {
    process.exit(await main(process.argv.slice(2)));
  } catch (error) {
    console.error(`bench: ${error instanceof Error ? error.message : error}`);
    process.exit(2);
  }
}
