// Everything that a data folder holds is the cluster's after a move, also what changes in the last moment: asked by the ports of both.

import { afterEach, beforeEach, expect, setDefaultTimeout, test } from 'bun:test';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@hongyan/base/clock';
import { silentLog } from '@hongyan/base/log';
import { systemRandom } from '@hongyan/base/random';
import type { Notice } from '@hongyan/protocol/notice';
import { rejectionOf } from '@hongyan/testing/rejection';
import { Scratch } from '@hongyan/testing/scratch';
import { describeWith } from '@hongyan/testing/services';
import { dataLayout } from '../../config/data-layout.ts';
import { loadConfig } from '../../config/load.ts';
import { assertStillOwn } from '../../config/moved.ts';
import type { Config } from '../../config/options.ts';
import { Metrics } from '../../metrics/metrics.ts';
import type { Access } from '../../ports/access/access.ts';
import { openSqliteAccess } from '../../ports/access/sqlite-access.ts';
import type { Devices } from '../../ports/devices/devices.ts';
import { openSqliteDevices } from '../../ports/devices/sqlite-devices.ts';
import { register, registration, token, touch } from '../../ports/devices/testing/builders.ts';
import type { Directory, SoleDirectory } from '../../ports/directory/directory.ts';
import { openSqliteDirectory } from '../../ports/directory/sqlite-directory.ts';
import {
  advance,
  allMembers,
  allMemberships,
  conversation,
  device,
  group,
  joining,
  keyOf,
  newUser,
  seq,
  user,
} from '../../ports/directory/testing/builders.ts';
import { openMysqlEventLog } from '../../ports/event-log/mysql-event-log.ts';
import { openSqliteEventLog } from '../../ports/event-log/sqlite-event-log.ts';
import { endpoint } from '../../ports/event-log/testing/drafts.ts';
import { FileNoticeStore } from '../../ports/notice-store/file-notice-store.ts';
import { RedisNoticeStore } from '../../ports/notice-store/redis-notice-store.ts';
import { openSqliteTaskQueue } from '../../ports/task-queue/sqlite-task-queue.ts';
import { openSqliteTimeline } from '../../ports/timeline/sqlite-timeline.ts';
import { entries, entry, historyOf } from '../../ports/timeline/testing/entries.ts';
import { Closing } from '../closing.ts';
import { databaseOf } from '../cluster/databases.ts';
import { openRedis, openSharedServers } from '../cluster/shared-servers.ts';
import { openStores } from '../cluster/stores.ts';
import { checkMove, type MoveOptions, moveIntoCluster } from './move.ts';
import { changeOutgoing, fillOutgoing, goOn, type Outgoing, outgoingQuestions } from './testing/outgoing.ts';

setDefaultTimeout(60_000);

interface Stores extends Outgoing {
  readonly directory: Directory;
  readonly access: Access;
  readonly devices: Devices;
}

