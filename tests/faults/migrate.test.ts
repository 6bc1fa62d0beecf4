// An embedded server that is moved into a cluster while a crowd writes: the move is killed again and again, also in the switch, and
// resumed; the crowd goes on at the cluster's gateway. Its clients know nothing of it, nor does the application that is sent its events.

import { afterEach, expect, setDefaultTimeout, test } from 'bun:test';
import { systemClock } from '@hongyan/base/clock';
import { silentLog } from '@hongyan/base/log';
import { dataLayout } from '@hongyan/server/config/data-layout';
import { openSqliteTaskQueue } from '@hongyan/server/ports/task-queue/sqlite-task-queue';
import { freePort } from '@hongyan/testing/free-port';
import { logIn } from '@hongyan/testing/http-client';
import { askOperator } from '@hongyan/testing/operator';
import { createRandom, testSeed } from '@hongyan/testing/seed';
import { until } from '@hongyan/testing/until';
import { ClusterUnderTest, clusterAddresses } from '../cluster-server.ts';
import {
  dataFolder,
  fromSources,
  killServers,
  removeDataFolders,
  type ServerProcess,
  spawnServer,
  startServer,
} from '../server-process.ts';
import { Application, applicationEnv, expectAllTold } from './application.ts';
import { Crowd } from './crowd.ts';
import { Front } from './front.ts';
import { settled, violationsOf } from './settled-crowd.ts';

setDefaultTimeout(240_000);

const random = createRandom(testSeed('migrate'));
const isThere = clusterAddresses() !== undefined;
if (!isThere && process.env.CI === 'true')
  throw new Error('MySQL, Kafka and Redis are not all up: run tools/services up');
if (!isThere)
  console.warn('SKIPPED: a move into a cluster: MySQL, Kafka and Redis are not all up; run tools/services up');
/** A run of the move takes about so long, with its start. */
const runMs = 2_500;
const switchMs = 400;
/** Of a device, between two sends. */
const pauseMs = 20;
const sendsAfter = 40;
let front: Front | undefined;
let application: Application | undefined;

afterEach(async () => {
  await application?.end();
  front?.close();
  await killServers();
  await removeDataFolders();
});

test.skipIf(!isThere)(
  '[D1][D2][D3][D4][D7][O27][O28][W1][W3][W4][W10] a store that is moved while a crowd writes, by a move that is killed and resumed, loses nothing',
  async () => {
    const dataDir = await dataFolder('migrate');
    const port = freePort();
    await giveUpTasks(dataDir);
    const env = applicationEnv;
    let server = await startServer({ dataDir, port, env });
    const cluster = await ClusterUnderTest.start({ cores: 0, gateways: 0, dataDir, env });
    const ports = [port];
    front = await Front.open(() => ports);
    const { url } = front;
    const own = await Application.begin(url, dataDir, random);
    application = own;
    const crowd = await Crowd.gather({ url, name: 'c', random });
    await crowd.connect();
    const life = new AbortController();
    const writing = crowd.live({ signal: life.signal, pauseMs });
    for (let kills = 0; kills < 2; kills++) await killedAfter(runMove(cluster), random() * runMs);
    // In the switch: the server has left, and comes back unless the folder is the cluster's already.
    own.goAway();
    const inSwitch = runMove(cluster);
    await Promise.race([
      until(() => !server.isAlive(), { withinMs: 60_000, what: 'the server to hand over' }),
      inSwitch.exited,
    ]);
    await killedAfter(inSwitch, random() * switchMs);
    server = spawnServer({ dataDir, port, env });
    await until(() => !server.isAlive() || server.output().includes('Hongyan is ready'), {
      withinMs: 20_000,
      what: 'the server to start or leave',
    });
    const [core, worker, gateway] = [cluster.startCore(), cluster.startWorker(), cluster.startGateway()];
    const last = runMove(cluster);
    const [code, output] = [await last.exited, await new Response(last.stdout).text()];
    console.log(output);
    expect({ code, output: code === 0 ? '' : await new Response(last.stderr).text() }).toEqual({ code: 0, output: '' });
    await Promise.all([core, worker]);
    ports.splice(0, 1, (await gateway).port);
    life.abort();
    await writing;
    await settled(crowd);
    // What the old server left unsent is what the worker has to send.
    expect(own.pulled.filter(({ id }) => !own.delivered.has(id)).length).toBeGreaterThan(0);
    own.comeBack();
    await crowd.connect();
    await crowd.load(sendsAfter);
    await settled(crowd);
    expect((await violationsOf(crowd)).slice(0, 3)).toEqual([]);
    expect((await logIn(url, 'c.ann')).userId).toBe('c.ann');
    await crowd.leave();
    await own.caughtUp(dataDir, crowd.events);
    expectAllTold(own, crowd.events);
    const { body } = await askOperator(dataDir, 'GET', '/admin/v1/tasks/dead');
    expect(body.dead_letters).toMatchObject([{ error: 'broken' }, { error: 'broken' }]);
    await expectRefused(dataDir);
  },
);

