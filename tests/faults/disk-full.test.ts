// A store that is full: sends are refused as unavailable, what was acknowledged stays, reads go on, and space brings sends back.

import { afterAll, expect, test } from 'bun:test';
import { readRunning } from '@hongyan/server/compose/commands/running-file';
import type { ClientEvent } from '@hongyan/testing/history';
import {
  type Account,
  askOutcome,
  call,
  createGroup,
  readFully,
  readPositions,
  signUp,
} from '@hongyan/testing/http-client';
import { type SendOutcome, WireClient } from '@hongyan/testing/wire-client';
import { OperatorClient } from '../../packages/cli/src/operator-client.ts';
import type { Readiness } from '../../packages/cli/src/status/picture.ts';
import { Scrape } from '../scrape.ts';
import { dataFolder, killServers, removeDataFolders, startServer } from '../server-process.ts';
import { check } from './checker.ts';

const small = ['--store-bytes-max', String(512 * 1024)];
const large = ['--store-bytes-max', String(64 * 1024 * 1024)];
const text = 'x'.repeat(4000);
/** Twice what fits. */
const sendCount = 250;
const inFlight = 16;

afterAll(async () => {
  await killServers();
  await removeDataFolders();
});

test('[D1][D2][D3] a full store refuses sends and loses nothing; more room brings sends back', async () => {
  const dataDir = await dataFolder('disk-full');
  const events: ClientEvent[] = [];
  let server = await startServer({ dataDir, args: small });
  const { url, port } = server;
  const ann = await signUp(url, 'ann');
  const bob = await signUp(url, 'bob');
  const group = await createGroup(url, ann, ['bob']);
  const open = ({ userId, token }: Account) =>
    WireClient.open({ url, token, userId, deviceId: `${userId}-1`, record: (event) => events.push(event) });
  const keys = Array.from({ length: sendCount }, (_, index) => `k${index}`);
  const sendAll = (wire: WireClient, wanted: readonly string[]) =>
    inTurns(wanted, (clientMsgId) =>
      wire.send({ conversationId: group, clientMsgId, content: { type: 'text', text: `${clientMsgId} ${text}` } }),
    );
  const proof = async () => {
    const reads = [await readFully(url, ann, group), await readFully(url, bob, group)];
    events.push(...(await readPositions(url, ann, group)));
    const outcomes = await Promise.all(keys.map((key) => askOutcome(url, ann, key)));
    return check(events, { reads, outcomes, devices: [] }).slice(0, 3);
  };

  let wire = await open(ann);
  const reader = await open(bob);
  const first = await sendAll(wire, keys);
  const refused = keys.filter((_, index) => first[index]?.type === 'refused');
  expect(refused.length).toBeGreaterThan(20);
  expect(keys.length - refused.length).toBeGreaterThan(20);
  expect(new Set(first.map(codeOf))).toEqual(new Set(['acked', 'unavailable']));
  // Full is not dead: the same process answers, others read.
  expect(server.isAlive()).toBe(true);
  expect(await wire.ping()).toBe(true);
  expect((await reader.catchUp(group, 0))?.entries.length).toBeGreaterThan(20);
  expect(await proof()).toEqual([]);
  // Operators see it, and the log does not help to fill the disk.
  const readiness = await fetch(`${(await readRunning(dataDir))?.operatorUrl}/readyz`);
  expect([readiness.status, (await readiness.json()).checks.stores]).toEqual([
    200,
    { status: 'degraded', reason: 'writes to the store timeline fail: database or disk is full' },
  ]);
  expect(server.output().match(/"commands failed"/g)?.length).toBeLessThanOrEqual(3);

  // Full across a kill.
  await server.kill();
  server = await startServer({ dataDir, port, args: small });
  events.push({ type: 'restarted' });
  expect(await proof()).toEqual([]);

  await server.stop();
  server = await startServer({ dataDir, port, args: large });
  events.push({ type: 'restarted' });
  wire = await open(ann);
  // Everything again, with its keys: what was acked is marked, what was refused takes effect now.
  const second = await sendAll(wire, keys);
  expect(new Set(second.map(codeOf))).toEqual(new Set(['acked']));
  expect(await proof()).toEqual([]);
}, 60_000);

test('a full directory refuses what needs room, by its code, and still lets every device in to read', async () => {
  const server = await startServer({ dataDir: await dataFolder('directory-full'), args: small });
  const { url } = server;
  const ann = await signUp(url, 'ann');
  const group = await createGroup(url, ann, []);
  const wire = await WireClient.open({ url, token: ann.token, userId: 'ann', deviceId: 'known' });
  await wire.send({ conversationId: group, clientMsgId: 'k', content: { type: 'text', text: 'before' } });
  const body = { kind: 'group', title: 't'.repeat(128), members: [] };
  const create = () => call(url, '/v1/conversations', { method: 'POST', token: ann.token, body });
  const answers = await inTurns(Array(3000).fill(0), create);
  const refused = answers.filter(({ status }) => status !== 201);
  expect(refused.length).toBeGreaterThan(0);
  expect(new Set(refused.map(({ status, body }) => `${status} ${body.code}`))).toEqual(new Set(['503 unavailable']));

  await wire.close();
  for (const deviceId of ['known', ...Array.from({ length: 100 }, (_, no) => `new-${no}`.padEnd(64, 'x'))]) {
    const reader = await WireClient.open({ url, token: ann.token, userId: 'ann', deviceId });
    expect((await reader.catchUp(group, 0))?.entries.at(-1)?.client_msg_id).toBe('k');
    await reader.close();
  }
  expect((await readFully(url, ann, group)).lastSeq).toBe(2);
  expect(server.isAlive()).toBe(true);
}, 60_000);

test('[O3] a store that is full shows in readiness and in metrics, also one that no message goes through', async () => {
  const args = ['--store-bytes-max', String(128 * 1024)];
  const server = await startServer({ dataDir: await dataFolder('access-full'), args });
  const operator = await OperatorClient.connect(server.dataDir);
  const failures = async () => (await Scrape.of(server)).sum('hongyan_commit_failures_total', 'store="access"');
  expect(await failures()).toBe(0);
  const body = { name: 'n'.repeat(64), scopes: ['tokens:mint'] };
  const answers = await inTurns(
    Array(1000).fill(0),
    async () => (await operator.fetch('POST', '/admin/v1/keys', body)).status,
  );
  expect(new Set(answers)).toEqual(new Set([200, 503]));
  expect(((await (await operator.fetch('GET', '/readyz')).json()) as Readiness).checks.stores).toEqual({
    status: 'degraded',
    reason: 'writes to the store access fail: database or disk is full',
  });
  expect(await failures()).toBeGreaterThan(0);
  expect((await Scrape.of(server)).sum('hongyan_store_bytes', 'store="access"')).toBeGreaterThan(64 * 1024);
}, 60_000);

const codeOf = (outcome: SendOutcome) => (outcome.type === 'refused' ? outcome.code : outcome.type);

/** Results in the order of the items, some on the way at a time. */
async function inTurns<T, R>(items: readonly T[], run: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const rest = [...items.entries()];
  const work = async () => {
    for (let next = rest.shift(); next; next = rest.shift()) results[next[0]] = await run(next[1]);
  };
  await Promise.all(Array.from({ length: inFlight }, work));
  return results;
}