describeWith(['mysql', 'kafka', 'redis'], 'a move into a cluster', ({ mysql, kafka, redis, ...addresses }) => {
  let scratch: Scratch;
  let config: Config;
  let embedded: Stores & { readonly directory: SoleDirectory };
  const closing = new Closing();

  beforeEach(async () => {
    const data = mkdtempSync(join(tmpdir(), 'hongyan-move-'));
    scratch = await emptyCluster();
    config = configOf(scratch, data);
    embedded = await openEmbedded(data);
    await fill(embedded);
    await new FileNoticeStore(dataLayout(data).notices, systemClock).put(notice);
  });
  afterEach(async () => {
    await closing.run();
    await scratch.remove();
    rmSync(config.data, { recursive: true });
  });

  async function emptyCluster(): Promise<Scratch> {
    const made = new Scratch({ mysql, kafka, redis, ...addresses });
    for (const service of ['timeline', 'directory', 'access', 'devices', 'events']) await made.database(service);
    return made;
  }

  function configOf({ prefix }: Scratch, data: string): Config {
    if (!mysql || !kafka || !redis) throw new Error('describeWith gives what it was asked for');
    const loaded = loadConfig({
      argv: [],
      env: {
        HONGYAN_DATA: data,
        HONGYAN_CLUSTER_NAME: prefix,
        HONGYAN_MYSQL_URL: `mysql://${prefix}_{service}:${prefix}@${mysql.host}:${mysql.port}`,
        HONGYAN_KAFKA_BROKERS: kafka.brokers.join(','),
        HONGYAN_REDIS_URLS: `redis://${redis.address}`,
      },
      readFile: () => '',
    });
    if (loaded.type !== 'ok') throw new Error(JSON.stringify(loaded));
    return loaded.config;
  }

  async function openEmbedded(data: string): Promise<typeof embedded> {
    const layout = dataLayout(data);
    const store = { log: silentLog, queueMax: 1_000, batchMax: 100 };
    const timeline = await openSqliteTimeline({ ...store, dir: layout.timeline });
    const directory = await openSqliteDirectory({ ...store, path: layout.directory });
    const access = await openSqliteAccess({ ...store, path: layout.access, revocationsMax: 1_000 });
    const devices = await openSqliteDevices({ ...store, path: layout.devices, maxBytes: undefined, onDeath() {} });
    const events = await openSqliteEventLog({ ...store, path: layout.events });
    const bounds = { tasksMax: 100, payloadMax: 10_000, deadLettersMax: 10 };
    const tasks = await openSqliteTaskQueue({ ...bounds, path: layout.tasks, clock: systemClock, log: silentLog });
    const opened = { timeline, directory, access, devices, events, tasks };
    for (const one of Object.values(opened)) closing.push(() => one.close());
    return opened;
  }

  async function openCluster(): Promise<Stores> {
    const surroundings = {
      log: silentLog,
      clock: systemClock,
      tracing: undefined,
      metrics: new Metrics({ process: 'test', log: silentLog }),
    };
    const redis = await openRedis(config, surroundings);
    const servers = await openSharedServers(config, surroundings, { redis, instance: 'test' });
    closing.push(() => servers.close());
    const stores = await openStores(config, surroundings, {
      ...{ instance: 'test', servers, closing, sends: false },
      signal: new AbortController().signal,
    });
    const events = await openMysqlEventLog({
      ...{ mysql: await databaseOf(config, 'events'), queueMax: 1_000, batchMax: 100 },
      ...{ clock: systemClock, random: systemRandom },
    });
    closing.push(() => events.close());
    return { ...stores, events };
  }

  const move = (more: Partial<MoveOptions> = {}) =>
    moveIntoCluster({
      ...{ config, clock: systemClock, log: silentLog, signal: new AbortController().signal },
      onProgress() {},
      askToLeave: async () => {},
      ...more,
    });

  test('[O27] users, groups, positions, keys, revocations, devices and messages are the same on both sides', async () => {
    expect(await checkMove({ config, clock: systemClock, log: silentLog })).toEqual({
      ...{ entries: 12, moved: 0, webhooks: 2, tasks: 0, deadLetters: 3 },
      events: (await embedded.events.ends()).end,
    });
    const report = await move({ askToLeave: () => changeAtLast(embedded) });
    const { end, removedThrough } = await embedded.events.ends();
    const rows = { user: 4, conversation: 2, device: 4, endpoint: 2, event: end - removedThrough };
    expect(report).toMatchObject({ entries: 14, rows, deadLetters: 3 });
    const cluster = await openCluster();
    for (const question of questions) expect(await question(cluster)).toEqual(await question(embedded));
    expect(await goOn(cluster)).toEqual(await goOn(embedded));
    expect(await new RedisNoticeStore(await openedRedis()).read()).toEqual([notice]);
    // And goes on.
    expect(await cluster.access.createKey({ ...key, keyId: 'later' })).toBe('created');
    expect(await cluster.directory.addMember(joining('dan', { atMs: 50 }))).toBe('added');
    const [appended] = await cluster.timeline.append([entry()]);
    expect(appended?.entry.seq).toBe(seq(13));
  });

  test('[O27] a move that is interrupted anywhere goes on where it was', async () => {
    for (const steps of [1, 8, 20, 35, 50]) {
      const controller = new AbortController();
      let left = steps;
      const onProgress = () => {
        if (--left === 0) controller.abort(new Error('interrupted'));
      };
      const error = await rejectionOf(move({ signal: controller.signal, onProgress }));
      expect(error).toMatchObject({ message: 'interrupted' });
      await embedded.directory.setTier({ userId: user('ann'), tier: `tier ${steps}` });
      await embedded.timeline.append(entries(2));
      await changeOutgoing(embedded);
    }
    expect(await move()).toMatchObject({ entries: 22 });
    const cluster = await openCluster();
    for (const question of questions) expect(await question(cluster)).toEqual(await question(embedded));
    expect(await move()).toBe('moved before');
  });

  test('[O27][E3] what a member wrote right before the server was killed is not unread in the cluster', async () => {
    const { directory, timeline } = embedded;
    await directory.moveSentThrough(await timeline.position());
    const [appended] = await timeline.append([entry({ from: 'ann' })]);
    const sentSeqs = async (stores: Stores) =>
      (await stores.directory.getMembers([keyOf('ann'), keyOf('bob')])).map((member) => Number(member?.sentSeq));
    expect(await sentSeqs(embedded)).toEqual([0, 0]);
    await move();
    expect(await sentSeqs(await openCluster())).toEqual([Number(appended?.entry.seq), 0]);
  });

  test('[O27] that nobody wants events any more comes over too', async () => {
    for (const id of ['wh_1', 'wh_2']) await embedded.events.removeEndpoint(id);
    await embedded.events.endRecording();
    await move();
    const cluster = await openCluster();
    for (const question of outgoingQuestions) expect(await question(cluster)).toEqual(await question(embedded));
    expect(await cluster.events.isRecording()).toBe(false);
  });

  test('[O27] the first endpoint of a server comes over, though there was no log of events when the move began', async () => {
    const path = dataLayout(config.data).events;
    await embedded.events.close();
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true });
    const first = endpoint({ id: 'wh_first' });
    let epoch = '';
    const askToLeave = async () => {
      const events = await openSqliteEventLog({ path, log: silentLog, queueMax: 10, batchMax: 10 });
      epoch = events.epoch;
      await events.beginRecording(await embedded.timeline.position());
      await events.addEndpoint(first);
      await events.close();
    };
    expect(await checkMove({ config, clock: systemClock, log: silentLog })).toMatchObject({ webhooks: 0, events: 0 });
    expect(await move({ askToLeave })).toMatchObject({ rows: { endpoint: 1, event: 0 } });
    const cluster = await openCluster();
    expect(cluster.events.epoch).toBe(epoch);
    expect(await cluster.events.endpoints()).toEqual([first]);
    const after = await cluster.events.feedPosition();
    expect(after && (await cluster.timeline.feed.read({ after, limit: 10 })).entries).toEqual([]);
  });

  test('[O27] a cluster in use is refused, and the folder is no server of its own afterwards', async () => {
    const cluster = await openCluster();
    await cluster.directory.createUser(newUser('zoe'));
    expect(await rejectionOf(move())).toMatchObject({
      message: expect.stringContaining('the table user of its directory'),
    });
    expect(existsSync(dataLayout(config.data).moved)).toBe(false);
    await assertStillOwn(config.data);
  });

  test('[O27] after the move no server starts on the folder', async () => {
    await move();
    expect(await rejectionOf(assertStillOwn(config.data))).toMatchObject({
      message: expect.stringContaining(`was moved into the cluster ${config.clusterName}`),
    });
  });

  test('[O27] a folder that was moved into one cluster is not moved into another', async () => {
    await move();
    const other = await emptyCluster();
    closing.push(() => other.remove());
    const asked = { clock: systemClock, log: silentLog, config: configOf(other, config.data) };
    const message = expect.stringContaining(`was moved into the cluster ${config.clusterName}`);
    expect(await rejectionOf(checkMove(asked))).toMatchObject({ message });
    expect(await rejectionOf(move(asked))).toMatchObject({ message });
  });

  test('[O27] a check refuses what a move would: a cluster that has another store, or half of it', async () => {
    const data = mkdtempSync(join(tmpdir(), 'hongyan-move-other-'));
    closing.push(() => rmSync(data, { recursive: true }));
    await openEmbedded(data);
    const asked = { clock: systemClock, log: silentLog, config: { ...config, data } };
    const stopped = AbortSignal.abort(new Error('interrupted'));
    expect(await rejectionOf(move({ signal: stopped }))).toMatchObject({ message: 'interrupted' });
    for (const words of ['the unfinished migration of another store', 'is in use']) {
      const message = expect.stringContaining(words);
      expect(await rejectionOf(checkMove(asked))).toMatchObject({ message });
      expect(await rejectionOf(move(asked))).toMatchObject({ message });
      await move();
    }
  });

  async function openedRedis() {
    const client = await openRedis(config, { clock: systemClock, log: silentLog });
    closing.push(() => client.close());
    return client;
  }
});