test.skipIf(!isThere)(
  '[O27] a move that ends while the server leaves says that it has to be started again',
  async () => {
    const dataDir = await dataFolder('migrate-ended');
    const server = await startServer({ dataDir });
    const cluster = await ClusterUnderTest.start({ cores: 0, gateways: 0, dataDir });
    const move = runMove(cluster);
    await until(() => server.output().includes('draining'), { withinMs: 60_000, what: 'the server to hand over' });
    process.kill(server.pid, 'SIGSTOP');
    move.kill('SIGINT');
    expect(await move.exited).toBe(1);
    expect(await new Response(move.stderr).text()).toContain(
      'the server has stopped, or is stopping, and nothing is lost',
    );
  },
);

test.skipIf(!isThere)('[O27] a move that ends before the server answered takes it as asked', async () => {
  const dataDir = await dataFolder('migrate-unanswered');
  const server = await startServer({ dataDir });
  const cluster = await ClusterUnderTest.start({ cores: 0, gateways: 0, dataDir });
  process.kill(server.pid, 'SIGSTOP');
  const move = runMove(cluster);
  let errors = '';
  for await (const part of move.stderr.pipeThrough(new TextDecoderStream())) {
    errors += part;
    if (part.includes('stopping the server')) move.kill('SIGINT');
  }
  expect(await move.exited).toBe(1);
  expect(errors).toContain('the server has stopped, or is stopping, and nothing is lost');
});

const runMove = (cluster: ClusterUnderTest) =>
  Bun.spawn([...fromSources, 'migrate', '--data', cluster.dataDir], {
    env: { PATH: process.env.PATH ?? '', ...withoutProfile(cluster.env) },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  });

/** Before the first server runs on the folder. */
async function giveUpTasks(dataDir: string): Promise<void> {
  const bounds = { tasksMax: 10, payloadMax: 1_000, deadLettersMax: 10 };
  const path = dataLayout(dataDir).tasks;
  const tasks = await openSqliteTaskQueue({ ...bounds, path, clock: systemClock, log: silentLog });
  const kind = 'devices.register';
  await tasks.add(['one', 'two'].map((payload) => ({ kind, payload })));
  const claims = await tasks.claim({ kind, limit: 10, payloadMax: 1_000, leaseMs: 60_000 });
  await tasks.settle(claims.map((claim) => ({ claim, outcome: { type: 'dead', error: 'broken' } })));
  await tasks.close();
}

const withoutProfile = ({ HONGYAN_PROFILE: _, ...env }: Readonly<Record<string, string>>) => env;

async function killedAfter(move: ReturnType<typeof runMove>, delayMs: number): Promise<void> {
  await Promise.race([Bun.sleep(delayMs), move.exited]);
  move.kill('SIGKILL');
  await move.exited;
}

/** The folder is the cluster's: nobody goes on writing what nobody sees. */
async function expectRefused(dataDir: string): Promise<void> {
  const again: ServerProcess = spawnServer({ dataDir });
  expect(await again.left()).toBe(1);
  expect(again.output()).toContain('was moved into the cluster');
}
