// The benchmark's command line: runs scenarios one after the other, prints a table, writes JSON.

import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import type { ClusterSize } from './cluster/nodes.ts';
import { coresToPin } from './cores.ts';
import { machine, markdown } from './report.ts';
import type { Figure, Scenario, ScenarioInput } from './scenario.ts';
import { append } from './scenarios/append.ts';
import { backlog } from './scenarios/backlog.ts';
import { backup } from './scenarios/backup.ts';
import { direct } from './scenarios/direct.ts';
import { fanout } from './scenarios/fanout.ts';
import { history } from './scenarios/history.ts';
import { hotGroup } from './scenarios/hot-group.ts';
import { http } from './scenarios/http.ts';
import { idle } from './scenarios/idle.ts';
import { limits } from './scenarios/limits.ts';
import { storm } from './scenarios/storm.ts';

const scenarios: readonly Scenario[] = [
  direct,
  hotGroup,
  fanout,
  storm,
  idle,
  backlog,
  history,
  http,
  append,
  limits,
  backup,
];
/** The run gives up on a scenario after so long. */
const scenarioTimeoutS = { quick: 120, full: 1_200 };
const durationS = { quick: 4, full: 15 };

function help(): string {
  const list = scenarios.map(({ name, summary, shapes }) => {
    const parts = shapes.length > 1 ? `\n             ${shapes.join(' ')}` : '';
    return `  ${name.padEnd(11)}${summary}${parts}`;
  });
  return `Usage: bun bench/run.ts [scenario…] [--only shape]… [--pin] [--duration s] [--warm-up s] [--quick]
           [--json file]
       bun bench/run.ts [direct] [hot-group] [fanout] [http] --profile cluster [--gateways n] [--core-processes n] …

Measures the real server, started as a process of its own, from generator processes beside it.

Scenarios (all of them when none is named) and their shapes:
${list.join('\n')}

  --only shape      only this shape; may be repeated
  --pin             the server with all its threads on one core, the generators on another
  --duration s      how long each load is measured (default: ${durationS.full}, ${durationS.quick} with --quick)
  --warm-up s       how long each load runs before it is measured (default: 2 or 3): the compiler is at work for the first minute
                    of a load, and takes a part of a core
  --quick           small numbers: the whole run in under three minutes
  --connections n   how many connections idle and storm open
  --profile name    embedded, or cluster: on the servers of tools/services, which run already; the generator's connections are
                    spread over the gateways, so that who sends and who receives are on different ones (default: embedded)
  --core-processes n  of a cluster (default: 1)
  --gateways n      gateway processes of the server (default: 1; 2 in a cluster;
                    idle takes as many as its connections need)
  --rows n          rows that append and history store (default: 10,000,000)
  --json file       where the figures are written (default: bench/results/<time>.json)
  --help            this text
`;
}

const options = {
  only: { type: 'string', multiple: true },
  pin: { type: 'boolean', default: false },
  duration: { type: 'string' },
  'warm-up': { type: 'string' },
  quick: { type: 'boolean', default: false },
  connections: { type: 'string' },
  gateways: { type: 'string' },
  profile: { type: 'string', default: 'embedded' },
  'core-processes': { type: 'string' },
  rows: { type: 'string' },
  json: { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

async function main(argv: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({ args: [...argv], allowPositionals: true, options });
  if (values.help) {
    console.log(help());
    return 0;
  }
  const { only = [], quick: isQuick } = values;
  const cluster = clusterOf(values);
  if (cluster && values.pin) throw new Error('--pin is for the embedded profile: a cluster is many processes');
  const chosen = choose(positionals, only, cluster !== undefined);
  const input: ScenarioInput = {
    isQuick,
    durationS: count('duration', values.duration) ?? (isQuick ? durationS.quick : durationS.full),
    warmUpS: count('warm-up', values['warm-up']),
    connections: count('connections', values.connections),
    gateways: count('gateways', values.gateways),
    cluster,
    rows: count('rows', values.rows),
    cores: values.pin ? coresToPin() : undefined,
    isWanted: (shapeId) => only.length === 0 || only.includes(shapeId),
    progress: (line) => console.error(line),
  };
  const startedAt = new Date().toISOString();
  const { figures, failures } = await runAll(chosen, input);
  const report = { startedAt, isQuick, cores: input.cores, cluster, machine: machine(), figures };
  const json = values.json ?? join(import.meta.dir, 'results', `${startedAt.replaceAll(':', '-')}.json`);
  await mkdir(dirname(json), { recursive: true });
  await Bun.write(json, `${JSON.stringify(report, undefined, 2)}\n`);
  console.log(markdown(report));
  console.error(`written to ${json}`);
  for (const failure of failures) console.error(`failed: ${failure}`);
  return failures.length === 0 ? 0 : 1;
}

/** The named scenarios that have one of the shapes, or all when none is named. */
function choose(scenarioNames: readonly string[], shapeIds: readonly string[], isCluster: boolean): Scenario[] {
  const unfit = scenarios.find((each) => isCluster && !each.isForClusters && scenarioNames.includes(each.name));
  if (unfit)
    throw new Error(`${unfit.name} has no --profile cluster; the scenarios that have: direct hot-group fanout http`);
  const unknown = scenarioNames.find((name) => !scenarios.some((scenario) => scenario.name === name));
  if (unknown !== undefined) throw new Error(`there is no scenario ${unknown}; --help lists them`);
  const named = scenarios.filter(
    (each) => (scenarioNames.length === 0 || scenarioNames.includes(each.name)) && (!isCluster || each.isForClusters),
  );
  const missing = shapeIds.find((id) => !named.some(({ shapes }) => shapes.includes(id)));
  if (missing !== undefined) throw new Error(`there is no shape ${missing} in these scenarios; --help lists them`);
  return named.filter(({ shapes }) => shapeIds.length === 0 || shapes.some((id) => shapeIds.includes(id)));
}

function clusterOf(values: {
  readonly profile: string;
  readonly gateways?: string | undefined;
  readonly 'core-processes'?: string | undefined;
}): ClusterSize | undefined {
  if (values.profile === 'embedded') return undefined;
  if (values.profile !== 'cluster') throw new Error(`--profile is embedded or cluster, not "${values.profile}"`);
  const [gateways, cores] = [count('gateways', values.gateways), count('core-processes', values['core-processes'])];
  return { gateways: gateways ?? 2, cores: cores ?? 1 };
}

/** A scenario that fails does not end the others. */
async function runAll(chosen: readonly Scenario[], input: ScenarioInput) {
  const figures: Figure[] = [];
  const failures: string[] = [];
  const limitS = input.isQuick ? scenarioTimeoutS.quick : scenarioTimeoutS.full;
  for (const scenario of chosen) {
    try {
      figures.push(...(await within(limitS, scenario.run(input))));
    } catch (error) {
      const failure = `${scenario.name}: ${error instanceof Error ? error.message : error}`;
      failures.push(failure);
      console.error(failure);
    }
  }
  return { figures, failures };
}

function count(name: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (!(Number(value) >= 1)) throw new Error(`--${name} takes a number from 1, not "${value}"`);
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