const key = {
  keyId: 'k1',
  name: 'shop',
  scopes: ['messages:send'],
  secretHash: 'a'.repeat(64),
  createdAtMs: 5,
} as const;
const notice: Notice = { notice_id: 'n1', text: 'maintenance', severity: 'info', until: 9e15 };
const names = ['ann', 'bob', 'cat', 'dan'];

async function fill(stores: Stores): Promise<void> {
  const { directory, access, devices, timeline } = stores;
  for (const name of names) await directory.createUser(newUser(name, `${name} 鸿雁`));
  await directory.createConversation(group('g:1', ['ann', 'bob', 'cat']));
  await directory.createConversation(group('g:2', ['bob', 'nobody']));
  await timeline.append(entries(12));
  await directory.advanceReceipts([advance({ deliveredSeq: seq(9), readSeq: seq(3) })]);
  await directory.putPrivate({
    ...{ userId: user('ann'), afterSeq: seq(0), asOfSeq: seq(2), reads: [] },
    rows: [{ key: 'mute|g:1', seq: seq(2), json: '{"until":null}' }],
  });
  await access.createKey(key);
  await access.revoke([{ type: 'user', userId: user('Bob'), issuedBeforeMs: 9, untilMs: 9e15 }]);
  await access.recordUse({ tokenId: 't1', userId: user('ann'), deviceId: device('phone'), expiresAtMs: 9e15 });
  await register(devices, registration('d1'), registration('d2', { model: 'P2' }), registration('d3'));
  await devices.bind({ deviceToken: token('d1'), userId: user('ann'), deviceId: device('phone') });
  await devices.touch(touch('bob', 'desk', 77, 'Chrome'));
  await fillOutgoing(stores);
}

