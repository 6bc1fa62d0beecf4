// kill -9 while a user sets things in private on two devices: what was acknowledged stands, and the present state is that of the log.

import { afterAll, expect, test } from 'bun:test';
import type { PrivateChange, PrivateContent } from '@hongyan/protocol/content';
import { isRemoval, type PrivateItem, privateKey } from '@hongyan/protocol/private';
import { type Account, openDirect, signUp } from '@hongyan/testing/http-client';
import { createRandom, testSeed } from '@hongyan/testing/seed';
import { type Frame, WireClient } from '@hongyan/testing/wire-client';
import { dataFolder, killServers, removeDataFolders, type ServerProcess, startServer } from '../server-process.ts';

const rounds = 10;
const loadMsMax = 200;
const inFlightMax = 8;

interface Sent {
  readonly client_msg_id: string;
  readonly change: PrivateChange;
  seq?: number;
}

afterAll(async () => {
  await killServers();
  await removeDataFolders();
});

test(`[D1][D3][E21] ${rounds} kills lose nothing that was acknowledged, and the state is the fold of the timeline`, async () => {
  const random = createRandom(testSeed('private kill'));
  const dataDir = await dataFolder('private-kill');
  let server: ServerProcess = await startServer({ dataDir });
  const [ann, bob] = [await signUp(server.url, 'ann'), await signUp(server.url, 'bob')];
  const conversationId = await openDirect(server.url, ann, bob.userId);
  const all: Sent[] = [];
  for (let round = 0; round < rounds; round++) {
    const devices = await Promise.all(['phone', 'desk'].map((deviceId) => connect(server, ann, deviceId)));
    const load = Promise.all(devices.map((device) => write(device, { all, conversationId, random })));
    await Bun.sleep(random() * loadMsMax);
    await server.kill();
    await load;
    server = await startServer({ dataDir, port: server.port });
    const wire = await connect(server, ann, 'phone');
    for (const sent of all.filter(({ seq }) => seq === undefined)) await send(wire, sent);
    const log = await entriesOf(wire);
    for (const { seq, client_msg_id } of all) expect(log.get(Number(seq))?.client_msg_id).toBe(client_msg_id);
    expect(log.size).toBe(all.length);
    expect([...(await stateOf(wire)).entries()].sort()).toEqual([...fold(log).entries()].sort());
    await wire.close();
  }
  console.log(`private kill: ${rounds} kills, ${all.length} changes`);
}, 120_000);

const connect = (server: ServerProcess, { token, userId }: Account, deviceId: string): Promise<WireClient> =>
  WireClient.open({ url: server.url, token, userId, deviceId });

/** Until the connection ends. Every change sets something new, so each makes an entry. */
async function write(
  wire: WireClient,
  {
    all,
    conversationId,
    random,
  }: { readonly all: Sent[]; readonly conversationId: string; readonly random: () => number },
): Promise<void> {
  let isConnected = true;
  void wire.closed.then(() => {
    isConnected = false;
  });
  const next = async () => {
    while (isConnected) {
      const number = all.length + 1;
      const place = { conversation_id: conversationId as never };
      const kind = random();
      const change: PrivateChange =
        kind < 0.5
          ? { type: 'setting', name: `s${Math.floor(random() * 5)}`, value: number }
          : kind < 0.7
            ? { type: 'mute', ...place, until: number }
            : { type: 'draft', ...place, text: `draft ${number}`, base_revision: number as never };
      const sent: Sent = { client_msg_id: `k${number}`, change };
      all.push(sent);
      await send(wire, sent);
    }
  };
  await Promise.all(Array.from({ length: inFlightMax }, next));
}

async function send(wire: WireClient, sent: Sent): Promise<void> {
  const { client_msg_id, change } = sent;
  const answer = await wire.request({ type: 'set_private', client_msg_id, change });
  if (answer === undefined) return;
  expect(answer).toMatchObject({ type: 'ack', conversation_id: 'u:ann' });
  sent.seq = Number(answer.seq);
}

async function entriesOf(wire: WireClient): Promise<ReadonlyMap<number, Frame>> {
  const entries = new Map<number, Frame>();
  for (;;) {
    const page = await wire.request({
      type: 'catch_up',
      conversation_id: 'u:ann',
      after_seq: entries.size,
      limit: 200,
    });
    if (!page) throw new Error('the connection ended while catching up');
    for (const entry of page.entries as Frame[]) entries.set(Number(entry.seq), entry);
    if (!page.has_more) return entries;
  }
}

/** What is set under each key, and by which entry. */
function fold(log: ReadonlyMap<number, Frame>): Map<string, string> {
  const set = new Map<string, string>();
  for (const [seq, { content }] of log) {
    // Of a draft that was superseded the content is erased.
    if ((content as { type: string }).type !== 'hongyan.private') continue;
    const { type: _type, ...own } = content as PrivateContent;
    set.delete(privateKey(own.change));
    if (!isRemoval(own)) set.set(privateKey(own.change), JSON.stringify({ seq, ...own }));
  }
  return set;
}

async function stateOf(wire: WireClient): Promise<Map<string, string>> {
  const page = await wire.request({ type: 'private_state', limit: 200 });
  const items = (page?.items ?? []) as readonly ({ readonly seq: number } & PrivateItem['content'])[];
  return new Map(items.map((item) => [privateKey(item.change), JSON.stringify(item)]));
}
