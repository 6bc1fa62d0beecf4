// hongyan migrate: moves the store of a data folder into a cluster, while its server serves.

import { type Clock, systemClock } from '@hongyan/base/clock';
import { createLog, type LogLevel } from '@hongyan/base/log';
import { readRunning } from '@hongyan/server/compose/commands/running-file';
import type { MoveCheck } from '@hongyan/server/compose/move/move';
import type { MoveProgress, MoveReport } from '@hongyan/server/compose/move/progress';
import type { Command } from './command.ts';
import { NoAnswer, OperatorClient } from './operator-client.ts';
import { stopSignal } from './stop-signal.ts';

const progressEveryMs = 1_000;
const answerTimeoutMs = 30_000;

export const migrate: Command = {
  name: 'migrate',
  usage: 'migrate',
  summary: 'Move a data folder into a cluster while its server runs',
  details:
    'It copies everything into the databases of the cluster that --cluster-name, --mysql-url, --kafka-brokers and --redis-urls\nname, follows what changes meanwhile, and reads it back. When little is left, the server is asked to leave; the rest is\ncopied and checked, and processes of the cluster that were started before begin to serve. The cluster has to be empty, or\nhold the same move, unfinished: interrupted at any point, the same command goes on. Nothing in the folder is changed but for\nmoved.json at the end, after which no server of the embedded profile starts on it. docs/operating/migrate.md says what to\nprepare, and what is not moved.',
  examples: [
    'HONGYAN_MYSQL_URL=$(cat mysql-url) hongyan migrate --data /var/lib/hongyan --kafka-brokers kafka:9092 --redis-urls redis://redis:6379',
  ],
  switches: {
    check: 'Say what would be moved and whether the servers of the cluster can be used; move nothing',
    json: 'Print one JSON object for programs',
  },
  options: [
    'data',
    'cluster-name',
    'mysql-url',
    'mysql-pool-max',
    'mysql-pool-idle-min',
    'mysql-connect-timeout-ms',
    'kafka-brokers',
    'kafka-partitions',
    'redis-urls',
    'log-level',
  ],
  async run({ config, switches }) {
    const log = createLog({ level: config.logLevel as LogLevel });
    const surroundings = { config, clock: systemClock, log };
    // The clients of MySQL, Kafka and Redis take longer to load than all the rest.
    const { checkMove, moveIntoCluster, SwitchFailed } = await import('@hongyan/server/compose/move/move');
    if (switches.has('check')) {
      const found = await checkMove(surroundings);
      if (switches.has('json')) console.log(JSON.stringify(found));
      else console.log(toBeMoved(found));
      return 0;
    }
    const signal = stopSignal();
    let [hasBegun, wasAsked] = [false, false];
    const lines = progressLines(systemClock);
    try {
      const report = await moveIntoCluster({
        ...surroundings,
        signal,
        onProgress: (progress) => {
          hasBegun = true;
          lines(progress);
        },
        askToLeave: async () => {
          wasAsked = await askToLeave(config.data, signal);
        },
      });
      if (report === 'moved before')
        console.log(`The store of ${config.data} is in the cluster ${config.clusterName} already.`);
      else console.log(switches.has('json') ? JSON.stringify(report) : sentences(report, config));
      return 0;
    } catch (error) {
      const isSwitch = error instanceof SwitchFailed;
      const hasLeft = wasAsked || isSwitch || error instanceof NoAnswer;
      // If nothing has started, the error alone says what to do.
      if (hasBegun || hasLeft)
        console.error(`hongyan migrate: ${whatNext(config.data, { hasLeft, isMoved: isSwitch && error.isMoved })}`);
      throw error;
    }
  },
};

/** Whether a server was stopped. Rejects with NoAnswer if it still runs. */
async function askToLeave(data: string, signal: AbortSignal): Promise<boolean> {
  const running = await readRunning(data);
  if (running === undefined) return false;
  if (running.operatorUrl === undefined) {
    console.error(
      'hongyan migrate: stop the server now: it has no operator listener, and the rest can be copied only after it has stopped',
    );
    return false;
  }
  const operator = await OperatorClient.connect(data);
  console.error('hongyan migrate: almost everything is copied: stopping the server');
  try {
    const ending = AbortSignal.any([signal, AbortSignal.timeout(answerTimeoutMs)]);
    await operator.request('POST', '/admin/v1/hand-over', undefined, ending);
  } catch (error) {
    if ((await readRunning(data)) !== undefined) throw error;
  }
  return true;
}

function whatNext(
  data: string,
  { hasLeft, isMoved }: { readonly hasLeft: boolean; readonly isMoved: boolean },
): string {
  if (isMoved) return 'everything is copied and verified; run the same command again to open the cluster';
  if (!hasLeft)
    return 'the server continues as before and the copied data stays in the cluster: run the same command again to resume';
  return `the server has stopped, or is stopping, and nothing is lost: start it again (hongyan start --data ${data}), then run the same command again`;
}

function sentences(
  { conversations, entries, rows, tasks, deadLetters, switchMs, leavingMs }: MoveReport,
  { data, clusterName }: { readonly data: string; readonly clusterName: string },
): string {
  return [
    `The store of ${data} is in the cluster ${clusterName}: ${rows.user ?? 0} users, ${conversations} timelines, ${entries} entries, ${rows.member ?? 0} memberships, ${rows.device ?? 0} devices, ${rows.endpoint ?? 0} webhooks, ${rows.event ?? 0} events; all of it verified. Also moved: ${tasksOf(tasks, deadLetters)}.`,
    `The server was unavailable for ${(switchMs / 1000).toFixed(2)} s, of which it took ${(leavingMs / 1000).toFixed(2)} s to stop.`,
    `Processes of the cluster that were waiting start now. To start others: hongyan start --profile cluster --data ${data}`,
    'On other machines, copy the files secret, link-secret and operator-token of the folder, and before-send-secret if it exists: with another secret all users have to log in again.',
  ].join('\n');
}

const toBeMoved = ({ entries, moved, webhooks, events, tasks, deadLetters }: MoveCheck): string =>
  `${entries} entries to move, ${moved} of them already moved; also ${webhooks} webhooks, ${events} events, ${tasksOf(tasks, deadLetters)}`;

const tasksOf = (waiting: number, deadLetters: number): string =>
  `${waiting} pending tasks and ${deadLetters} dead letters`;

/** Lines on stderr, now and then, with what is left. */
function progressLines(clock: Clock): (progress: MoveProgress) => void {
  let nextMs = clock.monotonicMs() + progressEveryMs;
  let begun = { what: '', atMs: 0, done: 0 };
  return ({ step, what, done, of }) => {
    const nowMs = clock.monotonicMs();
    if (begun.what !== `${step} ${what}`) begun = { what: `${step} ${what}`, atMs: nowMs, done };
    if (nowMs < nextMs) return;
    nextMs = nowMs + progressEveryMs;
    const perS = Math.round(((done - begun.done) * 1000) / Math.max(1, nowMs - begun.atMs));
    const left = of !== undefined && perS > 0 ? `, ${Math.ceil(Math.max(0, of - done) / perS)} s left` : '';
    console.error(
      `hongyan migrate: ${step}: ${done}${of === undefined ? '' : ` of ${of}`} ${what}, ${perS} a second${left}`,
    );
  };
}
