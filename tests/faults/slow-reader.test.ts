// [D8] One that stops reading: the others do not notice, it is closed, and it catches up with nothing missing.

import { afterAll, beforeAll, expect, test } from 'bun:test';
import type { ClientEvent, SeenEntry } from '@hongyan/testing/history';
import { type Account, createGroup, openDirect, readFully, signUp } from '@hongyan/testing/http-client';
import { opcode, RawSocket } from '@hongyan/testing/raw-socket';
import { WireClient } from '@hongyan/testing/wire-client';
import { dataFolder, killServers, removeDataFolders, type ServerProcess, startServer } from '../server-process.ts';
import { check } from './checker.ts';
import { Device } from './device.ts';

const heartbeatMs = 1000;
const text = 'x'.repeat(16_000);
/** Far more than the backlog and the kernel's buffers on both sides hold. */
const bytesMax = 96 * 1024 * 1024;
const inFlight = 8;
const rssGrowthBytesMax = 192 * 1024 * 1024;
let server: ServerProcess;
let accounts: readonly Account[];

beforeAll(async () => {
  const args = ['--heartbeat-ms', String(heartbeatMs)];
  server = await startServer({ dataDir: await dataFolder('slow'), args });
  accounts = await Promise.all(['ann', 'bob', 'cat', 'slow'].map((userId) => signUp(server.url, userId)));
}, 30_000);

afterAll(async () => {
  await killServers();
  await removeDataFolders();
});

test.each([
  ['a busy group', (ann: Account) => createGroup(server.url, ann, ['bob', 'cat', 'slow'])],
  ['a busy direct conversation', (ann: Account) => openDirect(server.url, ann, 'slow')],
])(
  '[D4][D8] a reader that stops in %s slows nobody, is closed, and misses nothing',
  async (name, begin) => {
    const events: ClientEvent[] = [];
    const record = (event: ClientEvent) => events.push(event);
    const [ann, bob, , slow] = accounts;
    if (!ann || !bob || !slow) throw new Error('accounts were made at the start');
    const conversationId = await begin(ann);
    const isGroup = conversationId.startsWith('g:');
    const writer = new Device({ url: server.url, account: ann, deviceId: 'writer', record });
    const other = new Device({ url: server.url, account: isGroup ? bob : ann, deviceId: 'other', record });
    for (const device of [writer, other]) await device.connect('receipts');
    const rssBefore = await server.rssBytes();

    const raw = await RawSocket.open(server.url);
    raw.text(JSON.stringify({ type: 'hello', token: slow.token, device_id: 'slow' }));
    await raw.nextOfType('welcome');
    const offline = untilOffline(bob, slow.userId);
    raw.pause();
    // It still speaks, so it is not idle: only its reading stopped.
    const speaking = setInterval(() => raw.text('{"type":"ping"}'), heartbeatMs / 4);

    let isClosed = false;
    void offline.then(() => {
      isClosed = true;
    });
    const latenciesMs: number[] = [];
    let sent = 0;
    const write = async () => {
      while (!isClosed && sent * text.length < bytesMax) {
        const clientMsgId = `${name} ${++sent}`;
        const startedMs = performance.now();
        const outcome = await writer.send({ conversationId, clientMsgId, content: { type: 'text', text } });
        if (outcome.type !== 'acked') throw new Error(`a send became ${JSON.stringify(outcome)}`);
        await other.whenSeen(conversationId, outcome.seq);
        latenciesMs.push(performance.now() - startedMs);
      }
    };
    await Promise.all(Array.from({ length: inFlight }, write));
    await offline;
    clearInterval(speaking);
    const p99 = latenciesMs.sort((a, b) => a - b)[Math.floor(latenciesMs.length * 0.99)] ?? 0;
    console.log(`slow reader in ${name}: closed after ${sent} messages; the others' p99 was ${p99.toFixed(1)} ms`);
    expect(sent * text.length).toBeLessThan(bytesMax);
    // Seen by the other while one did not read, far more than is under way at a time: none of it waited for that one.
    expect(latenciesMs.length).toBeGreaterThan(inFlight * 10);
    expect(await server.rssBytes()).toBeLessThan(rssBefore + rssGrowthBytesMax);

    // It reads what still was on the way to it, meets the end, comes back with what it has, and asks for the rest.
    const device = new Device({ url: server.url, account: slow, deviceId: 'slow', record });
    raw.resume();
    const code = await readToTheEnd(raw, (entry) =>
      device.saw({ type: 'seen', userId: slow.userId, deviceId: 'slow', connection: -1, via: 'push', entry }),
    );
    console.log(`slow reader in ${name}: ${code === undefined ? 'cut without a close frame' : `closed with ${code}`}`);
    expect([4001, undefined]).toContain(code);
    expect(device.upTo(conversationId)).toBeLessThan(sent);
    await device.connect('receipts');
    const readers = isGroup ? accounts : [ann, slow];
    const reads = await Promise.all(readers.map((account) => readFully(server.url, account, conversationId)));
    const devices = [writer, other, device].map(({ userId, deviceId }) => ({
      userId,
      deviceId,
      conversationIds: [conversationId],
    }));
    expect(check(events, { reads, outcomes: [], devices }).slice(0, 3)).toEqual([]);
    await Promise.all([writer, other, device].map(({ wire }) => wire.close()));
  },
  60_000,
);

/** Watches from a connection of its own. */
async function untilOffline(by: Account, userId: string): Promise<void> {
  const wire = await WireClient.open({ url: server.url, token: by.token, userId: by.userId, deviceId: 'watch' });
  await wire.request({ type: 'presence', user_ids: [userId] });
  for (let isOnline = true; isOnline; ) {
    const change = await wire.next(({ type }) => type === 'presence');
    if (change.user_id === userId) isOnline = change.online === true;
  }
  await wire.close();
}

async function readToTheEnd(raw: RawSocket, onEntry: (entry: SeenEntry) => void): Promise<number | undefined> {
  for (;;) {
    const frame = await raw.nextFrame().catch(() => undefined);
    if (!frame) return undefined;
    if (frame.opcode === opcode.close) return Buffer.from(frame.payload).readUInt16BE(0);
    if (frame.opcode !== opcode.text) continue;
    const message = JSON.parse(new TextDecoder().decode(frame.payload)) as SeenEntry & { type: string };
    if (message.type === 'message') onEntry(message);
  }
}