async function changeAtLast(stores: Stores): Promise<void> {
  const { directory, access, devices, timeline } = stores;
  await directory.updateUser({ userId: user('bob'), displayName: 'robert', isDisabled: true });
  await directory.removeMember({ ...keyOf('cat'), atMs: 40 });
  await directory.advanceReceipts([advance({ deliveredSeq: seq(12), readSeq: seq(12) })]);
  await access.revoke([{ type: 'token', tokenId: 't1', userId: user('ann'), untilMs: 9e15 }]);
  await devices.unbind({ deviceToken: token('d1'), userId: user('ann') });
  await devices.bind({ deviceToken: token('d2'), userId: user('ann'), deviceId: device('phone') });
  await timeline.append(entries(2, { in: 'g:2' }));
  await changeOutgoing(stores);
}

/** What the two have to answer alike. */
const questions: readonly ((stores: Stores) => Promise<unknown>)[] = [
  ({ directory }) => directory.getUsers([...names, 'ANN', 'nobody'].map(user)),
  ({ directory }) => Promise.all(names.map((name) => directory.getPasswordHash(user(name)))),
  ({ directory }) => Promise.all(names.map((name) => directory.getTier(user(name)))),
  ({ directory }) => directory.searchUsers({ query: 'robert', limit: 5 }),
  ({ directory }) => directory.searchUsers({ query: '鸿', limit: 5 }),
  ({ directory }) => directory.getConversations(['g:1', 'g:2'].map(conversation)),
  ({ directory }) => allMembers(directory, 'g:1'),
  ({ directory }) => Promise.all([...names, 'nobody'].map((name) => allMemberships(directory, name))),
  ({ directory }) => directory.getMembers(names.map((name) => keyOf(name))),
  ({ directory }) => Promise.all(names.map((name) => directory.countMemberships(user(name)))),
  ({ directory }) => directory.deviceReceipts({ conversationId: conversation('g:1'), userIds: names.map(user) }),
  ({ directory }) => directory.privateTotals(user('ann')),
  ({ directory }) => directory.privatePage({ userId: user('ann'), limit: 10 }),
  ({ access }) => access.listKeys(),
  async ({ access }) => (await access.revocations({ limit: 10 })).revocations,
  ({ access }) => access.issuedBefore(user('bob')),
  ({ access }) => access.signedIn({ userId: user('ann'), nowMs: 1 }),
  ({ devices }) => devices.get(token('d1')),
  ({ devices }) => devices.get(token('d2')),
  ({ devices }) => devices.ofUsers(names.map(user)),
  ({ devices }) => devices.counts({ limit: 10 }),
  ({ devices }) => devices.total(),
  ({ timeline }) => historyOf(timeline, 'g:1'),
  ({ timeline }) => historyOf(timeline, 'g:2'),
  ...outgoingQuestions,
];
